"""`Clock` and `changed_parts`: frame times in ticks and changed rectangles, for the writers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_sequence import Frame
from srgan_gp.images.picture import Array, Picture


class Clock:
    """Converts frame times to whole ticks without accumulating rounding errors.

    >>> clock = Clock(10)
    >>> [clock.ticks(milliseconds) for milliseconds in (25, 25, 25, 25)]
    [2, 3, 3, 2]
    """

    def __init__(self, tick_milliseconds: int) -> None:
        self._tick = tick_milliseconds
        self._milliseconds = 0.0
        self._ticks = 0

    def ticks(self, milliseconds: float) -> int:
        """Return the time of the next frame in ticks."""
        self._milliseconds += milliseconds
        ticks = round(self._milliseconds / self._tick) - self._ticks
        self._ticks += ticks
        return ticks


class Part(NamedTuple):
    """The rectangle of a frame that differs from the previous frame, its position and its time."""

    picture: Picture
    left: int
    top: int
    milliseconds: float


def changed_parts(
    frames: Iterator[Frame],
    *,
    grid: int = 1,
    keeps_size: Callable[[Picture], bool] = lambda picture: False,
) -> Iterator[Part]:
    """Crop each frame except the first to the rectangle that changed since the previous frame.

    Args:
        frames: the frames, all of equal size.
        grid: left and top of a part are rounded down to multiples of it.
        keeps_size: returns whether a frame must not be cropped.

    Raises:
        PictureError: E_FRAMES if the sizes of the frames differ.
    """
    previous: Picture | None = None
    for frame in frames:
        picture = frame.picture
        rows, columns = slice(0, picture.height), slice(0, picture.width)
        if previous is not None and not keeps_size(picture):
            rows, columns = _changed_rectangle(previous, picture)
        top, left = rows.start // grid * grid, columns.start // grid * grid
        part = _crop(picture, slice(top, rows.stop), slice(left, columns.stop))
        yield Part(part, left, top, frame.milliseconds)
        previous = picture


def _changed_rectangle(before: Picture, after: Picture) -> tuple[slice, slice]:
    """Return rows and columns of the smallest rectangle with all differences, at least a pixel."""
    if before.pixels.shape[:2] != after.pixels.shape[:2]:
        raise PictureError("E_FRAMES", "the frames of an animation must have the same size")
    if _layout(before) != _layout(after):
        return slice(0, after.height), slice(0, after.width)
    differs = (before.pixels != after.pixels).any(axis=2)
    if before.alpha is not None and after.alpha is not None:
        differs |= before.alpha != after.alpha
    return _extent(differs.any(axis=1)), _extent(differs.any(axis=0))


def _layout(picture: Picture) -> tuple[object, ...]:
    return picture.pixels.shape, picture.pixels.dtype, picture.alpha is None


def _extent(differs: Array) -> slice:
    places = np.flatnonzero(differs)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 1)


def _crop(picture: Picture, rows: slice, columns: slice) -> Picture:
    alpha = None if picture.alpha is None else picture.alpha[rows, columns]
    return replace(picture, pixels=picture.pixels[rows, columns], alpha=alpha)
