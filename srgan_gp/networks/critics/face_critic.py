"""`face_critic`: residual critic of images of one fixed size, the counterpart of `face_resnet`.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", arXiv:1704.00028, the
residual 64x64 critic of appendix C. As in `generators.face_resnet`, but unlike the paper,
resampling is separate from the convolutions, the last convolution of every block is initialised to
zero, the activation is LeakyReLU, and there is no normalisation: section 4 of the paper rules out
batch norm, and the penalty bounds the scale of the scores.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.networks.blocks import LEAK, DownsamplingBlock, init_convolution_, stage_widths

LAST_SIDE = 4
"""Side of the map that the score is computed from, as in the paper."""


class Critic(nn.Module):
    """Image of one fixed size -> one unbounded score.

    Unlike `resnet_critic`, which scores patches, it has a separate weight for every position of the
    last map: the layout of the face matters.

    Args:
        size: side of the images in pixels, a power of two from 8 up.
        width: channels at full size; doubled at each halving of the size, up to 8 * width.

    Raises:
        UsageError: an argument is out of range.
    """

    def __init__(self, size: int = 64, width: int = 32) -> None:
        super().__init__()
        widths = stage_widths(size, width, LAST_SIDE)
        self.size = size
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.stages = nn.ModuleList()
        for channels, next_channels in pairwise(widths):
            self.stages.append(DownsamplingBlock(channels, next_channels))
        self.head = nn.Linear(widths[-1] * LAST_SIDE**2, 1)
        init_convolution_(self.stem, slope_before=1.0)  # no activation precedes
        nn.init.kaiming_normal_(self.head.weight, a=LEAK)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score images.

        Args:
            images: (B, 3, size, size), RGB around [0, 1], not clipped, float32.
            condition: must be None; critics of super-resolution may have one.

        Returns:
            One score per image, (B,), unbounded, float32 also under autocast.

        Raises:
            ValueError: `condition` is not None.
        """
        if condition is not None:
            raise ValueError("face_critic does not take a condition")
        features = self.stem(2 * images - 1)  # values around [-1, 1]; (B, width, size, size)
        for stage in self.stages:
            features = stage(features)
        # (B, C, 4, 4) => (B,), in float32: the eight significant bits of bfloat16 are too few for
        # the small differences of scores whose mean may drift away from 0.
        with torch.autocast(images.device.type, enabled=False):
            last = F.leaky_relu(features, LEAK).to(self.head.weight.dtype)
            return self.head(last.flatten(1)).squeeze(1)
