"""`measure_speed`: the speed of a model on this machine, from a short timed trial."""

import time
from collections.abc import Callable

import numpy as np

from srgan_gp.inference.upscaler import Upscaler


def measure_speed(
    upscaler: Upscaler, side: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Upscale a black square twice, and time the second run; the first one also allocates memory.

    Args:
        upscaler: the model, used by nobody else meanwhile.
        side: side of the square in pixels.
        clock: returns seconds.

    Returns:
        Seconds for an input pixel.

    Raises:
        SrganGpError: as for `Upscaler.upscale`.
    """
    image = np.zeros((side, side, 3), np.uint8)
    upscaler.upscale(image)
    started = clock()
    upscaler.upscale(image)
    return (clock() - started) / side**2
