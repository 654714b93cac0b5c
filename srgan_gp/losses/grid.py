"""A loss against dotted grids, the pattern that pixel-shuffle layers draw under other losses."""

from torch import Tensor
from torch.nn import functional as F

FLAT = 2 / 255
"""Added to a window's contrast: below about two levels there is nothing that could hide a grid."""


def grid_loss(output: Tensor, target: Tensor, period: int, cells: int = 8) -> Tensor:
    """What repeats every `period` pixels in the error, relative to the target's contrast.

    In a window of `cells` x `cells` periods, the error is averaged over the pixels of each of the
    period^2 positions within a cell. Where these means differ from one another the error has a grid
    locked to the pixel shuffle; content has none, its means go to zero as the window grows. Only
    frequencies within 1 / (period * cells) of the grid's lines are touched, so that texture is
    free to differ from the target elsewhere.

    Each window counts by the root of its own energy over its own contrast: a grid below one level
    is seen, and measured, in a flat area, and hidden in grass.

    Args:
        output: (B, C, H, W), around [0, 1]; H and W multiples of `period`, at least one window.
        target: same shape.
        period: pixels; the enlargement of the generator.
        cells: side of a window in periods; windows overlap by half.

    Returns:
        A float32 scalar: root mean square over a window's positions and channels, over the standard
        deviation of the target there plus `FLAT`; mean over windows and pictures. For equal ones
        1.3e-4 where they are flat, and less elsewhere.

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
    energy = pattern.square().mean((1, 2))
    contrast = _contrast(target.float(), period * cells)
    return ((energy + 1e-12).sqrt() / (contrast + FLAT)).mean()


def _contrast(images: Tensor, side: int) -> Tensor:
    """Standard deviation in half-overlapping windows, mean over channels: (B, rows, columns)."""
    mean, mean_square = (F.avg_pool2d(x, side, stride=side // 2) for x in (images, images.square()))
    return (mean_square - mean.square()).clamp(min=0).sqrt().mean(1)
