"""Image pair for the comparison slider: input and result, at equal size."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan_gp.images import Picture, write_image
from srgan_gp.images.colour import to_depth

Array = NDArray[Any]

_BAND_VALUES = 1 << 22  # values of the input that are averaged at a time

MAX_SIDE = 1600
"""Maximum side of a view in pixels; the download has the full size."""


def write_views(original: Picture, result: Picture, folder: Path) -> tuple[Path, Path]:
    """Write both images as PNG files of equal size, with ICC profiles and without metadata.

    The size is that of the result, downscaled if a side exceeds `MAX_SIDE`.

    Args:
        original: input image, or its region.
        result: the same, upscaled.
        folder: existing directory.

    Returns:
        Paths of the input and of the result.

    Raises:
        OutputError: a file cannot be written.
    """
    share = min(MAX_SIDE / max(result.width, result.height), 1)
    size = max(round(result.width * share), 1), max(round(result.height * share), 1)
    paths = folder / "before.png", folder / "after.png"
    for picture, path in zip((original, result), paths, strict=True):
        write_image(_resize(picture, size), path, strip_metadata=True)
    return paths


def _resize(picture: Picture, size: tuple[int, int]) -> Picture:
    """Resize to (width, height) by Lanczos-3, as uint8."""
    step = min(picture.width // size[0], picture.height // size[1]) // 2
    pixels = np.dstack([_plane(picture.pixels[..., c], size, step)
                        for c in range(picture.pixels.shape[2])])  # fmt: skip
    alpha = None if picture.alpha is None else _plane(picture.alpha, size, step)
    return Picture(pixels, alpha, icc_profile=picture.icc_profile)


def _plane(plane: Array, size: tuple[int, int], step: int) -> Array:
    """Resize an (H, W) plane to `size`, (width, height), as uint8."""
    averaged = to_depth(_average_blocks(plane, step) if step > 1 else plane, np.uint8)
    image = Image.fromarray(np.ascontiguousarray(averaged))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def _average_blocks(plane: Array, step: int) -> Array:
    """Average blocks of `step` x `step` pixels, in bands to bound the memory."""
    height, width = plane.shape[0] // step, plane.shape[1] // step
    averages = np.empty((height, width), plane.dtype)
    rows = max(_BAND_VALUES // (width * step * step), 1)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = plane[top * step : bottom * step, : width * step]
        blocks = band.reshape(bottom - top, step, width, step)
        mean = blocks.mean((1, 3), dtype=np.float32)
        averages[top:bottom] = mean if plane.dtype == np.float32 else np.rint(mean)
    return averages
