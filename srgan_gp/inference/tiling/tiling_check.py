"""Check of tiling: tiles at many offsets are compared with the whole image.

A receptive field that was measured with a NaN can be too small: some kernels drop NaNs, and a mean
over the image or a position-dependent window may hide behind a finite extent. So a model counts as
exactly tiled only after its tiles were equal to the whole image.
"""

from dataclasses import dataclass

import numpy as np

from srgan_gp.inference.tiling.receptive_field import STRIP_WIDTH
from srgan_gp.inference.tiling.tiles import Floats, Network, round_up

OFFSETS = 20
"""Tiles that are compared, half of them along each axis."""
KEPT = 40
"""Pixels of each tile that are compared, besides its overlap on both sides."""
TOLERANCE = 1e-5
"""Largest difference that counts as equal, relative to the largest value of the result but at least
to 1: kernels may round differently for another size."""


@dataclass(frozen=True)
class TilingDifference:
    """Largest difference of tiles from the whole image."""

    largest: float
    """For values from 0 to 1."""
    is_exact: bool
    """Whether it is rounding only."""


def compare_tiles(
    network: Network, scale: int, overlap: int, *, multiple: int = 1, width: int = STRIP_WIDTH
) -> TilingDifference:
    """Compare tiles with the whole image, along both axes, at `OFFSETS` offsets.

    Args:
        network: maps (1, 3, h, w) to (1, 3, h * scale, w * scale), float32, on the CPU.
        scale: scale factor of the network.
        overlap: context on each side of a tile, in input pixels.
        multiple: offsets are odd multiples of it; for 1 they are unaligned.
        width: shorter side of the images in pixels, a multiple of `multiple`.
    """
    window = round_up(2 * overlap + KEPT, multiple)
    shifts = [(2 * number + 1) * multiple for number in range(OFFSETS // 2)]
    length = window + shifts[-1] + multiple
    image = uneven_image(width, length)
    largest = magnitude = 0.0
    for axis in (3, 2):
        whole_image = image.swapaxes(axis, 3)
        whole = network(whole_image).swapaxes(axis, 3)
        magnitude = max(magnitude, float(np.abs(whole).max()))
        for shift in shifts:
            tile = image[..., shift : shift + window].swapaxes(axis, 3)
            upscaled = network(tile).swapaxes(axis, 3)
            kept = slice(overlap * scale, (window - overlap) * scale)
            expected = whole[..., shift * scale : (shift + window) * scale]
            difference = np.abs(upscaled[..., kept] - expected[..., kept]).max()
            largest = float(np.maximum(largest, difference))  # keeps a NaN, as `max` does not
    return TilingDifference(largest, largest <= TOLERANCE * max(1.0, magnitude))


def uneven_image(height: int, width: int) -> Floats:
    """Return an image whose brightness, colour and contrast change from part to part.

    Every tile of it has another mean and another variance than the whole, so that a network that
    depends on them gives other results.

    Returns:
        (1, 3, height, width), float32 in [0, 1].
    """
    rng = np.random.default_rng(0)
    noise = rng.random((3, height, width), dtype=np.float32)
    position = np.linspace(0, 1, width, dtype=np.float32)
    ramps = np.stack([position, 1 - position, np.abs(2 * position - 1)])[:, np.newaxis]
    contrast = 0.1 + 0.6 * position**2
    return np.clip(ramps * 0.7 + contrast * (noise - 0.3), 0, 1)[np.newaxis].astype(np.float32)
