"""`DetailCritic` and its place in `projected_critic`."""

import pytest
import torch
from torch.nn import functional as F

from srgan_gp.networks import build
from srgan_gp.networks.detail_critic import DetailCritic, detail_of


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def distance(images):
    """Mean distance of the images of a batch, each from the one before."""
    return (images - images.roll(1, 0)).flatten(1).norm(dim=1).mean().item()


def test_flat_images_have_no_detail_and_shades_have_little():
    flat = torch.tensor([0.1, 0.5, 0.9])[None, :, None, None].expand(2, 3, 32, 32)
    assert detail_of(flat).abs().max() < 1e-5
    shade = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    assert detail_of(shade)[..., 4:-4].abs().max() < 1e-5
    with torch.autocast("cpu", torch.bfloat16):
        assert detail_of(flat).abs().max() < 1e-5


def test_a_line_is_larger_among_detail_than_the_shape_that_hides_it_in_pixels():
    small = torch.rand(8, 3, 4, 4)
    shapes = F.interpolate(small, (64, 64), mode="bicubic")
    lines = torch.zeros(8, 3, 64, 64)
    for index in range(8):
        lines[index, :, 4 + 7 * index] = 0.1
    assert distance(lines) < 0.2 * distance(shapes)
    assert distance(detail_of(lines)) > 2 * distance(detail_of(shapes))


def test_the_score_is_a_mean_over_places():
    critic = DetailCritic()
    values = torch.randn(3, 3, 64, 64)
    assert critic(values).shape == (3,)
    tiled = values[..., :32, :32].repeat(1, 1, 4, 4)
    interior = critic.score(critic.body(tiled))[..., 8:24, 8:24]  # repeats every 8 places
    assert torch.allclose(interior[..., :8, :8], interior[..., 8:, 8:], atol=1e-4)
    expected = critic.score(critic.body(values)).mean((1, 2, 3))
    assert torch.allclose(critic(values), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(values).dtype == torch.float32


def test_a_place_sees_21_pixels():
    critic = DetailCritic()
    values = torch.randn(1, 3, 64, 64, requires_grad=True)
    place = critic.score(critic.body(values))[0, 0, 8, 8]
    (gradient,) = torch.autograd.grad(place, values)
    rows = gradient.abs().sum((0, 1, 3)).nonzero().flatten()
    assert rows.max() - rows.min() + 1 == 21


def test_a_condition_is_refused():
    with pytest.raises(ValueError, match="detail part"):
        DetailCritic()(torch.zeros(1, 3, 16, 16), torch.zeros(1))


def test_a_projected_critic_has_the_part_only_on_request():
    plain = build("critics", "projected_critic", size=16, width=2)
    detailed = build("critics", "projected_critic", size=16, width=2, detail=True)
    added = detailed.state_dict().keys() - plain.state_dict().keys()
    assert added
    assert all(name.startswith("parts.detail.") for name in added)
    assert list(detailed.parts) == [*plain.parts, "detail"]
