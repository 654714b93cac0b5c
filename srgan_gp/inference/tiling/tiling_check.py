"""`compare_tiles`: check that tiles of a model give the same result as the whole image.

`receptive_field` measures the overlap that tiles need: it sets one input pixel to NaN, and looks
how far the NaNs extend in the output. The measured overlap can be too small: some kernels drop
NaNs, and some results depend on the position in the image. So `srgan-gp import` calls tiles exact
only after tiles at many offsets were equal to the whole image.
"""

from dataclasses import dataclass

import numpy as np

from srgan_gp.inference.tiling.receptive_field import STRIP_WIDTH
from srgan_gp.inference.tiling.tiles import Floats, Network, round_up

OFFSETS = 20
"""Number of tiles that are compared, half of them along each axis. More offsets find rarer
differences, and each takes a run of the network."""
KEPT = 40
"""Length of the compared part of a tile in pixels, between its overlaps. A longer part finds rarer
differences, and takes more time."""
TOLERANCE = 1e-5
"""Largest difference that counts as equal: kernels may round differently for another size. It is
relative to the largest absolute value of the result, or to 1 if that is smaller."""


@dataclass(frozen=True)
class TilingDifference:
    """Difference of tiles from the whole image."""

    largest: float
    """Largest absolute difference of a value; images range from 0 to 1."""
    is_exact: bool
    """Whether the difference is at most `TOLERANCE`, so rounding only."""


def compare_tiles(
    network: Network, scale: int, overlap: int, *, multiple: int = 1, width: int = STRIP_WIDTH
) -> TilingDifference:
    """Compare tiles with the whole image at `OFFSETS` offsets, half of them along each axis.

    Args:
        network: maps (1, 3, h, w) to (1, 3, h * scale, w * scale), float32, on the CPU.
        scale: scale factor of the network.
        overlap: context on each side of a tile, in input pixels.
        multiple: the network accepts only sides and positions that are multiples of this number of
            pixels. The offsets are 1, 3, 5, ... times this number: even factors would miss that a
            network needs multiples of twice this number.
        width: shorter side of the images in pixels, a multiple of `multiple`. The default is a
            multiple of every power of two up to 32.
    """
    window = round_up(2 * overlap + KEPT, multiple)
    offsets = [(2 * number + 1) * multiple for number in range(OFFSETS // 2)]
    # One `multiple` longer than the last tile reaches, so that no tile ends with the image.
    length = offsets[-1] + window + multiple
    image = uneven_image(width, length)
    kept = slice(overlap * scale, (window - overlap) * scale)
    largest = magnitude = 0.0
    for axis in (3, 2):
        # The network sees the image with its long side along `axis`; results are turned back.
        whole = network(image.swapaxes(axis, 3)).swapaxes(axis, 3)
        magnitude = max(magnitude, float(np.abs(whole).max()))
        for offset in offsets:
            tile = image[..., offset : offset + window].swapaxes(axis, 3)
            upscaled = network(tile).swapaxes(axis, 3)
            expected = whole[..., offset * scale : (offset + window) * scale]
            difference = np.abs(upscaled[..., kept] - expected[..., kept]).max()
            largest = float(np.maximum(largest, difference))  # keeps a NaN, as `max` does not
    return TilingDifference(largest, largest <= TOLERANCE * max(1.0, magnitude))


def uneven_image(height: int, width: int) -> Floats:
    """Return an image whose brightness, colour and contrast change from part to part.

    Every tile of this image has another mean and another variance than the whole image, so that a
    network that depends on mean or variance gives other results.

    Returns:
        (1, 3, height, width), float32 in [0, 1].
    """
    rng = np.random.default_rng(0)
    noise = rng.random((3, height, width), dtype=np.float32)
    # From left to right, red rises, green falls, blue falls and then rises, and the contrast rises.
    position = np.linspace(0, 1, width, dtype=np.float32)
    ramps = np.stack([position, 1 - position, np.abs(2 * position - 1)])[:, np.newaxis]
    contrast = 0.1 + 0.6 * position**2
    # The sum is from -0.21 to 1.19, so few values are clipped. Clipped ones would hide differences.
    return np.clip(ramps * 0.7 + contrast * (noise - 0.3), 0, 1)[np.newaxis].astype(np.float32)
