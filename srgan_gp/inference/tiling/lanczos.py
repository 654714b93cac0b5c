"""Lanczos resampling of a float32 plane (one channel), in parts if it is large.

The filter is Pillow's. The division into parts is own code, because Pillow needs the whole plane in
memory.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from srgan_gp.images import mapped_arrays
from srgan_gp.inference.tiling.tiles import Floats, Span

BAND_VALUES = 1 << 24
"""Float32 values read and written at a time, 64 MiB. More take more memory; with fewer, the strips
of columns are narrower, and the temporary file is read in smaller pieces."""


def resample(
    plane: Floats,
    height: int,
    width: int,
    folder: Path | None = None,
    on_band: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Span, Floats]]:
    """Resize a plane with a Lanczos filter of 3 lobes, antialiased when downscaling.

    A large plane is resized in width by bands of rows into a temporary file, then in height by
    strips of columns; the result does not depend on the bands. Small planes are resized by Pillow
    in one call, which takes the two steps in the same order.

    Args:
        plane: (H, W), float32; may be in a temporary file (`mapped_arrays`).
        height: height of the result in pixels.
        width: width of the result in pixels.
        folder: folder of the temporary file; the system's temporary folder is used if `folder` is
            None or has no room.
        on_band: called before each band and each strip; an exception in it ends the resampling.

    Yields:
        Strips of the result from left to right: (start, stop) of the columns, and the values
        (height, columns), float32, not clipped; they may overshoot the input's range at edges.

    Raises:
        PictureError: E_DISK_FULL.
    """
    rows = plane.shape[0]
    # The plane, the plane resized in width only, and the result; a float32 has 4 bytes.
    most_bytes = max(plane.nbytes, 4 * rows * width, 4 * height * width)
    if most_bytes <= mapped_arrays.LARGE_BYTES:
        on_band()
        yield (0, width), _resize(plane, height, width)
        return
    wide = mapped_arrays.empty((rows, width), np.float32, folder)
    for top, bottom in _spans(rows, plane.shape[1] + width):
        on_band()
        wide[top:bottom] = _resize(plane[top:bottom], bottom - top, width)
        # Of an array in a temporary file this frees the memory; the values stay in the file.
        mapped_arrays.release_memory(plane)
        mapped_arrays.release_memory(wide)
    for left, right in _spans(width, rows + height):
        on_band()
        yield (left, right), _resize(wide[:, left:right], height, right - left)
        mapped_arrays.release_memory(wide)


def _resize(plane: Floats, height: int, width: int) -> Floats:
    """Resize a plane with Pillow to (height, width), float32."""
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def _spans(length: int, values: int) -> Iterator[Span]:
    """Split an axis into spans (start, stop) of about `BAND_VALUES` values.

    Args:
        length: length of the axis.
        values: number of values read and written at each position of the axis.
    """
    step = max(BAND_VALUES // values, 1)
    for start in range(0, length, step):
        yield start, min(start + step, length)
