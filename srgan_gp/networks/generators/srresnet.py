"""`srresnet`: residual super-resolution generator.

Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network", arXiv:1609.04802, figure 4. Deviations: no batch norm, as in EDSR (Lim et al.
2017, arXiv:1707.02921); ReLU; 3x3 kernels throughout; by default 48 channels and 12 blocks (paper:
64 and 16), and a single PixelShuffle at the end; and the network predicts the difference to the
nearest-neighbour upsampling of its input.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.networks.blocks import ResidualBlock, init_convolution_
from srgan_gp.networks.tails import TAILS, check_arguments


class Generator(nn.Module):
    """LR image -> HR image.

    Args:
        scale: upscaling factor of both sides, 2, 3 or 4.
        width: channels of every hidden layer; even, because the tail "staged" halves it.
        blocks: number of residual blocks, at least 1.
        tail: one of `TAILS`: "direct" (cheapest) or "staged" (a convolution at full size).

    Raises:
        UsageError: an argument is out of range.
    """

    task = "super-resolution"

    def __init__(
        self, scale: int = 4, width: int = 48, blocks: int = 12, tail: str = "direct"
    ) -> None:
        super().__init__()
        check_arguments("srresnet", scale, width, blocks, tail)
        self.scale = scale
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.merge = nn.Conv2d(width, width, 3, padding=1)
        self.tail = TAILS[tail](width, scale)
        init_convolution_(self.stem)
        # The skip connection dominates at first. With a smaller factor the blocks learn later.
        init_convolution_(self.merge, factor=0.1)

    def forward(self, low_res: Tensor) -> Tensor:
        """Upscale images.

        Args:
            low_res: (B, 3, H, W), RGB in [0, 1], float32.

        Returns:
            (B, 3, H * scale, W * scale), RGB around [0, 1], float32, not clipped.
        """
        features = self.stem(low_res)  # (B, width, H, W)
        features = features + self.merge(self.body(features))  # long skip connection
        enlarged = F.interpolate(low_res, scale_factor=float(self.scale), mode="nearest")
        return enlarged + self.tail(features)
