"""`face_resnet` and `face_critic`: shapes, size, and initialisation."""

import pytest
import torch
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks import build

SIZES = pytest.mark.parametrize("size", [8, 32, 64, 128])


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def generator(**changes):
    return build("generators", "face_resnet", **{"width": 4, "latent_size": 6} | changes)


def critic(**changes):
    return build("critics", "face_critic", **{"width": 4} | changes)


@SIZES
def test_a_latent_becomes_an_image_of_the_size(size):
    with torch.autocast("cpu", torch.bfloat16):
        images = generator(size=size)(torch.randn(3, 6))
    assert images.shape == (3, 3, size, size)
    assert images.dtype == torch.float32
    assert 0.2 < images.mean() < 0.8
    assert 0.1 < images.std() < 0.8


@SIZES
def test_an_image_of_the_size_gets_one_float32_score(size):
    with torch.autocast("cpu", torch.bfloat16):
        scores = critic(size=size)(torch.rand(3, 3, size, size))
    assert scores.shape == (3,)
    assert scores.dtype == torch.float32


def test_the_networks_of_the_preset_have_at_most_two_and_a_half_million_parameters():
    for network in (build("generators", "face_resnet"), build("critics", "face_critic")):
        assert sum(p.numel() for p in network.parameters()) <= 2_500_000


def test_an_image_depends_on_its_own_latent_and_on_no_other():
    latents = torch.randn(3, 6, requires_grad=True)
    images = generator(size=16)(latents)
    (gradient,) = torch.autograd.grad(images[0].square().sum(), latents)
    assert gradient[0].norm() > 0
    assert gradient[1:].abs().max() == 0


def test_a_score_depends_on_its_own_image_and_on_no_other():
    images = torch.rand(3, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(size=16)(images)[0], images)
    assert gradient[0].norm() > 0
    assert gradient[1:].abs().max() == 0


def test_there_is_no_normalisation():
    for network in (generator(), critic()):
        assert not {type(m).__name__ for m in network.modules() if "Norm" in type(m).__name__}


def test_every_block_starts_as_its_shortcut():
    for stage in [*generator().stages, *critic().stages]:
        features = torch.randn(1, stage.first.in_channels, 8, 8)
        enlarges = stage(features).shape[-1] == 16
        shrunk = F.avg_pool2d(features, 2)
        doubled = F.interpolate(stage.shortcut(features), scale_factor=2.0, mode="bilinear")
        expected = doubled if enlarges else stage.shortcut(shrunk)
        assert torch.allclose(stage(features), expected, atol=1e-6)


def test_the_critics_double_backward_agrees_with_finite_differences():
    network = critic(size=8).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # a zero block end would hide the block
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)

    def slope():
        (gradient,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
        return gradient.flatten(1).norm(dim=1).square().sum()

    weight = network.stages[0].second.weight
    (found,) = torch.autograd.grad(slope(), weight)
    place, step = (1, 2, 0, 1), 1e-6
    with torch.no_grad():
        weight[place] += step
    above = slope().item()
    with torch.no_grad():
        weight[place] -= 2 * step
    below = slope().item()
    assert found[place].item() == pytest.approx((above - below) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("size", [0, 4, 48, 65])
def test_a_size_that_is_not_a_power_of_two_is_refused(size):
    for make in (generator, critic):
        with pytest.raises(UsageError, match=f"power of two from 8 up, not {size}"):
            make(size=size)


def test_other_arguments_out_of_range_are_refused():
    with pytest.raises(UsageError, match=r"width .* must be at least 1, not 0"):
        critic(width=0)
    with pytest.raises(UsageError, match="latent_size of at least 1, not 0"):
        generator(latent_size=0)


def test_a_condition_is_refused():
    with pytest.raises(ValueError, match="not take a condition"):
        critic(size=8)(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 2, 2))
