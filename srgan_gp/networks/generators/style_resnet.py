"""`style_resnet`: a generator of faces whose convolutions are modulated by a style.

Paper: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
arXiv:1912.04958: mapping network, modulated and demodulated convolutions (equations 1 and 3),
images summed over resolutions (figure 7b). Deviations: no noise inputs, so that a latent is one
image; replicate padding, so that no frame is drawn at the border; the first map is projected from
the style; the first convolution of a block works before the enlargement, where it costs a quarter;
the truncation of the latent acts on the style, with the centre among the weights.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, stage_widths

FIRST_SIDE = 4
"""Side of the map that the style is projected to."""
_GAIN = math.sqrt(2)  # of the LeakyReLU: keeps the mean square near 1
_CENTRE_LATENTS = 4096


class Generator(nn.Module):
    """Latent -> image.

    Args:
        size: side of the images in pixels, a power of two from 8 on.
        latent_size: numbers in a latent, and in a style.
        width: channels at full size; they double at each half of the size, up to eight times.

    Raises:
        UsageError: an argument is out of range.
    """

    task = "face-generation"

    def __init__(self, size: int = 64, latent_size: int = 128, width: int = 32) -> None:
        super().__init__()
        widths = stage_widths(size, width, FIRST_SIDE)[::-1]
        if latent_size < 1:
            raise UsageError(f"style_resnet needs a latent_size of at least 1, not {latent_size}.")
        self.size = size
        self.latent_size = latent_size
        self.mapping = Mapping(latent_size)
        self.project = nn.Linear(latent_size, widths[0] * FIRST_SIDE**2)
        self.stages = nn.ModuleList(
            StyleBlock(before, after, latent_size) for before, after in pairwise(widths)
        )
        nn.init.normal_(self.project.weight, std=1 / math.sqrt(latent_size))
        nn.init.normal_(self.project.bias)

    def forward(self, latent: Tensor) -> Tensor:
        """Draw images.

        Args:
            latent: (B, latent_size), float32, standard normal.

        Returns:
            (B, 3, size, size), RGB around [0, 1], float32 also under autocast, not clipped.
        """
        style = self.mapping(latent)
        features = self.project(style).unflatten(1, (-1, FIRST_SIDE, FIRST_SIDE))
        features = features.contiguous(memory_format=torch.channels_last)
        colours = None
        for stage in self.stages:
            features, drawn = stage(features, style)
            colours = drawn if colours is None else _double(colours) + drawn
        assert colours is not None
        return 0.5 + 0.5 * colours

    @torch.no_grad()
    def centre(self) -> None:
        """Set the style that a truncation of 0 gives to the mean style.

        Call it before a generator is exported; during training the centre is 0. It hardly changes
        an untruncated image: the lengths of normal latents are near sqrt(latent_size).
        """
        drawn = torch.Generator().manual_seed(0)
        latents = torch.randn(_CENTRE_LATENTS, self.latent_size, generator=drawn)
        self.mapping.set_centre(latents.to(self.mapping.centre.device))


class Mapping(nn.Module):
    """Latent -> style; the length of the latent is the distance of the style from the centre.

    With u, the latent brought to the length sqrt(size), r, its length over sqrt(size), and f, two
    dense layers: style = centre + r (f(u) - centre). r is near 1 for normal latents; a latent times
    t has t r, which is the truncation of the source with psi = t.

    Source:
        Karras et al. 2019, "A Style-Based Generator Architecture", arXiv:1812.04948, section 2 and
        appendix B.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(size, size), nn.LeakyReLU(LEAK), nn.Linear(size, size), nn.LeakyReLU(LEAK)
        )
        self.centre = nn.Parameter(torch.zeros(size), requires_grad=False)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=LEAK)
                nn.init.zeros_(layer.bias)

    def forward(self, latent: Tensor) -> Tensor:
        """Map (B, size) to (B, size), float32 also under autocast."""
        with torch.autocast(latent.device.type, enabled=False):
            length = latent.square().mean(1, keepdim=True).sqrt()
            style = self.layers(latent / (length + 1e-8))
            return self.centre + length * (style - self.centre)

    def set_centre(self, latents: Tensor) -> None:
        """Set the centre to the mean style of latents (N, size)."""
        length = latents.square().mean(1, keepdim=True).sqrt()
        self.centre.copy_(self.layers(latents / length).mean(0))


