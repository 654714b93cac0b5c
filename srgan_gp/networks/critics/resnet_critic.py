"""`resnet_critic`: the residual critic of the WGAN-GP phase.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", arXiv:1704.00028, section 4
(no batch norm in the critic) and its CIFAR-10 critic (residual blocks that end in average pooling).
Deviations: LeakyReLU 0.2, a patch map instead of a dense layer, any size of picture, and optionally
the low-res picture as a condition.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, PoolingBlock, scaled_kaiming_

HEAD_FACTOR = 20.0
"""On the head's weights: the mean over a map has a small gradient, of norm 0.03 without it."""


class Critic(nn.Module):
    """Picture -> one unbounded score: the mean of a map that judges overlapping patches.

    The first stage works at full resolution: a critic that subsamples first cannot see a dotted
    grid, so that the generator may draw one for nothing.

    At the start the gradient of a score over a whole 96x96 crop has a norm of 0.65, the order of
    the 1 that WGAN-GP asks for (measured: 0.3 to 0.8 over seeds, widths 8 to 64 and 2 to 5 stages;
    it falls as the side grows). The weights are He-normal, and no kernel of the stem sees a flat
    area: the first scores speak of texture, in which real and fake differ, not of brightness, which
    they share.

    Args:
        width: channels of the first stage; the second has twice, every later one four times those.
        stages: number of residual blocks; each halves the picture.
        scale: of the condition: how many times larger than it the pictures are.
        conditional: whether the score also depends on the low-res picture.

    Raises:
        UsageError: an argument is out of range.
    """

    def __init__(
        self, width: int = 24, stages: int = 4, scale: int = 4, conditional: bool = False
    ) -> None:
        super().__init__()
        if min(width, stages, scale) < 1:
            raise UsageError(
                f"resnet_critic needs numbers of at least 1, got {width=}, {stages=}, {scale=}."
            )
        self.scale = scale
        self.conditional = conditional
        widths = [width * min(2**stage, 4) for stage in range(stages)]
        self.stem = nn.Conv2d(6 if conditional else 3, width, 3, padding=1)
        self.body = nn.Sequential(*map(PoolingBlock, [width, *widths], widths))
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)
        scaled_kaiming_(self.stem, negative_slope=LEAK)
        scaled_kaiming_(self.head, factor=HEAD_FACTOR, negative_slope=LEAK)
        with torch.no_grad():
            self.stem.weight -= self.stem.weight.mean((2, 3), keepdim=True)

    @property
    def stages(self) -> nn.Sequential:
        """The residual blocks; the first one sees the full size."""
        return self.body

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score pictures.

        Args:
            images: (B, 3, H, W), RGB around [0, 1], not clipped, float32; any H and W from 1 up.
            condition: the low-res pictures, (B, 3, H / scale, W / scale), RGB in [0, 1]; for a
                conditional critic, None for any other.

        Returns:
            One score a picture, (B,), unbounded, float32 also under autocast.

        Raises:
            ValueError: a condition is missing, or there is one too many.
        """
        if (condition is not None) != self.conditional:
            raise ValueError(f"got condition={condition is not None}, {self.conditional=}")
        if condition is not None:
            enlarged = F.interpolate(condition, scale_factor=float(self.scale), mode="nearest")
            images = torch.cat([images, enlarged], dim=1)
        features = self.body(self.stem(images - 0.5))  # zero padding becomes mid-grey
        # Scores in bfloat16 would have eight bits, less than the drift of a run.
        with torch.autocast(images.device.type, enabled=False):
            patches = self.head(F.leaky_relu(features, LEAK).to(self.head.weight.dtype))
        return patches.mean((1, 2, 3))
