"""Speeds on this server: of each model, and of writing each file format, by every job.

A model without a job yet is measured; for a format there is a first guess.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal

from srgan_gp.inference.speed_trial import measure_speed
from srgan_gp.inference.tiling.window_choice import TileLimit
from srgan_gp.inference.upscaler import Upscaler

_TEST_SIDE = 96  # pixels of the image that is upscaled for the first measurement
_SHARE_OF_NEW = 0.5  # weight of the newest job in the moving average
_MIN_PIXELS = 20_000  # shorter jobs say little about long ones
_MAX_TILE_SECONDS = 4.0
"""Duration of a tile that is aimed for, so that the progress moves."""
_GUESSED_WRITING_SECONDS = 0.1
"""Time of a megapixel of a result before the first file of its format was written."""


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


class SpeedAverages:
    """Moving averages of seconds per megapixel, by key. Thread-safe."""

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
            name: key of the average.
            pixels: pixels that were computed or written.
            seconds: time that they took.
        """
        if pixels < _MIN_PIXELS:
            return
        newest = seconds / pixels * 1e6
        with self._lock:
            earlier = self._seconds.get(name, newest)
            self._seconds[name] = _SHARE_OF_NEW * newest + (1 - _SHARE_OF_NEW) * earlier


class ModelSpeeds(SpeedAverages):
    """Seconds per megapixel of the input, the margin of a region included, by model. Thread-safe.

    The key of a model is its name; the fast mode has one of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writing = WritingSpeeds()
        """Speeds of writing the results."""

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


class WritingSpeeds(SpeedAverages):
    """Seconds per megapixel of a result that is written, by file suffix. Thread-safe."""

    @contextmanager
    def measured(self, name: str, pixels: int) -> Generator[None]:
        """Record the time of the block, unless it raises; as for `record`."""
        start = time.perf_counter()
        yield
        self.record(name, pixels, time.perf_counter() - start)

    def expected_seconds(self, name: str, pixels: int) -> float:
        """Estimate the time of a result.

        Args:
            name: key of the average.
            pixels: of the result.

        >>> WritingSpeeds().expected_seconds(".jpg", 48_000_000)
        4.8
        """
        known = self.get(name)
        return (_GUESSED_WRITING_SECONDS if known is None else known) * pixels / 1e6
