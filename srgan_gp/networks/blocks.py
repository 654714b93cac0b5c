"""Building blocks of networks: residual blocks, resampling, initial weights, widths of stages.

A width is a number of channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError


class ResidualBlock(nn.Module):
    """Residual block x + conv(relu(conv(x))), 3x3, without normalisation.

    The second convolution is initialised with a tenth of the He-normal weights, so that a deep
    stack starts close to the identity.

    Source:
        EDSR (Lim et al. 2017, arXiv:1707.02921, figure 2c) without its constant residual scaling;
        small initial residuals as in ESRGAN (Wang et al. 2018, arXiv:1809.00219, section 3.1).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        # `slope_before` is 0, as for an input behind a ReLU, although this input has both signs:
        # the trained models were started with these weights.
        init_convolution_(self.first)
        init_convolution_(self.second, factor=0.1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to the same shape."""
        return features + self.second(F.relu(self.first(features)))


LEAK = 0.2
"""Negative slope of the LeakyReLU in critics and in the generators of faces, as in StyleGAN."""


class PoolingBlock(nn.Module):
    """Residual block of a critic: two 3x3 convolutions at full size, then 2x2 average pooling.

    Odd sides are rounded up: the windows at the right or lower edge then average fewer pixels.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, the CIFAR-10 critic, with LeakyReLU; activations
        before convolutions as in He et al. 2016, arXiv:1603.05027, figure 1b.
    """

    def __init__(self, width: int, next_width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, next_width, 3, padding=1)
        self.second = nn.Conv2d(next_width, next_width, 3, padding=1)
        self.shortcut = nn.Conv2d(width, next_width, 1)
        init_convolution_(self.first, slope_before=LEAK)
        init_convolution_(self.second, slope_before=LEAK)
        init_convolution_(self.shortcut, slope_before=1.0)  # no activation before it

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, next_width, ceil(H / 2), ceil(W / 2))."""
        hidden = self.first(F.leaky_relu(features, LEAK))
        change = self.second(F.leaky_relu(hidden, LEAK))
        return self.shortcut(_average_pool(features)) + _average_pool(change)


class _ResamplingBlock(nn.Module):
    """Base of `UpsamplingBlock` and `DownsamplingBlock`: their convolutions with initial weights.

    The second convolution is initialised to zero: an untrained block computes its shortcut only.
    """

    def __init__(self, width: int, next_width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, next_width, 3, padding=1)
        self.second = nn.Conv2d(next_width, next_width, 3, padding=1)
        self.shortcut = nn.Conv2d(width, next_width, 1)
        init_convolution_(self.first, slope_before=LEAK)
        init_convolution_(self.second, factor=0.0)
        init_convolution_(self.shortcut, slope_before=1.0)


class UpsamplingBlock(_ResamplingBlock):
    """Residual block of a generator that doubles the size.

    The first 3x3 convolution runs before the upsampling, at a quarter of the cost. An untrained
    block only upsamples and mixes channels.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, appendix C. Zero initialisation and resampling
        separate from the convolutions: R3GAN (Huang et al. 2024, arXiv:2501.05441, section 3.3).
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, next_width, 2 H, 2 W)."""
        hidden = upsample_bilinear(self.first(F.leaky_relu(features, LEAK)))
        change = self.second(F.leaky_relu(hidden, LEAK))
        return upsample_bilinear(self.shortcut(features)) + change


class DownsamplingBlock(_ResamplingBlock):
    """Residual block of a critic that halves the size, the reverse of `UpsamplingBlock`.

    Only the first 3x3 convolution runs at full size. Odd sides are rounded up.

    Source:
        As `UpsamplingBlock`.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, next_width, ceil(H / 2), ceil(W / 2))."""
        hidden = _average_pool(self.first(F.leaky_relu(features, LEAK)))
        change = self.second(F.leaky_relu(hidden, LEAK))
        return self.shortcut(_average_pool(features)) + change


def upsample_bilinear(features: Tensor) -> Tensor:
    """Upsample by 2 with bilinear interpolation: (B, C, H, W) -> (B, C, 2 H, 2 W)."""
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def smooth(image: Tensor, share: float) -> Tensor:
    """Smooth an image with the filter [share, 1 - 2 share, share] along both axes.

    Args:
        image: (B, C, H, W), floating point; pixels outside repeat the border.
        share: weight of each of the two neighbours, 0 to 0.25.

    Returns:
        Of the shape and dtype of `image`.
    """
    rows = F.pad(image, (0, 0, 1, 1), mode="replicate")
    image = (1 - 2 * share) * image + share * (rows[:, :, :-2] + rows[:, :, 2:])
    columns = F.pad(image, (1, 1, 0, 0), mode="replicate")
    return (1 - 2 * share) * image + share * (columns[..., :-2] + columns[..., 2:])


def _average_pool(features: Tensor) -> Tensor:
    """Halve the sides, rounded up, by the mean of 2x2 pixels."""
    return F.avg_pool2d(features, 2, ceil_mode=True)


def stage_widths(size: int, width: int, smallest: int) -> list[int]:
    """List the widths of a face network at the sizes `size`, `size` / 2, ..., `smallest`.

    The width is `width` at `size`, and doubles at each halving, up to 8 times `width`. With a
    higher limit most weights would belong to the smallest sizes.

    >>> stage_widths(64, 32, smallest=4)
    [32, 64, 128, 256, 256]

    Raises:
        UsageError: `size` is not `smallest` times a power of two from 2 up, or `width` is not
            positive.
    """
    halvings = (size // smallest).bit_length() - 1
    if halvings < 1 or size != smallest << halvings:
        raise UsageError(
            f"The size of a face network must be a power of two from {2 * smallest} up, not {size}."
        )
    if width < 1:
        raise UsageError(f"The width of a face network must be at least 1, not {width}.")
    return [width * min(2**stage, 8) for stage in range(halvings + 1)]


@torch.no_grad()
def init_convolution_(
    convolution: nn.Conv2d, factor: float = 1.0, slope_before: float = 0.0
) -> None:
    """Initialise weights with He-normal values times `factor`, the bias with zeros, in place.

    Args:
        convolution: the layer.
        factor: multiplies the weights.
        slope_before: negative slope of the LeakyReLU that precedes the convolution; 0 for ReLU.
            Without an activation: 0 for inputs that are not negative, such as colours; 1 for inputs
            of both signs.

    Source:
        He et al. 2015, arXiv:1502.01852, equations 10 and 15.
    """
    nn.init.kaiming_normal_(convolution.weight, a=slope_before)
    convolution.weight.mul_(factor)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
