"""`measure_seconds_per_pixel`: the time of a model for an input pixel, measured on this machine."""

import time
from collections.abc import Callable

import numpy as np

from srgan_gp.inference.upscaler import Upscaler


def measure_seconds_per_pixel(
    upscaler: Upscaler, side: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Upscale a black square twice, and time the second run.

    The time of a network does not depend on the values of the pixels. The first run is not timed,
    because it also allocates memory.

    Args:
        upscaler: the model; no other thread may use it meanwhile.
        side: side of the square in pixels.
        clock: returns seconds; tests pass another clock.

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
