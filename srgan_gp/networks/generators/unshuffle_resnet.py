"""`unshuffle_resnet`: a residual super-resolution generator at a fraction of the input's size.

The image is read in blocks of `unshuffle` x `unshuffle` pixels (PixelUnshuffle); all layers run on
this smaller map, at a cost of 1 / unshuffle^2 a layer, and the tail enlarges by scale * unshuffle.
More channels are affordable, and a layer sees `unshuffle` times as far.

Source:
    PixelUnshuffle before the body: Shi et al. 2016, arXiv:1609.05158, section 3.2, in reverse, as
    in FFDNet (Zhang et al. 2018, arXiv:1710.04026, section III-B). The body is that of `srresnet`.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import TAILS, ResidualBlock, scaled_kaiming_

SCALES = (2, 3, 4)
STEPS = (1, 2, 4)


class Generator(nn.Module):
    """LR image -> HR image.

    Args:
        scale: enlargement of both sides, one of `SCALES`.
        width: channels of every hidden layer, even.
        blocks: number of residual blocks.
        tail: "direct" (cheapest) or "staged" (a convolution at full size).
        unshuffle: side of the blocks of input pixels that become one position, one of `STEPS`.

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
        if scale not in SCALES:
            raise UsageError(f"unshuffle_resnet enlarges by 2, 3 or 4, not by {scale}.")
        if width < 2 or width % 2 or blocks < 1:
            raise UsageError(
                "unshuffle_resnet needs an even width and at least one block, "
                f"got {width=}, {blocks=}."
            )
        if tail not in TAILS:
            raise UsageError(f"There is no tail {tail!r}; known: {', '.join(TAILS)}.")
        if unshuffle not in STEPS:
            raise UsageError(f"unshuffle_resnet unshuffles by 1, 2 or 4, not by {unshuffle}.")
        self.scale = scale
        self.size_multiple = unshuffle
        # PixelUnshuffle and a 3x3 convolution are one convolution with a stride.
        self.stem = nn.Conv2d(3, width, 3 * unshuffle, stride=unshuffle)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.merge = nn.Conv2d(width, width, 3, padding=1)
        self.tail = TAILS[tail](width, scale * unshuffle)
        scaled_kaiming_(self.stem)
        scaled_kaiming_(self.merge, factor=0.1)

    def forward(self, low_res: Tensor) -> Tensor:
        """Enlarge images.

        Sides that are no multiple of `unshuffle` are padded by replication, and the result is cut.

        Args:
            low_res: (B, 3, H, W), RGB in [0, 1], float32.

        Returns:
            (B, 3, H * scale, W * scale), RGB around [0, 1], float32, not clipped.
        """
        step = self.size_multiple
        # Enough on the right for the last, possibly partial, block and for the one beyond it.
        pads = (step, 2 * step - 1, step, 2 * step - 1)
        features = self.stem(F.pad(low_res, pads, mode="replicate"))
        features = features + self.merge(self.body(features))  # the long skip
        enlarged = F.interpolate(low_res, scale_factor=float(self.scale), mode="nearest")
        height, width = enlarged.shape[2:]
        return enlarged + self.tail(features)[:, :, :height, :width]
