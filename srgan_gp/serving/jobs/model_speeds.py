"""Measured speeds of this server: of each model, and of writing each file format.

Every job adds its time to moving averages, by which the progress of later jobs is estimated. Before
its first job a model is measured with a small image, and for a file format a guess is used.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal

from srgan_gp.inference.speed_trial import measure_seconds_per_pixel
from srgan_gp.inference.tiling.window_choice import TileLimit
from srgan_gp.inference.upscaler import Upscaler

_TEST_SIDE = 96
"""Side in pixels of the image that is upscaled for the first measurement. The first visitor waits
longer for a larger one, and a smaller one says less about large images."""
_SHARE_OF_NEW = 0.5
"""Weight of the newest job in the moving average. With a higher one a slow job spoils the next
estimates; with a lower one they adapt later to a change of the load."""
_MIN_PIXELS = 20_000
"""Pixels of the smallest job that is averaged, about 140 x 140: smaller jobs say little about large
ones, and with a higher limit many jobs would not count."""
_MAX_TILE_SECONDS = 4.0
"""Largest duration of a tile, so that the progress moves at least that often. With less time tiles
are smaller, and more of their pixels are overlap, which is computed twice."""
_GUESSED_WRITING_SECONDS = 0.1
"""Seconds to write a megapixel of a result, before the first file of its format was written. After
a guess that is too low the progress stops near its end; after one too high it jumps there."""


def choose_tile_limit(seconds_per_megapixel: float | None) -> TileLimit | Literal["auto"]:
    """Limit the pixels of a tile so that it takes at most `_MAX_TILE_SECONDS`.

    Args:
        seconds_per_megapixel: measured time of the model; None: unknown.

    >>> choose_tile_limit(8.0), choose_tile_limit(None)
    (TileLimit(pixels=500000), 'auto')
    """
    if not seconds_per_megapixel:  # None, or 0 by a clock that is too coarse
        return "auto"
    return TileLimit(max(int(_MAX_TILE_SECONDS / seconds_per_megapixel * 1e6), 1))


class SpeedAverages:
    """Moving averages of seconds per megapixel, by key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def get(self, key: str) -> float | None:
        """Return the average seconds per megapixel of a key; None: not measured yet."""
        with self._lock:
            return self._seconds.get(key)

    def record(self, key: str, pixels: int, seconds: float) -> None:
        """Add the time of a job to an average; a job of few pixels is ignored.

        Args:
            key: key of the average.
            pixels: pixels that were computed or written.
            seconds: time that they took.
        """
        if pixels < _MIN_PIXELS:
            return
        newest = seconds / pixels * 1e6
        with self._lock:
            average = self._seconds.get(key, newest)
            self._seconds[key] = _SHARE_OF_NEW * newest + (1 - _SHARE_OF_NEW) * average


class ModelSpeeds(SpeedAverages):
    """Seconds that each model takes per megapixel of input. Thread-safe.

    The key is the name of the model; the same model in int8 has another key.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writing = WritingSpeeds()
        """Speeds of writing the results."""

    def measure(
        self, key: str, upscaler: Upscaler, clock: Callable[[], float] = time.perf_counter
    ) -> float:
        """Return the seconds per megapixel of a model; if unknown, measure them first.

        Args:
            key: key of the model.
            upscaler: the loaded model, which no other thread uses meanwhile.
            clock: returns seconds.
        """
        known = self.get(key)
        if known is not None:
            return known
        seconds_per_pixel = measure_seconds_per_pixel(upscaler, _TEST_SIDE, clock)
        with self._lock:
            # A job that has ended meanwhile may have added its time, which is then kept.
            return self._seconds.setdefault(key, seconds_per_pixel * 1e6)


class WritingSpeeds(SpeedAverages):
    """Seconds to write a megapixel of a result, by file suffix. Thread-safe."""

    @contextmanager
    def measured(self, key: str, pixels: int) -> Generator[None]:
        """Record the time of the block, unless it raises.

        Args:
            key: key of the average.
            pixels: pixels that the block writes.
        """
        start = time.perf_counter()
        yield
        self.record(key, pixels, time.perf_counter() - start)

    def expected_seconds(self, key: str, pixels: int) -> float:
        """Estimate the seconds to write a result.

        Args:
            key: key of the average.
            pixels: pixels of the result.

        >>> WritingSpeeds().expected_seconds(".jpg", 48_000_000)
        4.8
        """
        seconds_per_megapixel = self.get(key)
        if seconds_per_megapixel is None:
            seconds_per_megapixel = _GUESSED_WRITING_SECONDS
        return seconds_per_megapixel * pixels / 1e6
