"""`resnet_critic`: residual patch critic for super-resolution.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", arXiv:1704.00028, section 4
(no batch norm in the critic) and its CIFAR-10 critic (residual blocks that end in average pooling).
Deviations: LeakyReLU 0.2, a patch map instead of a dense layer, images of any size, and optionally
the LR image as a condition.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, PoolingBlock, init_convolution_

HEAD_FACTOR = 20.0
"""Factor of the initial weights of the head. The mean over a map has a small gradient: without the
factor the gradient of the score of a 96x96 crop has a norm of 0.03, far below the target 1."""


class Critic(nn.Module):
    """Image -> one unbounded score: the mean of a map of scores of overlapping patches.

    The first stage runs at full resolution. A critic that subsamples first does not see a pattern
    with a period of two pixels, and the generator would not be penalised for one.

    At initialisation the gradient of the score of a 96x96 crop has a norm of 0.65, of the order of
    the target 1 of WGAN-GP (measured: 0.3 to 0.8 over seeds, widths 8 to 64 and 2 to 5 stages; it
    decreases with the side). The weights are He-normal, and the kernels of the stem have mean 0:
    the first scores depend on texture, in which real and fake images differ, not on brightness,
    which they share.

    The defaults of the arguments are those of `TrainConfig`, except for `conditional`.

    Args:
        width: channels of the first stage; the second has twice, all later ones four times as many.
        stages: number of residual blocks; each halves the sides, rounded up. With more stages a
            patch is larger.
        scale: size of the images relative to the condition.
        conditional: whether the score also depends on the LR image.

    Raises:
        UsageError: an argument is out of range.
    """

    def __init__(
        self, width: int = 24, stages: int = 4, scale: int = 4, conditional: bool = False
    ) -> None:
        super().__init__()
        if min(width, stages, scale) < 1:
            raise UsageError(
                "resnet_critic needs width, stages and scale of at least 1, got "
                f"{width=}, {stages=}, {scale=}."
            )
        self.scale = scale
        self.conditional = conditional
        widths = [width * min(2**stage, 4) for stage in range(stages)]
        self.stem = nn.Conv2d(6 if conditional else 3, width, 3, padding=1)
        self.body = nn.Sequential()
        for channels, next_channels in pairwise([width, *widths]):
            self.body.append(PoolingBlock(channels, next_channels))
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)
        # `slope_before` is the slope of the activation before a layer. The stem has none before it;
        # with LEAK all the same, the gradient norms above were measured.
        init_convolution_(self.stem, slope_before=LEAK)
        init_convolution_(self.head, factor=HEAD_FACTOR, slope_before=LEAK)
        with torch.no_grad():  # kernels with the mean 0
            self.stem.weight -= self.stem.weight.mean((2, 3), keepdim=True)

    @property
    def stages(self) -> nn.Sequential:
        """The residual blocks, for `freeze_first_stages`; the first runs at full size."""
        return self.body

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score images.

        Args:
            images: (B, 3, H, W), RGB around [0, 1], not clipped, float32; any H and W from 1 up.
            condition: LR images, (B, 3, H / scale, W / scale), RGB in [0, 1], for a conditional
                critic; None for any other.

        Returns:
            One score per image, (B,), unbounded, float32 also under autocast.

        Raises:
            ValueError: the condition is missing or unexpected.
        """
        if (condition is not None) != self.conditional:
            raise ValueError(f"got condition={condition is not None}, {self.conditional=}")
        if condition is not None:
            enlarged = F.interpolate(condition, scale_factor=float(self.scale), mode="nearest")
            images = torch.cat([images, enlarged], dim=1)  # (B, 6, H, W)
        features = self.body(self.stem(images - 0.5))  # the zero padding then means mid-grey
        # (B, C, h, w) => (B,), in float32: the eight bits of bfloat16 are too few for the small
        # differences of scores whose mean may drift away from 0.
        with torch.autocast(images.device.type, enabled=False):
            patches = self.head(F.leaky_relu(features, LEAK).to(self.head.weight.dtype))
        return patches.mean((1, 2, 3))
