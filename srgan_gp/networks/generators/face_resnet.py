"""`face_resnet`: residual generator of faces.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", arXiv:1704.00028, the
residual 64x64 generator of appendix C. It differs from the paper as R3GAN does (Huang et al. 2024,
arXiv:2501.05441, section 3.3):

- It has no normalisation, so that a sample depends on its latent alone and the moving average of
  the weights needs no statistics.
- Resampling is separate from the convolutions.
- The last convolution of every block is initialised to zero.
- The activation is LeakyReLU, and the output is linear.
- The last block and the last layer can repeat the border of a map. Padding with zeros marks the
  border, and the generator draws a frame there. The smaller maps are padded with zeros in any case:
  from them a convolution learns the position (Xu et al. 2021, arXiv:2012.05217).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import (
    LEAK,
    Padding,
    UpsamplingBlock,
    init_convolution_,
    stage_widths,
)

FIRST_SIDE = 4
"""Side, in pixels, of the map that the latent is projected to; as in the paper."""
PADDINGS: tuple[Padding, ...] = ("zeros", "replicate")
"""Values of the argument `padding`."""


class Generator(nn.Module):
    """Latent, a vector of standard normal numbers -> image.

    Args:
        size: side of the images in pixels, a power of two from 8 up.
        latent_size: length of a latent.
        width: channels at full size; doubled at each halving of the size, up to 8 * width.
        padding: of the last block and the last layer: "zeros", or "replicate" for copies of the
            border.

    Raises:
        UsageError: an argument is out of range.
    """

    task = "face-generation"

    def __init__(
        self, size: int = 64, latent_size: int = 128, width: int = 32, padding: str = "zeros"
    ) -> None:
        super().__init__()
        widths = stage_widths(size, width, FIRST_SIDE)[::-1]  # from the smallest map to full size
        if latent_size < 1:
            raise UsageError(f"face_resnet needs a latent_size of at least 1, not {latent_size}.")
        if padding not in PADDINGS:
            known = " or ".join(PADDINGS)
            raise UsageError(f"The padding of face_resnet must be {known}, not {padding!r}.")
        self.size = size
        self.latent_size = latent_size
        self.project = nn.Linear(latent_size, widths[0] * FIRST_SIDE**2)
        self.stages = nn.Sequential()
        paddings: list[Padding] = ["zeros"] * (len(widths) - 2)
        paddings.append(padding)
        for (channels, next_channels), mode in zip(pairwise(widths), paddings, strict=True):
            self.stages.append(UpsamplingBlock(channels, next_channels, mode))
        self.to_colour = nn.Conv2d(widths[-1], 3, 3, padding=1, padding_mode=padding)
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
