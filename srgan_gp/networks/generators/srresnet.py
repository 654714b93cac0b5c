"""`srresnet`: the residual super-resolution generator.

Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network", arXiv:1609.04802, figure 4. Deviations: no batch norm (EDSR), ReLU, 3x3
everywhere, a direct PixelShuffle tail, and the network predicts the difference to the
nearest-neighbour enlargement of its input.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import TAILS, ResidualBlock, scaled_kaiming_

SCALES = (2, 3, 4)


class Generator(nn.Module):
    """Low-res picture -> high-res picture.

    Args:
        scale: enlargement of both sides, one of `SCALES`.
        width: channels of every hidden layer, even.
        blocks: number of residual blocks.
        tail: "direct" (cheapest) or "staged" (a convolution at full size).

    Raises:
        UsageError: an argument is out of range.
    """

    task = "super-resolution"

    def __init__(
        self, scale: int = 4, width: int = 48, blocks: int = 12, tail: str = "direct"
    ) -> None:
        super().__init__()
        if scale not in SCALES:
            raise UsageError(f"srresnet enlarges by 2, 3 or 4, not by {scale}.")
        if width < 2 or width % 2 or blocks < 1:
            raise UsageError(
                f"srresnet needs an even width and at least one block, got {width=}, {blocks=}."
            )
        if tail not in TAILS:
            raise UsageError(f"There is no tail {tail!r}; known: {', '.join(TAILS)}.")
        self.scale = scale
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.merge = nn.Conv2d(width, width, 3, padding=1)
        self.tail = TAILS[tail](width, scale)
        scaled_kaiming_(self.stem)
        scaled_kaiming_(self.merge, factor=0.1)

    def forward(self, low_res: Tensor) -> Tensor:
        """Enlarge pictures.

        Args:
            low_res: (B, 3, H, W), RGB in [0, 1], float32.

        Returns:
            (B, 3, H * scale, W * scale), RGB around [0, 1], float32, not clipped.
        """
        features = self.stem(low_res)
        features = features + self.merge(self.body(features))  # the long skip
        enlarged = F.interpolate(low_res, scale_factor=float(self.scale), mode="nearest")
        return enlarged + self.tail(features)
