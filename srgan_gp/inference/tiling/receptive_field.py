"""Receptive field and shift equivariance of a network, measured by running it.

The receptive field is measured with a NaN in the input. NaN propagates through every layer of a
convolutional network, whatever the weights, because zero times NaN is NaN. So the extent of NaN in
the output is the exact receptive field, while a finite change would fade out before its border.
This holds on ONNX Runtime's CPU provider; GPU kernels may spread NaN further.
"""

from collections.abc import Sequence

import numpy as np

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.tiling.tiles import Floats, Network, round_up

STRIP_WIDTH = 32  # pixels; enough for networks with strides, windows or reflection padding
STRIP_LENGTHS = (128, 512, 1024)  # a network whose NaN fills the longest one counts as global
POWERS_OF_TWO = (1, 2, 4, 8, 16, 32)
TOLERANCE = 1e-4  # float32 rounding differs between kernels; real differences are far larger


def measure_overlap(network: Network, scale: int, *, multiple: int = 1) -> int | None:
    """Measure the receptive radius of `network`: the overlap that exact tiling needs.

    A NaN is placed in the middle of horizontal and vertical strips of noise. Longer strips are
    tried until the NaNs of the output end inside. The radius is the largest of the four directions.

    Args:
        network: maps (1, 3, h, w) to (1, 3, h * scale, w * scale), float32, on the CPU.
        scale: scale factor of the network.
        multiple: period of the network's shift equivariance; each phase is measured.

    Returns:
        The radius in input pixels, rounded up, or None for a global network, which here means a
        radius of more than 511 pixels.
    """
    longest = 0
    for run in (network, _transpose(network)):
        for phase in range(multiple):
            reach = _reach(run, scale, phase)
            if reach is None:
                return None
            longest = max(longest, reach)
    return longest


def measure_multiple(
    network: Network, scale: int, overlap: int, candidates: Sequence[int] = POWERS_OF_TWO
) -> int | None:
    """Measure the smallest shift of the input that only shifts the output.

    It is 1 for a plain convolutional network, more for one that subsamples or works in windows.

    Args:
        network: as for `measure_overlap`; may raise ModelRefusedError for sides it does not accept.
        scale: scale factor of the network.
        overlap: result of `measure_overlap`.
        candidates: shifts to try, in pixels, in rising order.

    Returns:
        One of the candidates, or None if none of them is such a shift.
    """
    for multiple in candidates:
        if all(
            _is_equivariant(run, scale, overlap, multiple) for run in (network, _transpose(network))
        ):
            return multiple
    return None


def _reach(network: Network, scale: int, phase: int) -> int | None:
    """Return the radius along the longer axis for one phase; None for a global network."""
    for length in STRIP_LENGTHS:
        image = _noise(length)
        position = length // 2 + phase
        image[:, :, STRIP_WIDTH // 2, position] = np.nan
        columns = np.unique(np.nonzero(np.isnan(network(image)))[3])
        if columns.size == 0:  # No output depends on this pixel.
            return 0
        first, last = int(columns[0]), int(columns[-1])
        if first > 0 and last < length * scale - 1:
            before = position * scale - first
            after = last + 1 - (position + 1) * scale
            return max(-(-before // scale), -(-after // scale), 0)
    return None


def _is_equivariant(network: Network, scale: int, overlap: int, multiple: int) -> bool:
    """Test that sides may be multiples of `multiple` and a shift by it only shifts the output."""
    length = round_up(2 * overlap, STRIP_WIDTH) + 2 * STRIP_WIDTH + multiple
    image = _noise(length + multiple)
    try:
        at_start = network(image[..., :length])
        shifted = network(image[..., multiple:])
    except ModelRefusedError:
        return False
    if at_start.shape[-1] != length * scale or shifted.shape != at_start.shape:
        return False
    margin, shift = overlap * scale, multiple * scale
    left = at_start[..., margin + shift : length * scale - margin]
    right = shifted[..., margin : length * scale - margin - shift]
    return bool(np.abs(left - right).max() <= TOLERANCE * max(1.0, float(np.abs(left).max())))


def _noise(length: int) -> Floats:
    generator = np.random.default_rng(0)
    return generator.random((1, 3, STRIP_WIDTH, length), dtype=np.float32)


def _transpose(network: Network) -> Network:
    def run(image: Floats) -> Floats:
        return network(image.swapaxes(2, 3)).swapaxes(2, 3)

    return run
