"""Shift-equivariance loss: outputs for one scene sampled on two pixel grids have to agree."""

from kornia.filters import gaussian_blur2d
from torch import Tensor

SIGMA = 1.6  # output pixels: much coarser structure is not compared
TAPS = 13  # almost 4 sigma on each side


def shift_equivariance(output: Tensor, shifted: Tensor, rows: int, columns: int) -> Tensor:
    """Mean absolute difference of the fine structure of two outputs after undoing the shift.

    The generator made both outputs from LR images of one scene, which lies further up and to the
    left in the second. Detail of the scene moves with it. A pattern locked to the pixel grid of the
    LR image does not, so that it increases the loss. Low frequencies are subtracted, since the
    pixel loss determines them.

    Args:
        output: output of the generator, (B, C, H, W), around [0, 1].
        shifted: same shape, for the scene moved up by `rows` and to the left by `columns`.
        rows: shift upwards in output pixels, from 0 to less than H - TAPS + 1.
        columns: shift to the left in output pixels, from 0 to less than W - TAPS + 1.

    Returns:
        Scalar, computed in float32, at least 0; 0 if the generator commutes with the shift.

    Raises:
        ValueError: the shapes differ, or the windows overlap too little.

    Source:
        This project's own. The property: Zhang 2019, "Making Convolutional Networks Shift-Invariant
        Again", arXiv:1904.11486, section 3.1.
    """
    height, width = output.shape[-2] - rows, output.shape[-1] - columns
    if output.shape != shifted.shape or min(rows, columns) < 0 or min(height, width) < TAPS:
        raise ValueError(
            f"cannot compare {tuple(output.shape)} with {tuple(shifted.shape)}, {rows=}, {columns=}"
        )
    difference = output[..., rows:, columns:].float() - shifted[..., :height, :width].float()
    coarse = gaussian_blur2d(difference, (TAPS, TAPS), (SIGMA, SIGMA), border_type="reflect")
    return (difference - coarse).abs().mean()
