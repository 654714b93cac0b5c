"""Building blocks that several networks share: residual block, pixel-shuffle tails, weight init."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        for factor in (2, 2) if scale == 4 else (scale,):
            expand = nn.Conv2d(channels, width // 2 * factor**2, 3, padding=1)
            icnr_(expand, factor)
            layers += [expand, nn.PixelShuffle(factor), nn.ReLU()]
            channels = width // 2
        to_colour = nn.Conv2d(channels, 3, 3, padding=1)
        scaled_kaiming_(to_colour, factor=0.1)
        super().__init__(*layers, to_colour)


TAILS: dict[str, Callable[[int, int], nn.Module]] = {"direct": DirectTail, "staged": StagedTail}
"""By name: (width, scale) -> (B, width, H, W) to (B, 3, H * scale, W * scale)."""


@torch.no_grad()
def scaled_kaiming_(convolution: nn.Conv2d, factor: float = 1.0) -> None:
    """Fill the weights with He-normal values times `factor`, the bias with zeros, in place.

    Source:
        He et al. 2015, arXiv:1502.01852, equation 10.
    """
    nn.init.kaiming_normal_(convolution.weight)
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
