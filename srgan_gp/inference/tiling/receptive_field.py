"""Receptive field of a network, measured by the spread of one NaN.

NaN survives every layer of a convolutional network, whatever the weights: zero times NaN is NaN. So
the extent of NaN in the output is the exact receptive field, where a finite change would fade out
before its end. It holds on ONNX Runtime's CPU provider; GPU kernels may spread NaN further.
"""

import numpy as np

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.tiling.tiles import Floats, Network, round_up

STRIP_WIDTH = 32  # pixels; enough for networks with strides, windows or reflection padding
STRIP_LENGTHS = (128, 512, 1024)  # a network that fills the longest one counts as global
SAME = 1e-4  # float32 rounding differs between kernels; a real difference is far larger


def measure_overlap(network: Network, scale: int, *, multiple: int = 1) -> int | None:
    """Receptive radius of `network` in input pixels: the overlap that exact tiling needs.

    A NaN is put into the middle of strips of noise, standing and lying, that grow until the NaN's
    trace ends inside. The radius is the longest reach of the four directions.

    Args:
        network: maps (1, 3, h, w) to (1, 3, h * scale, w * scale), float32, on the CPU.
        scale: enlargement of both sides.
        multiple: period after which the network treats positions alike; each phase is measured.

    Returns:
        The radius, rounded up to whole pixels, or None for a network that sees everything, which
        here means more than 511 pixels.
    """
    longest = 0
    for run in (network, _transposed(network)):
        for phase in range(multiple):
            reach = _reach(run, scale, phase)
            if reach is None:
                return None
            longest = max(longest, reach)
    return longest


def measure_multiple(network: Network, scale: int, overlap: int) -> int | None:
    """Smallest power of two by which the input can be shifted so that the output only shifts.

    It is 1 for a plain convolutional network, more for one that subsamples or works in windows.

    Args:
        network: as for `measure_overlap`; may raise ModelRefusedError at sides it cannot take.
        scale: enlargement of both sides.
        overlap: what `measure_overlap` returned.

    Returns:
        A power of two up to 32, or None where none of them works.
    """
    multiple = 1
    while multiple <= STRIP_WIDTH:
        if all(_shifts(run, scale, overlap, multiple) for run in (network, _transposed(network))):
            return multiple
        multiple *= 2
    return None


def _reach(network: Network, scale: int, phase: int) -> int | None:
    """Farthest input distance at which one pixel changes the output along the longer axis."""
    for length in STRIP_LENGTHS:
        image = _noise(length)
        position = length // 2 + phase
        image[:, :, STRIP_WIDTH // 2, position] = np.nan
        columns = np.unique(np.nonzero(np.isnan(network(image)))[3])
        if columns.size == 0:
            return 0
        first, last = int(columns[0]), int(columns[-1])
        if first > 0 and last < length * scale - 1:
            before = position * scale - first
            after = last + 1 - (position + 1) * scale
            return max(-(-before // scale), -(-after // scale), 0)
    return None


def _shifts(network: Network, scale: int, overlap: int, multiple: int) -> bool:
    """Whether sides may be multiples of `multiple`, and shifting by it only shifts the output."""
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
    return bool(np.abs(left - right).max() <= SAME * max(1.0, float(np.abs(left).max())))


def _noise(length: int) -> Floats:
    generator = np.random.default_rng(0)
    return generator.random((1, 3, STRIP_WIDTH, length), dtype=np.float32)


def _transposed(network: Network) -> Network:
    def run(image: Floats) -> Floats:
        return network(image.swapaxes(2, 3)).swapaxes(2, 3)

    return run
