import pytest
import torch
from torch.nn import functional as F

from srgan_gp.losses.shift_equivariance import shift_equivariance


def scene(rows=0, columns=0):
    """A window of a fixed random scene, moved up and to the left."""
    whole = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    return whole[..., rows : rows + 40, columns : columns + 40]


def lattice(period):
    """A pattern locked to the pixel grid of the output."""
    wave = torch.cos(2 * torch.pi * torch.arange(40) / period)
    return wave[:, None] * wave[None, :]


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (1, 2), (3, 3)])
def test_detail_that_moves_with_the_scene_has_no_loss(rows, columns):
    assert shift_equivariance(scene(), scene(rows, columns), rows, columns) == 0


def test_a_pattern_locked_to_the_grid_has_a_loss():
    output, shifted = (scene(*move) + 0.01 * lattice(4) for move in [(0, 0), (1, 2)])
    # Moving a wave of period 4 by 1 and by 2 pixels leaves no part of it unchanged.
    assert shift_equivariance(output, shifted, 1, 2) > 0.004
    # Only a shift by a whole period leaves it unchanged.
    assert shift_equivariance(lattice(4)[None, None], lattice(4)[None, None], 4, 4) < 1e-6


def test_a_difference_in_brightness_has_no_loss():
    assert shift_equivariance(scene() + 0.25, scene(2, 1), 2, 1) < 1e-6


def test_nearest_neighbour_enlargement_disagrees_and_a_constant_agrees():
    high = scene()
    enlarged = [
        F.interpolate(F.avg_pool2d(high.roll((-n, -n), (2, 3)), 4), scale_factor=4.0)
        for n in (0, 2)
    ]
    assert shift_equivariance(*enlarged, 2, 2) > 0.01
    assert shift_equivariance(torch.ones(1, 3, 20, 20), torch.ones(1, 3, 20, 20), 2, 2) == 0


def test_half_precision_outputs_are_compared_in_float32():
    output = scene().bfloat16()
    value = shift_equivariance(output, output + 0, 0, 0)
    assert value.dtype == torch.float32


@pytest.mark.parametrize(
    ("shape", "rows", "columns"), [((2, 3, 40, 39), 1, 1), ((2, 3, 40, 40), -1, 0)]
)
def test_windows_of_different_sizes_are_refused(shape, rows, columns):
    with pytest.raises(ValueError, match="cannot compare"):
        shift_equivariance(scene(), torch.zeros(shape), rows, columns)


def test_windows_that_hardly_overlap_are_refused():
    small = torch.zeros(1, 3, 14, 14)
    assert shift_equivariance(small, small, 1, 1) == 0
    with pytest.raises(ValueError, match="cannot compare"):
        shift_equivariance(small, small, 2, 1)
