"""`style_resnet`: generator of faces with style-modulated convolutions.

Paper: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
arXiv:1912.04958: mapping network, modulated and demodulated convolutions (equations 1 and 3),
images summed over resolutions (figure 7b). Deviations: no noise inputs, or noise that is computed
from the latent, so that a latent determines the image; replicate padding, which avoids a frame at
the border; the first map is projected from the style; the first convolution of a block runs before
the upsampling, at a quarter of the cost; the length of the latent sets the truncation, and the mean
style is stored with the weights; the image can be smoothed, against thin lines that a critic of
feature maps does not see.

A latent is a vector of standard normal numbers; a style is the output of the mapping network.
Truncation draws styles towards their mean, for more typical and less diverse images.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, smooth, stage_widths, upsample_bilinear
from srgan_gp.networks.noise_maps import NoiseMaps
from srgan_gp.networks.style_blocks import StyleBlock

FIRST_SIDE = 4
"""Side, in pixels, of the map that the style is projected to; as in the paper."""
_CENTRE_LATENTS = 4096  # whose mean style is the centre: its error is 1/64 of the styles' spread
_EPSILON = 1e-8  # avoids a division by 0


class Generator(nn.Module):
    """Latent -> image.

    Args:
        size: side of the images in pixels, a power of two from 8 up.
        latent_size: length of a latent and of a style.
        width: channels at full size; doubled at each halving of the size, up to 8 * width.
        noise_maps: number of maps of white noise that the noise of an image is mixed from, 2 to
            `latent_size`; 0: no noise.

    Attributes:
        smoothing: share a of each neighbour, 0 to 0.25, in the filter [a, 1 - 2 a, a] that smooths
            the images along both axes; 0, as in training: no filter. `exporting` sets it.

    Raises:
        UsageError: an argument is out of range.
    """

    task = "face-generation"
    added_layers = ("noise.", ".noise_factors")  # read by `training.start_weights`

    def __init__(
        self, size: int = 64, latent_size: int = 128, width: int = 32, noise_maps: int = 0
    ) -> None:
        super().__init__()
        # From the smallest map to full size; a wrong size or width is refused.
        widths = stage_widths(size, width, FIRST_SIDE)[::-1]
        if latent_size < 1:
            raise UsageError(f"style_resnet needs a latent_size of at least 1, not {latent_size}.")
        if noise_maps and not 2 <= noise_maps <= latent_size:
            raise UsageError(
                f"style_resnet needs noise_maps from 2 to latent_size, {latent_size}, or 0, "
                f"not {noise_maps}."
            )
        self.size = size
        self.latent_size = latent_size
        self.smoothing = 0.0
        self.mapping = Mapping(latent_size)
        self.project = nn.Linear(latent_size, widths[0] * FIRST_SIDE**2)
        self.stages = nn.ModuleList(
            StyleBlock(in_channels, out_channels, latent_size, has_noise=noise_maps > 0)
            for in_channels, out_channels in pairwise(widths)
        )
        self.noise = NoiseMaps(FIRST_SIDE, size, noise_maps) if noise_maps else None
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
        noise = self.noise(latent) if self.noise else None
        features = self.project(style).unflatten(1, (-1, FIRST_SIDE, FIRST_SIDE))  # (B, C, 4, 4)
        features = features.contiguous(memory_format=torch.channels_last)
        image = None  # sum of the stages' images, around [-1, 1]
        for stage in self.stages:
            features, colours = stage(features, style, noise)
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
