"""A loss against dotted grids, the pattern that pixel-shuffle layers draw under other losses."""

from torch import Tensor
from torch.nn import functional as F


def grid_loss(output: Tensor, target: Tensor, period: int, cells: int = 8) -> Tensor:
    """Energy of what repeats every `period` pixels in the error, window by window.

    In a window of `cells` x `cells` periods, the error is averaged over the pixels of each of the
    period^2 positions within a cell. Where these means differ from one another the error has a grid
    locked to the pixel shuffle; content has none, its means go to zero as the window grows. Only
    frequencies within 1 / (period * cells) of the grid's lines are touched, so that texture is
    free to differ from the target elsewhere.

    Args:
        output: (B, C, H, W), around [0, 1]; H and W multiples of `period`, at least one window.
        target: same shape.
        period: pixels; the enlargement of the generator.
        cells: side of a window in periods; windows overlap by half.

    Returns:
        A float32 scalar: root mean square over a picture's windows and positions, mean over the
        pictures; 1e-6 for equal ones.

    Raises:
        ValueError: the shapes differ, or do not hold whole periods and one window.

    Source:
        Ours. The artefact: Odena et al. 2016, "Deconvolution and Checkerboard Artifacts".
    """
    height, width = output.shape[-2:]
    fits = height % period == width % period == 0 and min(height, width) >= period * cells
    if output.shape != target.shape or not fits:
        raise ValueError(f"cannot compare {tuple(output.shape)} with {tuple(target.shape)}")
    error = output.float() - target.float()
    positions = F.pixel_unshuffle(error, period).unflatten(1, (-1, period**2))
    batch, channels = positions.shape[:2]
    means = F.avg_pool2d(positions.flatten(0, 1), cells, stride=cells // 2)
    means = means.unflatten(0, (batch, channels))
    pattern = means - means.mean(dim=2, keepdim=True)
    return (pattern.square().mean((1, 2, 3, 4)) + 1e-12).sqrt().mean()
