"""Shift-equivariance loss: outputs for one scene sampled on two pixel grids have to agree.

The loss suppresses patterns that are locked to the pixel grid of the LR image. The module
`training.tasks.super_resolution` makes the two LR images, and `training.steps` computes the loss.
"""

from kornia.filters import gaussian_blur2d
from torch import Tensor

SIGMA = 1.6
"""Standard deviation, in output pixels, of the blur whose result is subtracted. The subtraction
keeps 96 % of a pattern that repeats every 4 pixels, as the LR grid does at scale 4, and 55 % of one
that repeats every 8. A larger value keeps more low frequencies, which the pixel loss covers."""
BLUR_TAPS = 13
"""Side of the blur's kernel in output pixels: almost 4 sigma on each side. The parts of the outputs
that are compared must have at least this side."""


def shift_equivariance(output: Tensor, shifted: Tensor, rows: int, columns: int) -> Tensor:
    """Mean absolute difference of the fine structure of two outputs after undoing the shift.

    The generator made both outputs from LR images of one scene, which lies further up and to the
    left in the second. Detail of the scene moves with it. A pattern locked to the pixel grid of the
    LR image does not, so that it increases the loss. The blurred difference is subtracted: low
    frequencies are left to the pixel loss.

    Args:
        output: output of the generator, (B, C, H, W), around [0, 1].
        shifted: its output for the scene moved up by `rows` and to the left by `columns`, same
            shape.
        rows: shift upwards in output pixels, from 0 to H - `BLUR_TAPS`.
        columns: shift to the left in output pixels, from 0 to W - `BLUR_TAPS`.

    Returns:
        Scalar, computed in float32; 0 if the second output is the first one moved.

    Raises:
        ValueError: the shapes differ, or the shift is negative or too large.

    Source:
        This project's own. The property: Zhang 2019, "Making Convolutional Networks Shift-Invariant
        Again", arXiv:1904.11486, section 3.1.
    """
    height, width = output.shape[-2] - rows, output.shape[-1] - columns  # of the common part
    if output.shape != shifted.shape or min(rows, columns) < 0 or min(height, width) < BLUR_TAPS:
        raise ValueError(
            f"cannot compare {tuple(output.shape)} with {tuple(shifted.shape)}, {rows=}, {columns=}"
        )
    difference = output[..., rows:, columns:].float() - shifted[..., :height, :width].float()
    kernel = (BLUR_TAPS, BLUR_TAPS)
    coarse = gaussian_blur2d(difference, kernel, (SIGMA, SIGMA), border_type="reflect")
    return (difference - coarse).abs().mean()
