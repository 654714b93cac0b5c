"""Tails of the super-resolution generators: features -> enlarged image, by PixelShuffle.

PixelShuffle moves the values of scale^2 channels to a square of scale x scale pixels, its
sub-pixels. `check_arguments` checks the arguments that the constructors of these generators share.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import init_convolution_

_TAIL = "tail.0."  # prefix of the convolution of a generator's `DirectTail`


class DirectTail(nn.Sequential):
    """One 3x3 convolution to 3 * scale^2 channels, then one PixelShuffle.

    The cheapest tail: no layer runs at full size. The convolution is initialised with a tenth of
    the He-normal weights, so that the first outputs are close to 0: the generators add them to the
    upsampled input. Arguments as in `TAILS`.

    Source:
        ESPCN (Shi et al. 2016, arXiv:1609.05158, section 3.2).
    """

    def __init__(self, width: int, scale: int) -> None:
        expand = nn.Conv2d(width, 3 * scale**2, 3, padding=1)
        icnr_(expand, scale, factor=0.1)
        super().__init__(expand, nn.PixelShuffle(scale))


def at_smaller_scale(values: Tensor, scale: int, new_scale: int) -> Tensor:
    """Convert weights or biases of the convolution of a `DirectTail` to a smaller scale.

    The output of the new tail is that of the old one, with each square of pixels replaced by its
    mean.

    Args:
        values: (3 * scale^2, ...), in PixelShuffle's order: colour, row and column of a sub-pixel.
        scale: scale of `values`, a multiple of `new_scale`.
        new_scale: scale of the result.

    Returns:
        (3 * new_scale^2, ...), in the same order.
    """
    # One new sub-pixel replaces a square of old ones.
    side = scale // new_scale
    squares = values.reshape(3, new_scale, side, new_scale, side, *values.shape[1:])
    return squares.mean((2, 4)).flatten(0, 2)


def reduce_tail(
    tensors: dict[str, Tensor], expected: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Convert the `DirectTail` of a model to the scale of a network.

    `training.start_weights.load_weights` uses it to start an x2 model from an x4 model.

    Args:
        tensors: parameters of the model by name.
        expected: shapes of the parameters of the network by name.

    Returns:
        `tensors` with another tail; unchanged if the network's scale is not a smaller divisor of
        the model's.
    """
    weight = tensors.get(f"{_TAIL}weight")
    channels = expected[f"{_TAIL}weight"][0]  # 3 * scale^2
    if weight is None or len(weight) <= channels:
        return tensors
    scale, new_scale = math.isqrt(len(weight) // 3), math.isqrt(channels // 3)
    if len(weight) != 3 * scale**2 or scale % new_scale:
        return tensors
    return {
        name: at_smaller_scale(values, scale, new_scale) if name.startswith(_TAIL) else values
        for name, values in tensors.items()
    }


class StagedTail(nn.Sequential):
    """PixelShuffle stages with half the channels, then a 3x3 convolution at the enlarged size.

    There is one stage for each prime factor of the scale. The last convolution covers neighbouring
    sub-pixels, so that it can remove the grid pattern that a direct tail may produce under an
    adversarial loss. It costs more time and memory. The last convolution starts with small weights,
    as that of `DirectTail`. Arguments as in `TAILS`.
    """

    def __init__(self, width: int, scale: int) -> None:
        layers: list[nn.Module] = []
        channels = width
        for factor in _prime_factors(scale):
            expand = nn.Conv2d(channels, width // 2 * factor**2, 3, padding=1)
            icnr_(expand, factor)
            layers += [expand, nn.PixelShuffle(factor), nn.ReLU()]
            channels = width // 2
        to_colour = nn.Conv2d(channels, 3, 3, padding=1)
        init_convolution_(to_colour, factor=0.1)
        super().__init__(*layers, to_colour)


def _prime_factors(scale: int) -> list[int]:
    """Factor a scale into primes, the smallest first: 4 = 2 * 2, 6 = 2 * 3."""
    for factor in range(2, scale):
        if scale % factor == 0:
            return [factor, *_prime_factors(scale // factor)]
    return [scale]


SCALES = (2, 3, 4)
"""Scales that the super-resolution generators support, those of the usual benchmarks. The tails
would work at any scale from 2 up."""
TAILS: dict[str, Callable[[int, int], nn.Module]] = {"direct": DirectTail, "staged": StagedTail}
"""Tails by name: (width, scale) -> module, (B, width, H, W) -> (B, 3, H * scale, W * scale)."""


def check_arguments(
    name: str, scale: int, width: int, blocks: int, tail: str, *, least_blocks: int = 1
) -> None:
    """Check the arguments of the constructor of a super-resolution generator.

    Args:
        name: name of the architecture, for messages.
        scale: upscaling factor.
        width: channels of every hidden layer; even, since `StagedTail` halves them.
        blocks: number of blocks.
        tail: name of the tail.
        least_blocks: smallest number of blocks of the architecture.

    Raises:
        UsageError: an argument is out of range.
    """
    if scale not in SCALES:
        raise UsageError(f"{name} supports the scales 2, 3 and 4, not {scale}.")
    if width < 2 or width % 2 or blocks < least_blocks:
        raise UsageError(
            f"{name} needs an even width and blocks >= {least_blocks}, got {width=}, {blocks=}."
        )
    if tail not in TAILS:
        raise UsageError(f"Unknown tail {tail!r}. Available: {', '.join(TAILS)}.")


@torch.no_grad()
def icnr_(convolution: nn.Conv2d, scale: int, factor: float = 1.0) -> None:
    """Initialise the convolution before a PixelShuffle (ICNR), in place.

    All scale^2 sub-pixels of an output channel get the same He-normal weights, times `factor`.
    PixelShuffle then starts as nearest-neighbour upsampling, without a checkerboard pattern.

    Source:
        Aitken et al. 2017, arXiv:1707.02937, section 2.3.
    """
    init_convolution_(convolution, factor=factor)
    first_sub_pixels = convolution.weight[:: scale**2].clone()  # one for each output channel
    convolution.weight.copy_(first_sub_pixels.repeat_interleave(scale**2, dim=0))
