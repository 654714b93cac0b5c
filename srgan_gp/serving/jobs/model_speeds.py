"""Speed of each model on this server: by every job, and before the first by a measurement."""

import threading
import time
from collections.abc import Callable
from typing import Literal

from srgan_gp.inference.speed_trial import measure_speed
from srgan_gp.inference.tiling.window_choice import TileLimit
from srgan_gp.inference.upscaler import Upscaler

_TEST_SIDE = 96  # pixels of the image that is upscaled for the first measurement
_SHARE_OF_NEW = 0.5  # weight of the newest job in the moving average
_MIN_PIXELS = 20_000  # shorter jobs say little about long ones
_MAX_TILE_SECONDS = 4.0
"""Duration of a tile that is aimed for, so that the progress moves."""


def tile_for(seconds_per_megapixel: float | None) -> TileLimit | Literal["auto"]:
    """Choose tiles that are completed often enough for the progress of a job.

    Args:
        seconds_per_megapixel: measured time of the model; None: unknown.

    >>> tile_for(8.0), tile_for(None)
    (TileLimit(pixels=500000), 'auto')
    """
    if not seconds_per_megapixel:
        return "auto"
    return TileLimit(max(int(_MAX_TILE_SECONDS / seconds_per_megapixel * 1e6), 1))


class ModelSpeeds:
    """Seconds per megapixel of the input, by model. Thread-safe.

    The key of a model is its name; the fast mode has one of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def get(self, name: str) -> float | None:
        """Return the seconds per megapixel; None: not measured yet."""
        with self._lock:
            return self._seconds.get(name)

    def record(self, name: str, pixels: int, seconds: float) -> None:
        """Take the time of a job into the average.

        Args:
            name: name of the model.
            pixels: input pixels that the network computed, the margin of a region included.
            seconds: time of the network.
        """
        if pixels < _MIN_PIXELS:
            return
        newest = seconds / pixels * 1e6
        with self._lock:
            earlier = self._seconds.get(name, newest)
            self._seconds[name] = _SHARE_OF_NEW * newest + (1 - _SHARE_OF_NEW) * earlier

    def measure(
        self, name: str, upscaler: Upscaler, clock: Callable[[], float] = time.perf_counter
    ) -> float:
        """Return the seconds per megapixel; upscale a small image twice if it is unknown.

        Args:
            name: name of the model.
            upscaler: the model, used by nobody else meanwhile.
            clock: returns seconds.
        """
        known = self.get(name)
        if known is not None:
            return known
        seconds = measure_speed(upscaler, _TEST_SIDE, clock) * 1e6
        with self._lock:
            return self._seconds.setdefault(name, seconds)
