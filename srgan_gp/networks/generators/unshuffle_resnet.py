"""`unshuffle_resnet`: residual super-resolution generator at a fraction of the input's size.

PixelUnshuffle turns blocks of `unshuffle` x `unshuffle` pixels into channels. All layers run on the
smaller map, at 1 / unshuffle^2 of the cost, and the tail upscales by scale * unshuffle. This allows
more channels and a receptive field that is `unshuffle` times as large.

Source:
    PixelUnshuffle before the body: Shi et al. 2016, arXiv:1609.05158, section 3.2, in reverse, as
    in FFDNet (Zhang et al. 2018, arXiv:1710.04026, section III-B). The body is that of `srresnet`.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import ResidualBlock, init_convolution_
from srgan_gp.networks.tails import TAILS, check_arguments

UNSHUFFLE_FACTORS = (1, 2, 4)
"""Allowed values of `unshuffle`; 1 is `srresnet` with other padding. The larger, the cheaper the
layers, and the more detail each position has to represent by `width` channels."""


class Generator(nn.Module):
    """LR image -> HR image.

    Args:
        scale: upscaling factor of both sides, 2, 3 or 4.
        width: channels of every hidden layer, even.
        blocks: number of residual blocks, at least 1.
        tail: one of `TAILS`: "direct" (cheapest) or "staged" (a convolution at full size).
        unshuffle: side of the blocks of input pixels that become one position, one of
            `UNSHUFFLE_FACTORS`.

    Raises:
        UsageError: an argument is out of range.
    """

    task = "super-resolution"

    def __init__(
        self,
        scale: int = 4,
        width: int = 96,
        blocks: int = 12,
        tail: str = "direct",
        unshuffle: int = 2,
    ) -> None:
        super().__init__()
        check_arguments("unshuffle_resnet", scale, width, blocks, tail)
        if unshuffle not in UNSHUFFLE_FACTORS:
            raise UsageError(f"unshuffle_resnet supports unshuffle 1, 2 and 4, not {unshuffle}.")
        self.scale = scale
        self.size_multiple = unshuffle  # a public attribute: the export writes it into the metadata
        # PixelUnshuffle followed by a 3x3 convolution equals one strided convolution.
        self.stem = nn.Conv2d(3, width, 3 * unshuffle, stride=unshuffle)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.merge = nn.Conv2d(width, width, 3, padding=1)
        self.tail = TAILS[tail](width, scale * unshuffle)
        init_convolution_(self.stem)
        init_convolution_(self.merge, factor=0.1)  # the skip connection dominates at first

    def forward(self, low_res: Tensor) -> Tensor:
        """Upscale images.

        Sides that are not a multiple of `unshuffle` are padded by replication, and the result is
        cropped.

        Args:
            low_res: (B, 3, H, W), RGB in [0, 1], float32.

        Returns:
            (B, 3, H * scale, W * scale), RGB around [0, 1], float32, not clipped.
        """
        side = self.size_multiple  # of a block
        # One block on each side, for the 3x3 convolution. On the right and at the bottom there are
        # `side - 1` more pixels, which complete the last block; the stem ignores what is left over.
        pads = (side, 2 * side - 1, side, 2 * side - 1)  # left, right, top, bottom
        padded = F.pad(low_res, pads, mode="replicate")
        features = self.stem(padded)  # (B, width, ceil(H / side), ceil(W / side))
        features = features + self.merge(self.body(features))  # long skip connection
        enlarged = F.interpolate(low_res, scale_factor=float(self.scale), mode="nearest")
        height, width = enlarged.shape[2:]
        return enlarged + self.tail(features)[:, :, :height, :width]
