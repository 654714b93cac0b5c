"""Unsharp masking of the targets of a pixel loss, so that the generator learns crisper edges."""

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor
from torch.nn import functional as F

SIGMA = 2.0
"""Standard deviation of the blur in pixels: edges up to about this width are sharpened."""
TAPS = 13
"""Side of the blur's kernel in pixels: 3 sigma on each side."""
THRESHOLD = 8 / 255
"""Smaller differences from the blurred image are noise or smooth shading and are not changed. A
lower threshold sharpens noise too, a higher one leaves out weak edges."""
SOFTNESS = 5
"""Pixels over which the mask of edges fades in. With fewer the border of a sharpened area is
visible; with more, noise beside edges is sharpened too."""


def sharpen(images: Tensor, amount: float) -> Tensor:
    """Sharpen edges by unsharp masking; flat areas are not changed.

    Args:
        images: (B, C, H, W) in [0, 1], float32; sides of at least 7, for the padding of the blur.
        amount: the difference from the blurred image is added this many times; 0: no change.

    Returns:
        The same shape and dtype, in [0, 1].

    Source:
        Wang et al. 2021 (Real-ESRGAN), arXiv:2107.10833, section 3.4: sharpened ground truth. The
        constants are this project's own.
    """
    if not amount:
        return images
    detail = images - gaussian_blur2d(images, (TAPS, TAPS), (SIGMA, SIGMA), border_type="reflect")
    is_edge = (detail.abs() > THRESHOLD).to(images.dtype)  # 0 or 1
    # Mean over SOFTNESS x SOFTNESS pixels: from 0 in flat areas to 1 on edges.
    mask = F.avg_pool2d(is_edge, SOFTNESS, stride=1, padding=SOFTNESS // 2, count_include_pad=False)
    return torch.clamp(images + amount * mask * detail, 0, 1)
