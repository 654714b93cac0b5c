"""Receptive field and shift equivariance of a network, measured by running it.

The receptive field is measured with a NaN in the input. NaN propagates through every layer of a
convolutional network, whatever the weights, because zero times NaN is NaN. So the extent of NaN in
the output is the exact receptive field, while a finite change would fade out before its border.
This holds on ONNX Runtime's CPU provider; GPU kernels may spread NaN further.

Shift equivariance means that a shift of the input shifts the output and changes nothing else. In a
network that subsamples or works in windows, only shifts by multiples of some number of pixels do
that. This number is measured here too.
"""

import math
from collections.abc import Sequence

import numpy as np

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.tiling.tiles import Floats, Network, round_up

STRIP_WIDTH = 32
"""Shorter side of the test images in pixels: a multiple of all `POWERS_OF_TWO`, since networks with
strides or windows may refuse other sides. A larger one only makes the measurement slower."""
STRIP_LENGTHS = (128, 512, 1024)
"""Longer sides in pixels, tried in this order: most networks need only the first, which is fastest.
A network whose NaNs reach an end of the output even at the last length counts as global: its output
depends on the whole image. A still larger overlap would make tiles slow."""
POWERS_OF_TWO = (1, 2, 4, 8, 16, 32)
"""Default candidates of `measure_multiple`, in pixels."""
TOLERANCE = 1e-4
"""Largest difference that counts as equal, relative to the largest value, which counts as at least
1. Rounding of float32 in the kernels causes less, and a network without the equivariance more."""


def measure_overlap(network: Network, scale: int, *, multiple: int = 1) -> int | None:
    """Measure the receptive radius of `network`: the overlap that exact tiling needs.

    A NaN is placed in the middle of horizontal and vertical strips of noise. Longer strips are
    tried until the NaNs in the output reach neither end. The radius is the largest of the four
    directions.

    Args:
        network: maps (1, 3, h, w) to (1, 3, h * scale, w * scale), float32, on the CPU.
        scale: scale factor of the network.
        multiple: result of `measure_multiple`, in pixels. The radius depends on the position of
            the NaN modulo this number (the phase), so each phase is measured.

    Returns:
        The radius in input pixels, rounded up, or None for a global network. Here that means a
        radius of more than about 511 pixels: half of the longest strip.
    """
    largest_radius = 0
    for oriented_network in (network, _transpose(network)):
        for phase in range(multiple):
            radius = _radius(oriented_network, scale, phase)
            if radius is None:
                return None
            largest_radius = max(largest_radius, radius)
    return largest_radius


def measure_multiple(
    network: Network, scale: int, overlap: int, candidates: Sequence[int] = POWERS_OF_TWO
) -> int | None:
    """Measure the smallest shift of the input that shifts the output and changes nothing else.

    This is 1 for a plain convolutional network, and more if a network subsamples or has windows.

    Args:
        network: as for `measure_overlap`; may raise ModelRefusedError for sides it does not accept.
        scale: scale factor of the network.
        overlap: result of `measure_overlap`.
        candidates: shifts to try, in pixels, in rising order.

    Returns:
        One of the candidates, or None if none of them is such a shift.
    """
    for multiple in candidates:
        is_horizontal = _is_equivariant(network, scale, overlap, multiple)
        if is_horizontal and _is_equivariant(_transpose(network), scale, overlap, multiple):
            return multiple
    return None


def _radius(network: Network, scale: int, phase: int) -> int | None:
    """Return the receptive radius along the longer axis for one phase; None if it is global."""
    for length in STRIP_LENGTHS:
        image = _noise(length)
        position = length // 2 + phase
        image[:, :, STRIP_WIDTH // 2, position] = np.nan
        columns = np.unique(np.nonzero(np.isnan(network(image)))[3])
        if columns.size == 0:  # No output depends on this pixel.
            return 0
        first, last = int(columns[0]), int(columns[-1])
        if first > 0 and last < length * scale - 1:
            # The input pixel becomes `scale` output pixels. Counted: NaNs before and after these.
            before = position * scale - first
            after = last + 1 - (position + 1) * scale
            return max(math.ceil(before / scale), math.ceil(after / scale), 0)
    return None


def _is_equivariant(network: Network, scale: int, overlap: int, multiple: int) -> bool:
    """Return whether a shift by `multiple` pixels along the longer axis just shifts the output.

    A network that refuses the sides of the test images counts as not equivariant.
    """
    # Without the margins and the shift, at least 2 * STRIP_WIDTH pixels are left to compare.
    length = round_up(2 * overlap, STRIP_WIDTH) + 2 * STRIP_WIDTH + multiple
    image = _noise(length + multiple)
    try:
        first = network(image[..., :length])
        shifted = network(image[..., multiple:])
    except ModelRefusedError:
        return False
    if first.shape[-1] != length * scale or shifted.shape != first.shape:
        return False
    # The same input pixels in both outputs, without the margins, which depend on the border.
    margin, shift = overlap * scale, multiple * scale
    expected = first[..., margin + shift : length * scale - margin]
    actual = shifted[..., margin : length * scale - margin - shift]
    largest_difference = float(np.abs(expected - actual).max())
    return largest_difference <= TOLERANCE * max(1.0, float(np.abs(expected).max()))


def _noise(length: int) -> Floats:
    """Return an image of noise, (1, 3, STRIP_WIDTH, length), float32 in [0, 1]."""
    generator = np.random.default_rng(0)
    return generator.random((1, 3, STRIP_WIDTH, length), dtype=np.float32)


def _transpose(network: Network) -> Network:
    """Return a network that works on images with rows and columns exchanged."""

    def run(image: Floats) -> Floats:
        return network(image.swapaxes(2, 3)).swapaxes(2, 3)

    return run
