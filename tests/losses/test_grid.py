import pytest
import torch

from srgan_gp.losses.grid import grid_loss


def noise(seed=0, side=64):
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


def dots(period, height=0.1, side=64):
    """A picture that is 0 but for one brighter pixel in each cell of `period` x `period`."""
    pattern = torch.zeros(2, 3, side, side)
    pattern[..., ::period, ::period] = height
    return pattern


def test_equal_pictures_cost_next_to_nothing():
    assert grid_loss(noise(), noise(), 4) < 1e-5
    flat = torch.full((1, 3, 32, 32), 0.5)
    assert grid_loss(flat, flat, 4) == pytest.approx(1e-6 * 255 / 2)


def test_a_dotted_grid_has_its_closed_form():
    # Of 16 positions one stands out by h: the variance over positions is h^2 (1/16 - 1/256).
    energy = 0.1**2 * (1 / 16 - 1 / 256)
    black = torch.zeros(2, 3, 64, 64)
    assert grid_loss(dots(4), black, 4) == pytest.approx(energy**0.5 * 255 / 2, rel=1e-5)
    contrast = (1 / 12) ** 0.5 + 2 / 255  # of numbers drawn evenly from [0, 1]
    assert grid_loss(noise() + dots(4), noise(), 4) == pytest.approx(
        energy**0.5 / contrast, rel=0.02
    )


def test_a_grid_counts_most_where_the_target_is_flat():
    half = noise(side=64)
    half[..., 32:] = 0.5
    grid = dots(4, height=2 / 255)
    left, right = grid.clone(), grid.clone()
    left[..., 32:], right[..., :32] = 0, 0
    assert grid_loss(half + right, half, 4) > 10 * grid_loss(half + left, half, 4)


def test_a_grid_below_a_level_is_pulled_at_as_hard_as_one_of_ten_levels():
    target = torch.full((1, 3, 32, 32), 0.5)
    norms = []
    for height in (0.5 / 255, 10 / 255):
        output = (target + dots(4, height, 32)[:1]).requires_grad_()
        (gradient,) = torch.autograd.grad(grid_loss(output, target, 4), output)
        norms.append(gradient.norm().item())
    assert norms[0] == pytest.approx(norms[1], rel=0.01)


@pytest.mark.parametrize("period", [2, 4])
def test_both_periods_that_a_pixel_shuffle_by_four_can_draw_are_seen(period):
    assert grid_loss(noise() + dots(period), noise(), 4) > 0.02


def test_brightness_and_smooth_shading_are_free():
    ramp = torch.linspace(0, 0.1, 64).expand(2, 3, 64, 64)
    flat = grid_loss(noise() + 0.1, noise(), 4)
    assert flat < 1e-4
    dotted = dots(4) * (ramp.std() / dots(4).std())
    assert grid_loss(noise() + ramp, noise(), 4) < 0.1 * grid_loss(noise() + dotted, noise(), 4)


def test_texture_costs_a_fraction_of_a_grid_of_the_same_energy():
    texture = noise(1) - 0.5
    grid = dots(4)
    grid = (grid - grid.mean()) * (texture.std() / grid.std())
    costs = [grid_loss(noise() + extra, noise(), 4) for extra in (texture, grid)]
    assert costs[0] < 0.15 * costs[1]  # averaged over 64 cells: 1 / 8


def test_the_gradient_takes_the_grid_away():
    output = (noise() + dots(4)).requires_grad_()
    target = noise()
    for _ in range(200):
        (gradient,) = torch.autograd.grad(grid_loss(output, target, 4), output)
        output = (output - 0.5 * gradient / gradient.norm()).detach().requires_grad_()
    assert grid_loss(output, target, 4) < 0.2 * grid_loss(target + dots(4), target, 4)


@pytest.mark.parametrize("side", [30, 24])
def test_sizes_without_whole_periods_or_a_window_are_refused(side):
    with pytest.raises(ValueError, match="cannot compare"):
        grid_loss(noise(side=side), noise(side=side), 4)