class StyleConvolution(nn.Module):
    """3x3 convolution, its input channels scaled by a style, its output channels to unit variance.

    Scaling input and output instead of the weights gives the same numbers and lets all images of a
    batch share one convolution.

    Args:
        before: channels of the input.
        after: channels of the output.
        style_size: numbers in a style.

    Source:
        Karras et al. 2020, arXiv:1912.04958, equations 1 and 3.
    """

    def __init__(self, before: int, after: int, style_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, 3, 3) / math.sqrt(9 * before))
        self.bias = nn.Parameter(torch.zeros(after))
        self.scales = _scales_from_style(style_size, before)

    def forward(self, features: Tensor, style: Tensor, *, enlarge: bool = False) -> Tensor:
        """Map (B, before, H, W) and (B, style_size) to (B, after, H, W), after a LeakyReLU.

        Args:
            features: (B, before, H, W).
            style: (B, style_size), float32.
            enlarge: double the sides before the convolution; the result is (B, after, 2 H, 2 W).
        """
        scales = self.scales(style).to(style.dtype)  # float32 also under autocast
        energy = self.weight.square().sum((2, 3))
        with torch.autocast(style.device.type, enabled=False):
            demodulation = _GAIN * torch.rsqrt(scales.square() @ energy.T + 1e-8)
        scaled = features * _on_maps(scales, features)  # before the enlargement: a quarter of work
        if enlarge:
            scaled = _double(scaled)
        found = F.conv2d(F.pad(scaled, (1, 1, 1, 1), mode="replicate"), self.weight)
        bias = _GAIN * self.bias[:, None, None].to(found.dtype)
        found = torch.addcmul(bias, found, _on_maps(demodulation, found))
        return F.leaky_relu(found, LEAK)


class ColourConvolution(nn.Module):
    """1x1 convolution to RGB, its input channels scaled by a style, without demodulation."""

    def __init__(self, before: int, style_size: int) -> None:
        super().__init__()
        # Four resolutions add up to the deviation of real images, about 0.25.
        self.weight = nn.Parameter(0.25 * torch.randn(3, before) / math.sqrt(before))
        self.bias = nn.Parameter(torch.zeros(3))
        self.scales = _scales_from_style(style_size, before)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Map (B, before, H, W) and (B, style_size) to (B, 3, H, W), float32."""
        weight = self.weight * self.scales(style)[:, None, :]  # (B, 3, before)
        pixels = features.flatten(2).transpose(1, 2)  # (B, H * W, before), as it lies in memory
        colours = (pixels @ weight.transpose(1, 2).to(pixels.dtype)).float() + self.bias
        return colours.transpose(1, 2).unflatten(2, features.shape[2:])


class StyleBlock(nn.Module):
    """Convolution, enlargement to twice the size, convolution; and the colours of the result.

    The enlargement is bilinear, the filter [1, 3, 3, 1] of the source.
    """

    def __init__(self, before: int, after: int, style_size: int) -> None:
        super().__init__()
        self.first = StyleConvolution(before, after, style_size)
        self.second = StyleConvolution(after, after, style_size)
        self.to_colour = ColourConvolution(after, style_size)

    def forward(self, features: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, before, H, W) to (B, after, 2 H, 2 W) and its colours (B, 3, 2 H, 2 W)."""
        features = self.second(self.first(features, style), style, enlarge=True)
        return features, self.to_colour(features, style)


def _scales_from_style(style_size: int, channels: int) -> nn.Linear:
    """Dense layer that starts at scales around 1."""
    layer = nn.Linear(style_size, channels)
    nn.init.normal_(layer.weight, std=0.5 / math.sqrt(style_size))
    nn.init.ones_(layer.bias)
    return layer


def _on_maps(values: Tensor, like: Tensor) -> Tensor:
    return values[:, :, None, None].to(like.dtype)


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
