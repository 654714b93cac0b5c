"""Shift equivariance: two outputs for the same scene, sampled on two pixel grids, have to agree."""

from kornia.filters import gaussian_blur2d
from torch import Tensor

SIGMA = 1.6  # output pixels: structure much coarser than this is not compared
TAPS = 13  # 4 sigma on each side


def shift_equivariance(output: Tensor, shifted: Tensor, rows: int, columns: int) -> Tensor:
    """Mean absolute difference of the fine structure of two outputs after the shift is undone.

    Both inputs are made from one high-resolution window; for the second one it is first moved up
    and to the left. A pattern that is locked to the input's pixel grid stays in its place and
    therefore disagrees with itself; detail that belongs to the scene moves along. The outputs'
    low frequencies are subtracted, since the pixel loss determines them.

    Args:
        output: (B, C, H, W), around [0, 1]; computed in float32.
        shifted: the same shape, for the scene moved up by `rows` and to the left by `columns`.
        rows: output pixels, from 0 to less than H - TAPS + 1.
        columns: output pixels, likewise of W.

    Returns:
        A float32 scalar, >= 0; 0 where the generator commutes with the shift.

    Raises:
        ValueError: the shapes differ, or too little of the windows overlaps.

    Source:
        Ours. The property: Zhang 2019, "Making Convolutional Networks Shift-Invariant Again",
        arXiv:1904.11486, section 3.1.
    """
    height, width = output.shape[-2] - rows, output.shape[-1] - columns
    if output.shape != shifted.shape or min(rows, columns) < 0 or min(height, width) < TAPS:
        raise ValueError(
            f"cannot compare {tuple(output.shape)} with {tuple(shifted.shape)}, {rows=}, {columns=}"
        )
    difference = output[..., rows:, columns:].float() - shifted[..., :height, :width].float()
    coarse = gaussian_blur2d(difference, (TAPS, TAPS), (SIGMA, SIGMA), border_type="reflect")
    return (difference - coarse).abs().mean()
