"""`face_resnet`: residual generator of faces.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", arXiv:1704.00028, the
residual 64x64 generator of appendix C. It differs from the paper as R3GAN does (Huang et al. 2024,
arXiv:2501.05441, section 3.3):

- It has no normalisation, so that a sample depends on its latent alone and the moving average of
  the weights needs no statistics.
- Resampling is separate from the convolutions.
- The last convolution of every block is initialised to zero.
- The activation is LeakyReLU, and the output is linear.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, UpsamplingBlock, init_convolution_, stage_widths

FIRST_SIDE = 4
"""Side, in pixels, of the map that the latent is projected to; as in the paper."""


class Generator(nn.Module):
    """Latent, a vector of standard normal numbers -> image.

    Args:
        size: side of the images in pixels, a power of two from 8 up.
        latent_size: length of a latent.
        width: channels at full size; doubled at each halving of the size, up to 8 * width.

    Raises:
        UsageError: an argument is out of range.
    """

    task = "face-generation"

    def __init__(self, size: int = 64, latent_size: int = 128, width: int = 32) -> None:
        super().__init__()
        widths = stage_widths(size, width, FIRST_SIDE)[::-1]  # from the smallest map to full size
        if latent_size < 1:
            raise UsageError(f"face_resnet needs a latent_size of at least 1, not {latent_size}.")
        self.size = size
        self.latent_size = latent_size
        self.project = nn.Linear(latent_size, widths[0] * FIRST_SIDE**2)
        self.stages = nn.Sequential()
        for channels, next_channels in pairwise(widths):
            self.stages.append(UpsamplingBlock(channels, next_channels))
        self.to_colour = nn.Conv2d(widths[-1], 3, 3, padding=1)
        nn.init.kaiming_normal_(self.project.weight, nonlinearity="linear")
        nn.init.zeros_(self.project.bias)
        init_convolution_(self.to_colour, slope_before=LEAK)

    def forward(self, latent: Tensor) -> Tensor:
        """Generate images.

        Args:
            latent: (B, latent_size), float32, standard normal.

        Returns:
            (B, 3, size, size), RGB around [0, 1], float32 also under autocast, not clipped.
        """
        features = self.project(latent).unflatten(1, (-1, FIRST_SIDE, FIRST_SIDE))  # (B, C, 4, 4)
        features = self.stages(features.contiguous(memory_format=torch.channels_last))
        colours = self.to_colour(F.leaky_relu(features, LEAK))  # around [-1, 1]
        return 0.5 + 0.5 * colours.to(latent.dtype)
