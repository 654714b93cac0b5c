import pytest
import torch

from srgan_gp.lab.toy_data import DISTRIBUTIONS


@pytest.fixture
def draws():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("name", "modes"), [("8-gaussians", 8), ("25-gaussians", 25)])
def test_real_points_cover_all_modes_with_high_quality(name, modes, draws):
    data = DISTRIBUTIONS[name]()
    points = data.draw(2500, draws)
    assert points.shape == (2500, 2)
    scores = data.score(points)
    assert scores["modes"] == modes == len(data.modes)
    assert scores["high_quality"] == pytest.approx(0.989, abs=0.01)  # 1 - exp(-9 / 2)
    nearest = torch.cdist(points, data.modes).argmin(1)
    spread = (points - data.modes[nearest]).std()
    assert spread.item() == pytest.approx(data.deviation, rel=0.05)


def test_points_on_one_mode_cover_one_mode_and_points_between_none():
    data = DISTRIBUTIONS["25-gaussians"]()
    assert data.score(data.modes[:1].repeat(10, 1)) == {"modes": 1, "high_quality": 1}
    between = data.modes[:1] + (data.modes[1] - data.modes[0]) / 2
    assert data.score(between) == {"modes": 0, "high_quality": 0}
    edge = data.modes[:1] + torch.tensor([[3.1 * data.deviation, 0.0]])
    assert data.score(edge)["high_quality"] == 0


def test_the_grid_has_the_published_spacing():
    data = DISTRIBUTIONS["25-gaussians"]()
    distances = torch.cdist(data.modes, data.modes) + 10 * torch.eye(25)
    assert distances.min().item() == pytest.approx(2 / 2.828)
    assert data.deviation == pytest.approx(0.05 / 2.828)


def test_the_swiss_roll_is_a_spiral_around_the_centre(draws):
    points = DISTRIBUTIONS["swiss-roll"]().draw(4000, draws)
    radius = points.norm(dim=1) * 7.5
    assert 3.5 < radius.min() < radius.max() < 15.5  # from 1.5 pi to 4.5 pi, with noise
    roll = DISTRIBUTIONS["swiss-roll"]()
    assert abs(roll.score(points)["distance"]) < 0.01
    assert roll.score(points + 0.5)["distance"] > 0.1
    assert roll.score(0 * points)["distance"] > 0.1
