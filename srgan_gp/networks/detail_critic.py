"""`DetailCritic`: scores the fine detail of an image, a part of `projected_critic`.

The slope of a WGAN critic is limited, so that it heeds a difference by its size. In pixels the
difference of detail is small beside that of shapes and colours, and the features of a network
hardly show it. `detail_of` leaves only the detail, and enlarges it.
"""

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor, nn

from srgan_gp.networks.blocks import LEAK, init_convolution_

SIGMA = 1.0
"""Standard deviation, in pixels, of the blur whose result is subtracted. A larger value adds
shapes, which the other parts see; a smaller one removes lines that are two pixels wide."""
_TAPS = 7  # side of the blur's kernel in pixels: 3 sigma on each side
_GAIN = 6.0  # the mean distance of two real faces is then about that in pixels
_LAYERS = ((24, 1), (32, 2), (32, 1), (48, 2), (48, 1))  # channels and stride of each convolution
_SCORE_FACTOR = 10.0  # a mean over positions has a small slope; training raises it from here to 1


def detail_of(images: Tensor) -> Tensor:
    """Return `_GAIN` times the difference of images from their blurred copies.

    Args:
        images: (B, 3, H, W), floating point.

    Returns:
        Of the same shape, float32 also under autocast; 0 for a flat image.
    """
    # bfloat16 is too coarse for the small difference, which is enlarged.
    with torch.autocast(images.device.type, enabled=False):
        images = images.float()
        blurred = gaussian_blur2d(images, (_TAPS, _TAPS), (SIGMA, SIGMA), border_type="replicate")
        return _GAIN * (images - blurred)


class DetailCritic(nn.Module):
    """Detail -> score: the mean of the scores of all places.

    Each place sees 21 x 21 pixels of the detail, which depend on 27 x 27 pixels of the image.

    Source:
        Only the high frequencies for the critic: Fritsche et al. 2019, arXiv:1911.07850. A mean
        over places: Isola et al. 2017, arXiv:1611.07004, section 3.2.2.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for out_channels, stride in _LAYERS:
            convolution = nn.Conv2d(channels, out_channels, 3, stride, padding=1)
            init_convolution_(convolution, slope_before=LEAK if layers else 1.0)
            layers += [convolution, nn.LeakyReLU(LEAK)]
            channels = out_channels
        self.body = nn.Sequential(*layers)
        self.score = nn.Conv2d(channels, 1, 1)
        init_convolution_(self.score, factor=_SCORE_FACTOR, slope_before=LEAK)

    def forward(self, values: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score detail.

        Args:
            values: (B, 3, H, W), result of `detail_of`.
            condition: must be None; critics of super-resolution may have one.

        Returns:
            One score per image, (B,), unbounded, float32 also under autocast.

        Raises:
            ValueError: `condition` is not None.
        """
        if condition is not None:
            raise ValueError("the detail part of projected_critic does not take a condition")
        return self.score(self.body(values)).float().mean((1, 2, 3))
