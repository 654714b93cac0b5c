"""Pixel losses of the generator: L1, L2 and Charbonnier.

The option `--pixel-loss` reads its choices from `PIXEL_LOSSES`.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference.

    Args:
        output: (B, C, H, W), any float dtype; computed in float32.
        target: same shape.

    Returns:
        Scalar, float32.
    """
    return (output.float() - target.float()).abs().mean()


def l2(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference, the loss that maximises PSNR.

    Args:
        output: (B, C, H, W), any float dtype; computed in float32.
        target: same shape.

    Returns:
        Scalar, float32.
    """
    return (output.float() - target.float()).square().mean()


def charbonnier(output: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2), a variant of L1 that is smooth at zero.

    Args:
        output: (B, C, H, W), any float dtype; computed in float32.
        target: same shape.
        epsilon: in the unit of the images; 1e-3 as in the paper. Differences far below it count
            quadratically, as in L2, differences far above it linearly, as in L1.

    Returns:
        Scalar, float32, at least `epsilon`.

    Source:
        Lai et al. 2017 (LapSRN), arXiv:1704.03915, equation 3.
    """
    difference = output.float() - target.float()
    return torch.sqrt(difference.square() + epsilon**2).mean()


PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l2": l2,
    "charbonnier": charbonnier,
}
"""(output, target) -> loss, by name."""
