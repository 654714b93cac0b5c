"""Building blocks that networks share: residual blocks, pixel-shuffle tails, weight init."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), 3x3, without normalisation.

    The second convolution starts at a tenth of the usual weights, so that a deep stack begins close
    to the identity; training scales it up where it helps.

    Source:
        EDSR (Lim et al. 2017, arXiv:1707.02921, figure 2c) without its constant residual scaling;
        small initial residuals as in ESRGAN (Wang et al. 2018, arXiv:1809.00219, section 3.1).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        scaled_kaiming_(self.first)
        scaled_kaiming_(self.second, factor=0.1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to the same shape."""
        return features + self.second(F.relu(self.first(features)))


LEAK = 0.2
"""Slope of a critic's LeakyReLU below zero."""


class PoolingBlock(nn.Module):
    """Residual block of a critic: two 3x3 convolutions at full size, then 2x2 average pooling.

    Odd sides are rounded up: the last pixel of a row is then averaged with fewer neighbours.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, the CIFAR-10 critic, with LeakyReLU; activations
        before convolutions as in He et al. 2016, arXiv:1603.05027, figure 1b.
    """

    def __init__(self, width: int, next_width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, next_width, 3, padding=1)
        self.second = nn.Conv2d(next_width, next_width, 3, padding=1)
        self.shortcut = nn.Conv2d(width, next_width, 1)
        scaled_kaiming_(self.first, negative_slope=LEAK)
        scaled_kaiming_(self.second, negative_slope=LEAK)
        scaled_kaiming_(self.shortcut, negative_slope=1.0)  # nothing is cut off on this way

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, next_width, ceil(H / 2), ceil(W / 2))."""
        change = self.second(F.leaky_relu(self.first(F.leaky_relu(features, LEAK)), LEAK))
        return self.shortcut(_halve(features)) + _halve(change)


class _ResamplingBlock(nn.Module):
    """What the two below share: convolutions and how they start."""

    def __init__(self, width: int, next_width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, next_width, 3, padding=1)
        self.second = nn.Conv2d(next_width, next_width, 3, padding=1)
        self.shortcut = nn.Conv2d(width, next_width, 1)
        scaled_kaiming_(self.first, negative_slope=LEAK)
        scaled_kaiming_(self.second, factor=0.0)
        scaled_kaiming_(self.shortcut, negative_slope=1.0)


class UpsamplingBlock(_ResamplingBlock):
    """Residual block of a generator of pictures: twice the size.

    The first 3x3 convolution works before the enlargement, where it costs a quarter. The second
    starts at zero, so that a fresh stack is a chain of enlargements.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, appendix C; zero ends and resampling apart from the
        convolutions as in R3GAN (Huang et al. 2025, arXiv:2501.05441, section 3.3).
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, next_width, 2 H, 2 W)."""
        change = _double(self.first(F.leaky_relu(features, LEAK)))
        return _double(self.shortcut(features)) + self.second(F.leaky_relu(change, LEAK))


class DownsamplingBlock(_ResamplingBlock):
    """Residual block of a critic of pictures: half the size, the mirror of `UpsamplingBlock`.

    Only the first 3x3 convolution works at full size. Sides must be even.

    Source:
        As `UpsamplingBlock`.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, next_width, H / 2, W / 2)."""
        change = _halve(self.first(F.leaky_relu(features, LEAK)))
        return self.shortcut(_halve(features)) + self.second(F.leaky_relu(change, LEAK))


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def _halve(features: Tensor) -> Tensor:
    return F.avg_pool2d(features, 2, ceil_mode=True)


class DirectTail(nn.Sequential):
    """One 3x3 convolution to 3 * scale^2 channels, then one PixelShuffle: the cheapest tail.

    Nothing runs at full size.

    Source:
        ESPCN (Shi et al. 2016, arXiv:1609.05158, section 3.2).
    """

    def __init__(self, width: int, scale: int) -> None:
        expand = nn.Conv2d(width, 3 * scale**2, 3, padding=1)
        icnr_(expand, scale, factor=0.1)
        super().__init__(expand, nn.PixelShuffle(scale))


class StagedTail(nn.Sequential):
    """PixelShuffle stages at half the width, then a 3x3 convolution at full size.

    The last convolution sees neighbouring sub-pixels together, so that it can smooth the dotted
    grid that a direct tail may draw under an adversarial loss. It costs more time and memory.
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
        scaled_kaiming_(to_colour, factor=0.1)
        super().__init__(*layers, to_colour)


def _prime_factors(scale: int) -> list[int]:
    """Split a scale into stages, the smallest first: 4 = 2 * 2, 6 = 2 * 3."""
    for factor in range(2, scale):
        if scale % factor == 0:
            return [factor, *_prime_factors(scale // factor)]
    return [scale]


TAILS: dict[str, Callable[[int, int], nn.Module]] = {"direct": DirectTail, "staged": StagedTail}
"""By name: (width, scale) -> (B, width, H, W) to (B, 3, H * scale, W * scale)."""


def stage_widths(size: int, width: int, smallest: int) -> list[int]:
    """Channels at each size from `size` down to `smallest`: twice as many at half, up to 8 times.

    >>> stage_widths(64, 32, smallest=4)
    [32, 64, 128, 256, 256]

    Raises:
        UsageError: `size` is not `smallest` doubled at least once, or `width` is not positive.
    """
    halvings = (size // smallest).bit_length() - 1
    if halvings < 1 or size != smallest << halvings:
        raise UsageError(
            f"The size of a face network is a power of two from {2 * smallest} on, not {size}."
        )
    if width < 1:
        raise UsageError(f"A face network needs a width of at least 1, not {width}.")
    return [width * min(2**stage, 8) for stage in range(halvings + 1)]


@torch.no_grad()
def scaled_kaiming_(
    convolution: nn.Conv2d, factor: float = 1.0, negative_slope: float = 0.0
) -> None:
    """Fill the weights with He-normal values times `factor`, the bias with zeros, in place.

    Args:
        convolution: what to fill.
        factor: on the weights.
        negative_slope: of the LeakyReLU before the convolution; 0 for ReLU, 1 for none.

    Source:
        He et al. 2015, arXiv:1502.01852, equations 10 and 15.
    """
    nn.init.kaiming_normal_(convolution.weight, a=negative_slope)
    convolution.weight.mul_(factor)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


@torch.no_grad()
def icnr_(convolution: nn.Conv2d, scale: int, factor: float = 1.0) -> None:
    """Give all scale^2 sub-pixels of an output channel the same weights, in place.

    PixelShuffle then starts as a nearest-neighbour upsampling: no checkerboard at step 0.

    Source:
        Aitken et al. 2017, arXiv:1707.02937, section 2.3.
    """
    scaled_kaiming_(convolution, factor)
    one_of_each = convolution.weight[:: scale**2].clone()
    convolution.weight.copy_(one_of_each.repeat_interleave(scale**2, dim=0))
