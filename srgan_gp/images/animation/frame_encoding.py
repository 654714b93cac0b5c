"""Support of the writers of animations: frame times in ticks, and the changed part of each frame.

A tick is the unit of time of a format: 10 ms in GIF, 1 ms in WebP.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_sequence import Frame
from srgan_gp.images.picture import Array, Picture


class Clock:
    """Converts frame times to whole ticks without accumulating rounding errors.

    Args:
        tick_milliseconds: length of a tick in milliseconds.

    >>> clock = Clock(10)
    >>> [clock.advance(milliseconds) for milliseconds in (25, 25, 25, 25)]
    [2, 3, 3, 2]
    """

    def __init__(self, tick_milliseconds: int) -> None:
        self._tick_milliseconds = tick_milliseconds
        self._elapsed_milliseconds = 0.0  # exact sum of the times so far
        self._elapsed_ticks = 0  # sum of the results so far

    def advance(self, milliseconds: float) -> int:
        """Add the time of the next frame, and return it in ticks.

        It is called once for each frame, in order.
        """
        self._elapsed_milliseconds += milliseconds
        ticks = round(self._elapsed_milliseconds / self._tick_milliseconds) - self._elapsed_ticks
        self._elapsed_ticks += ticks
        return ticks


class Part(NamedTuple):
    """The rectangle of a frame that differs from the previous frame; the whole first frame."""

    picture: Picture
    left: int
    """Columns of the frame to the left of the rectangle."""
    top: int
    """Rows of the frame above the rectangle."""
    milliseconds: float
    """Time for which the frame is shown."""


def changed_parts(
    frames: Iterator[Frame],
    *,
    grid: int = 1,
    stays_whole: Callable[[Picture], bool] = lambda picture: False,
) -> Iterator[Part]:
    """Crop each frame except the first to the rectangle that changed since the previous frame.

    Args:
        frames: the frames, all of equal size.
        grid: left and top of a part are rounded down to multiples of this number of pixels; WebP
            stores half of them, so it needs 2.
        stays_whole: returns whether a frame stays whole, such as one with alpha in a GIF, which is
            cleared before the next frame is drawn; by default all frames but the first are cropped.

    Yields:
        One part for each frame, at least one pixel large.

    Raises:
        PictureError: E_FRAMES if the sizes of the frames differ.
    """
    previous: Picture | None = None
    for frame in frames:
        picture = frame.picture
        rows, columns = slice(0, picture.height), slice(0, picture.width)
        if previous is not None:
            if previous.pixels.shape[:2] != picture.pixels.shape[:2]:
                raise PictureError("E_FRAMES", "the frames of an animation must have the same size")
            if not stays_whole(picture):
                rows, columns = _changed_rectangle(previous, picture)
        top, left = rows.start // grid * grid, columns.start // grid * grid
        cropped = _crop(picture, slice(top, rows.stop), slice(left, columns.stop))
        yield Part(cropped, left, top, frame.milliseconds)
        previous = picture


def _changed_rectangle(before: Picture, after: Picture) -> tuple[slice, slice]:
    """Return rows and columns of the smallest rectangle with all differences, at least one pixel.

    The frames have the same size. The rectangle is the whole frame if channels, dtype or the
    presence of alpha differ.
    """
    if _layout(before) != _layout(after):
        return slice(0, after.height), slice(0, after.width)
    differs = (before.pixels != after.pixels).any(axis=2)
    if before.alpha is not None and after.alpha is not None:
        differs |= before.alpha != after.alpha
    rows_differ, columns_differ = differs.any(axis=1), differs.any(axis=0)
    return _extent(rows_differ), _extent(columns_differ)


def _layout(picture: Picture) -> tuple[object, ...]:
    """Return shape, dtype and whether there is no alpha, for a comparison."""
    return picture.pixels.shape, picture.pixels.dtype, picture.alpha is None


def _extent(differs: Array) -> slice:
    """Return the range from the first to the last True of a 1D array.

    If there is none, the frames are equal: index 0, since a part has at least one pixel.
    """
    indices = np.flatnonzero(differs)
    if len(indices) == 0:
        return slice(0, 1)
    return slice(int(indices[0]), int(indices[-1]) + 1)


def _crop(picture: Picture, rows: slice, columns: slice) -> Picture:
    """Crop pixels and alpha; the result shares their memory."""
    alpha = None if picture.alpha is None else picture.alpha[rows, columns]
    return replace(picture, pixels=picture.pixels[rows, columns], alpha=alpha)
