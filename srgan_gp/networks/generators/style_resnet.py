"""`style_resnet`: generator of faces with style-modulated convolutions.

Paper: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
arXiv:1912.04958: mapping network, modulated and demodulated convolutions (equations 1 and 3),
images summed over resolutions (figure 7b). Deviations: no noise inputs, so that a latent determines
the image; replicate padding, which avoids a frame at the border; the first map is projected from
the style; the first convolution of a block runs before the upsampling, at a quarter of the cost;
the length of the latent sets the truncation, and the mean style is stored with the weights; the
image can be smoothed, against thin lines that a critic of feature maps does not see.

A latent is a vector of standard normal numbers; a style is the output of the mapping network.
Truncation draws styles towards their mean, for more typical and less diverse images.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, smooth, stage_widths, upsample_bilinear

FIRST_SIDE = 4
"""Side, in pixels, of the map that the style is projected to; as in the paper."""
_GAIN = math.sqrt(2)  # applied before each LeakyReLU, so that the mean square stays near 1
_CENTRE_LATENTS = 4096  # whose mean style is the centre: its error is 1/64 of the styles' spread
_EPSILON = 1e-8  # avoids a division by 0


class Generator(nn.Module):
    """Latent -> image.

    Args:
        size: side of the images in pixels, a power of two from 8 up.
        latent_size: length of a latent and of a style.
        width: channels at full size; doubled at each halving of the size, up to 8 * width.

    Attributes:
        smoothing: share a of each neighbour, 0 to 0.25, in the filter [a, 1 - 2 a, a] that smooths
            the images along both axes; 0, as in training: no filter. `exporting` sets it.

    Raises:
        UsageError: an argument is out of range.
    """

    task = "face-generation"

    def __init__(self, size: int = 64, latent_size: int = 128, width: int = 32) -> None:
        super().__init__()
        # From the smallest map to full size; a wrong size or width is refused.
        widths = stage_widths(size, width, FIRST_SIDE)[::-1]
        if latent_size < 1:
            raise UsageError(f"style_resnet needs a latent_size of at least 1, not {latent_size}.")
        self.size = size
        self.latent_size = latent_size
        self.smoothing = 0.0
        self.mapping = Mapping(latent_size)
        self.project = nn.Linear(latent_size, widths[0] * FIRST_SIDE**2)
        self.stages = nn.ModuleList(
            StyleBlock(in_channels, out_channels, latent_size)
            for in_channels, out_channels in pairwise(widths)
        )
        nn.init.normal_(self.project.weight, std=1 / math.sqrt(latent_size))
        nn.init.normal_(self.project.bias)

    def forward(self, latent: Tensor) -> Tensor:
        """Generate images.

        Args:
            latent: (B, latent_size), float32, standard normal.

        Returns:
            (B, 3, size, size), RGB around [0, 1], float32 also under autocast, not clipped.
        """
        style = self.mapping(latent)
        features = self.project(style).unflatten(1, (-1, FIRST_SIDE, FIRST_SIDE))  # (B, C, 4, 4)
        features = features.contiguous(memory_format=torch.channels_last)
        image = None  # sum of the stages' images, around [-1, 1]
        for stage in self.stages:
            features, colours = stage(features, style)
            image = colours if image is None else upsample_bilinear(image) + colours
        assert image is not None  # `stage_widths` gives at least one stage
        if self.smoothing:
            image = smooth(image, self.smoothing)
        return 0.5 + 0.5 * image

    @torch.no_grad()
    def centre(self) -> None:
        """Set the centre of the truncation, `Mapping.centre`, to the mean style.

        Call this before a generator is exported; during training the centre is 0. Images without
        truncation change little: then r, defined in `Mapping`, is near 1, where the centre cancels
        out.
        """
        random = torch.Generator().manual_seed(0)
        latents = torch.randn(_CENTRE_LATENTS, self.latent_size, generator=random)
        self.mapping.set_centre(latents.to(self.mapping.centre.device))


class Mapping(nn.Module):
    """Mapping network: latent -> style; the length of the latent sets the truncation.

    With r = ||latent|| / sqrt(size), u = latent / r and f = two dense layers:
    style = centre + r (f(u) - centre). r is near 1 for normal latents. Multiplying a latent by t
    multiplies r by t, which is the truncation of the source with psi = t.

    Args:
        size: length of a latent and of a style.

    Attributes:
        centre: the centre, (size,), not trained; 0 before `set_centre`.

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
            r = latent.square().mean(1, keepdim=True).sqrt()
            style = self.layers(latent / (r + _EPSILON))
            return self.centre + r * (style - self.centre)

    def set_centre(self, latents: Tensor) -> None:
        """Set the centre to the mean of f(u) over latents, (N, size), of which none is zero."""
        r = latents.square().mean(1, keepdim=True).sqrt()
        self.centre.copy_(self.layers(latents / r).mean(0))


class StyleConvolution(nn.Module):
    """Modulated 3x3 convolution with LeakyReLU.

    Modulation: a style gives a factor for each input channel. Demodulation: each output channel is
    divided by the standard deviation that it then has for inputs of unit variance. Scaling input
    and output instead of the weights gives the same result, and needs only one convolution for the
    whole batch.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        style_size: length of a style.

    Source:
        Karras et al. 2020, arXiv:1912.04958, equations 1 and 3.
    """

    def __init__(self, in_channels: int, out_channels: int, style_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(out_channels, in_channels, 3, 3) / math.sqrt(9 * in_channels)
        )
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.scales = _scales_from_style(style_size, in_channels)

    def forward(self, features: Tensor, style: Tensor, *, enlarge: bool = False) -> Tensor:
        """Convolve maps with a style and apply a LeakyReLU.

        Args:
            features: (B, in_channels, H, W).
            style: (B, style_size), float32.
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

    def __init__(self, in_channels: int, out_channels: int, style_size: int) -> None:
        super().__init__()
        self.first = StyleConvolution(in_channels, out_channels, style_size)
        self.second = StyleConvolution(out_channels, out_channels, style_size)
        self.to_colour = ColourConvolution(out_channels, style_size)

    def forward(self, features: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, in_channels, H, W) to maps and an image of twice the sides.

        Returns:
            (B, out_channels, 2 H, 2 W), and (B, 3, 2 H, 2 W).
        """
        features = self.second(self.first(features, style), style, enlarge=True)
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
