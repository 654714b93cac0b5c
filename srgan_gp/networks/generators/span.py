"""`span`: small super-resolution generator with parameter-free attention.

Paper: Wan et al. 2023, "Swift Parameter-free Attention Network for Efficient Super-Resolution",
arXiv:2311.12770, equations 1 to 6. Deviations: no re-parameterised convolutions; the features of
four depths, which the paper concatenates, are reduced by a 1x1 convolution before the tail; the
network predicts the difference to the nearest-neighbour upsampling of its input; the initial
weights keep the magnitude of the features through the attention.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.networks.blocks import init_convolution_
from srgan_gp.networks.tails import TAILS, check_arguments

LAST_FACTOR = 3.5
"""Factor of the He-normal initial weights of a block's last convolution. With it the product of
features and attention keeps a magnitude of about 1. With a factor of 1 it vanishes, and with a much
larger one it grows from block to block."""


class AttentionBlock(nn.Module):
    """SPAB: three 3x3 convolutions whose output is both a residual and an attention map.

    With h = conv(silu(conv(silu(conv(x))))), the result is (x + h) * (sigmoid(h) - 0.5).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.third = nn.Conv2d(width, width, 3, padding=1)
        init_convolution_(self.first, slope_before=1.0)  # no activation precedes it
        init_convolution_(self.second)  # SiLU precedes it, which is near to ReLU
        init_convolution_(self.third, factor=LAST_FACTOR)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to the same shape."""
        hidden = F.silu(self.first(features))
        hidden = F.silu(self.second(hidden))
        change = self.third(hidden)
        return (features + change) * (torch.sigmoid(change) - 0.5)


class Generator(nn.Module):
    """LR image -> HR image.

    Args:
        scale: upscaling factor of both sides, 2, 3 or 4.
        width: channels of every hidden layer, even.
        blocks: number of attention blocks, at least 2.
        tail: one of `TAILS`: "direct" (cheapest) or "staged" (a convolution at full size).

    Raises:
        UsageError: an argument is out of range.
    """

    task = "super-resolution"

    def __init__(
        self, scale: int = 4, width: int = 48, blocks: int = 6, tail: str = "direct"
    ) -> None:
        super().__init__()
        # `forward` uses the maps after the first block and before the last one.
        check_arguments("span", scale, width, blocks, tail, least_blocks=2)
        self.scale = scale
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.ModuleList(AttentionBlock(width) for _ in range(blocks))
        self.merge = nn.Conv2d(width, width, 3, padding=1)
        self.reduce = nn.Conv2d(4 * width, width, 1)
        self.tail = TAILS[tail](width, scale)
        init_convolution_(self.stem)  # as after ReLU: colours are not negative
        # No activation precedes `merge` and `reduce`.
        init_convolution_(self.merge, slope_before=1.0)
        init_convolution_(self.reduce, slope_before=1.0)

    def forward(self, low_res: Tensor) -> Tensor:
        """Upscale images.

        Args:
            low_res: (B, 3, H, W), RGB in [0, 1], float32.

        Returns:
            (B, 3, H * scale, W * scale), RGB around [0, 1], float32, not clipped.
        """
        maps = [self.stem(low_res)]  # (B, width, H, W), as all maps
        for block in self.body:
            maps.append(block(maps[-1]))
        # Output of the stem, of the first block, of the last but one, and of the last.
        features = torch.cat((maps[0], maps[1], maps[-2], self.merge(maps[-1])), dim=1)
        enlarged = F.interpolate(low_res, scale_factor=float(self.scale), mode="nearest")
        return enlarged + self.tail(self.reduce(features))
