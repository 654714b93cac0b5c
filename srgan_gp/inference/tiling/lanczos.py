"""Lanczos resampling of a network's result, in bands where it is large."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from srgan_gp.images import mapped_arrays
from srgan_gp.inference.tiling.tiles import Floats, Span

BAND_VALUES = 1 << 24  # of float32: 64 MB, read or made at a time


def resample(
    plane: Floats,
    height: int,
    width: int,
    folder: Path | None = None,
    on_band: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Span, Floats]]:
    """Resize by Lanczos windows of 3 lobes, antialiased where the size shrinks.

    A large plane is resized in width by bands of rows into a temporary file, then in height by
    strips of columns; the bands change no bit. Pillow does the same two steps at once, in either
    order, so a large result and a small one may differ by the rounding of float32.

    Args:
        plane: (H, W), float32.
        height: of the result.
        width: of the result.
        folder: for the temporary file.
        on_band: called before each band and each strip; what it raises ends the work.

    Yields:
        Strips of the result from left to right: (start, stop) of the columns, and (height, columns)
        float32, not clipped, so it may overshoot [0, 1] beside edges.

    Raises:
        PictureError: E_DISK_FULL.
    """
    if (
        max(plane.nbytes, 4 * plane.shape[0] * width, 4 * height * width)
        <= mapped_arrays.LARGE_BYTES
    ):
        on_band()
        yield (0, width), _resized(plane, height, width)
        return
    rows = plane.shape[0]
    wide = mapped_arrays.empty((rows, width), np.float32, folder)
    for top, bottom in _spans(rows, plane.shape[1] + width):
        on_band()
        wide[top:bottom] = _resized(plane[top:bottom], bottom - top, width)
        mapped_arrays.release(plane)
        mapped_arrays.release(wide)
    for left, right in _spans(width, rows + height):
        on_band()
        yield (left, right), _resized(wide[:, left:right], height, right - left)
        mapped_arrays.release(wide)


def _resized(plane: Floats, height: int, width: int) -> Floats:
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def _spans(length: int, values: int) -> Iterator[Span]:
    """Cut an axis into spans of about `BAND_VALUES`, with `values` at each place."""
    step = max(BAND_VALUES // values, 1)
    for start in range(0, length, step):
        yield start, min(start + step, length)
