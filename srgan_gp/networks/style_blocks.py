"""Blocks of `generators.style_resnet`: style-modulated convolutions.

Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
arXiv:1912.04958.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.networks.blocks import LEAK, upsample_bilinear
from srgan_gp.networks.noise_maps import Noise

_GAIN = math.sqrt(2)  # applied before each LeakyReLU, so that the mean square stays near 1
_EPSILON = 1e-8  # avoids a division by 0


class StyleConvolution(nn.Module):
    """Modulated 3x3 convolution with LeakyReLU, and with noise if there are factors for it.

    Modulation: a style gives a factor for each input channel. Demodulation: each output channel is
    divided by the standard deviation that it then has for inputs of unit variance. Scaling input
    and output instead of the weights gives the same result, and needs only one convolution for the
    whole batch.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        style_size: length of a style.
        has_noise: add noise before the activation, with a trained factor for each channel, at
            first 0: noise that is added to a trained generator does not change its images.

    Source:
        Karras et al. 2020, arXiv:1912.04958, equations 1 and 3; noise: figure 2c, with one factor
        for all channels there.
    """

    def __init__(
        self, in_channels: int, out_channels: int, style_size: int, *, has_noise: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(out_channels, in_channels, 3, 3) / math.sqrt(9 * in_channels)
        )
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.scales = _scales_from_style(style_size, in_channels)
        self.noise_factors = None
        if has_noise:
            self.noise_factors = nn.Parameter(torch.zeros(out_channels))

    def forward(
        self, features: Tensor, style: Tensor, noise: Noise | None = None, *, enlarge: bool = False
    ) -> Tensor:
        """Convolve maps with a style and apply a LeakyReLU.

        Args:
            features: (B, in_channels, H, W).
            style: (B, style_size), float32.
            noise: noise by side; needed if the convolution has noise.
            enlarge: double the sides before the convolution.

        Returns:
            (B, out_channels, H, W), or (B, out_channels, 2 H, 2 W) if `enlarge`.
        """
        # Factors of the modulation, equation 1, and of the demodulation, equation 3, with the gain.
        scales = self.scales(style).to(style.dtype)  # (B, in_channels), float32 also under autocast
        energy = self.weight.square().sum((2, 3))  # (out_channels, in_channels)
        with torch.autocast(style.device.type, enabled=False):
            variance = scales.square() @ energy.T  # (B, out_channels)
            demodulation = _GAIN * torch.rsqrt(variance + _EPSILON)
        scaled = features * _as_maps(scales, features)  # cheaper before the upsampling
        if enlarge:
            scaled = upsample_bilinear(scaled)
        output = F.conv2d(F.pad(scaled, (1, 1, 1, 1), mode="replicate"), self.weight)
        bias = _GAIN * self.bias[:, None, None].to(output.dtype)
        output = torch.addcmul(bias, output, _as_maps(demodulation, output))  # bias + product
        if self.noise_factors is not None:
            assert noise is not None
            factors = self.noise_factors[:, None, None].to(output.dtype)
            output = torch.addcmul(output, factors, noise[output.shape[-1]].to(output.dtype))
        return F.leaky_relu(output, LEAK)


class ColourConvolution(nn.Module):
    """Modulated 1x1 convolution to RGB, without demodulation; see `StyleConvolution`."""

    def __init__(self, in_channels: int, style_size: int) -> None:
        super().__init__()
        # With the factor 0.25 the image of a generator of 64 pixels, the sum over four resolutions,
        # starts with the standard deviation of real images, about 0.25.
        self.weight = nn.Parameter(0.25 * torch.randn(3, in_channels) / math.sqrt(in_channels))
        self.bias = nn.Parameter(torch.zeros(3))
        self.scales = _scales_from_style(style_size, in_channels)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) and (B, style_size) to (B, 3, H, W), float32."""
        weight = self.weight * self.scales(style)[:, None, :]  # (B, 3, in_channels)
        pixels = features.flatten(2).transpose(1, 2)  # (B, H * W, in_channels), the memory layout
        colours = (pixels @ weight.transpose(1, 2).to(pixels.dtype)).float() + self.bias
        return colours.transpose(1, 2).unflatten(2, features.shape[2:])


class StyleBlock(nn.Module):
    """Convolution, upsampling by 2, convolution; and an RGB image of the result.

    The upsampling is bilinear, which is the filter [1, 3, 3, 1] of the paper.
    """

    def __init__(
        self, in_channels: int, out_channels: int, style_size: int, *, has_noise: bool = False
    ) -> None:
        super().__init__()
        self.first = StyleConvolution(in_channels, out_channels, style_size, has_noise=has_noise)
        self.second = StyleConvolution(out_channels, out_channels, style_size, has_noise=has_noise)
        self.to_colour = ColourConvolution(out_channels, style_size)

    def forward(
        self, features: Tensor, style: Tensor, noise: Noise | None = None
    ) -> tuple[Tensor, Tensor]:
        """Map (B, in_channels, H, W) to maps and an image of twice the sides.

        `noise` is that of `StyleConvolution.forward`.

        Returns:
            (B, out_channels, 2 H, 2 W), and (B, 3, 2 H, 2 W).
        """
        features = self.second(self.first(features, style, noise), style, noise, enlarge=True)
        return features, self.to_colour(features, style)


def _scales_from_style(style_size: int, channels: int) -> nn.Linear:
    """Make a dense layer, style -> factors of the channels.

    Its initial outputs are around 1, with a standard deviation near 0.5. A larger one would make
    more factors negative, with a smaller one styles would differ less.
    """
    layer = nn.Linear(style_size, channels)
    nn.init.normal_(layer.weight, std=0.5 / math.sqrt(style_size))
    nn.init.ones_(layer.bias)
    return layer


def _as_maps(values: Tensor, maps: Tensor) -> Tensor:
    """Reshape values (B, C) for a product with maps (B, C, H, W), in their dtype."""
    return values[:, :, None, None].to(maps.dtype)
