"""Bounds of the slope without a gradient penalty: closed forms, differences, invariances."""

import math

import pytest
import torch
from torch import nn

from srgan_gp.losses import lipschitz_baselines
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.losses.lipschitz_baselines import (
    BASELINES,
    DELTA,
    LIPSCHITZ_TERMS,
    RADII,
    clip_weights,
)

SHAPE = (5, 3, 4, 4)
ALL = pytest.mark.parametrize("name", BASELINES)
PENALISED = pytest.mark.parametrize(
    "name", ["adversarial_lipschitz", "segment_ratio", "total_variation"]
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def samples():
    """Real samples, fake ones, epsilons and noise, float64."""
    real, fake = torch.randn(2, *SHAPE, dtype=torch.float64)
    epsilon = torch.rand(SHAPE[0], 1, 1, 1, dtype=torch.float64)
    return real, fake, epsilon, torch.rand(SHAPE, dtype=torch.float64)


@pytest.fixture
def critic():
    """Slopes between pairs are on both sides of 1, so that one-sided terms do both."""
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Conv2d(4, 1, 2)).double()
    layers[2].weight.data *= 200
    return nn.Sequential(layers, nn.Flatten(0))


def weight_of_length(length):
    weight = torch.randn(SHAPE[1:], dtype=torch.float64)
    return (weight * (length / weight.norm())).requires_grad_()


def linear(weight):
    return lambda images: (images * weight).sum((1, 2, 3))


@pytest.mark.parametrize("step", [1e-3, 10.0])
@pytest.mark.parametrize("length", [0.5, 1.0, 3.0])
def test_the_adversarial_slope_of_a_linear_critic_is_the_length_of_its_weight(
    monkeypatch, samples, step, length
):
    """One power iteration finds the direction +-w / ||w|| for every search step and radius."""
    monkeypatch.setattr(lipschitz_baselines, "SEARCH_STEP", step)
    weight = weight_of_length(length)
    found = BASELINES["adversarial_lipschitz"](linear(weight), *samples)
    assert found.norms.tolist() == pytest.approx([length] * 10, rel=1e-9)
    assert found.value.item() == pytest.approx(max(0.0, length - 1) ** 2, abs=1e-12)
    found.value.backward()
    expected = 2 * max(0.0, length - 1) * weight.detach() / length
    assert torch.allclose(weight.grad, expected, rtol=1e-6, atol=1e-9)


def test_the_adversarial_points_have_the_lengths_of_the_published_code(samples):
    real, fake, epsilon, noise = samples
    seen = []

    def critic(points):
        seen.append(points.detach())
        return points.flatten(1).sum(1)

    BASELINES["adversarial_lipschitz"](critic, real, fake, epsilon, noise)
    before, after = seen[2], seen[3]  # the first two calls look for the direction
    lengths = (after - before).flatten(1).norm(dim=1)
    assert torch.allclose(lengths, RADII[0] + (RADII[1] - RADII[0]) * epsilon.flatten())
    assert torch.equal(before, real)
    assert torch.equal(seen[-2], fake)


@pytest.mark.parametrize("factor", [0.5, -3.0])
def test_the_slope_on_a_segment_is_the_difference_of_scores_over_the_distance(samples, factor):
    real, fake, *_ = samples
    weight = weight_of_length(1.0)
    direction = (real - fake).flatten(1)
    slopes = (direction @ weight.flatten()).abs() / direction.norm(dim=1) * abs(factor)
    found = BASELINES["segment_ratio"](linear(factor * weight), *samples)
    assert torch.allclose(found.norms, slopes.detach(), rtol=1e-12)
    expected = (slopes - 1).clamp(min=0).square().mean()
    assert found.value.item() == pytest.approx(expected.item(), abs=1e-12)


def test_a_critic_that_is_steep_along_the_segment_pays_for_it(samples):
    real, fake, epsilon, noise = samples
    fake = real + 2 * torch.ones_like(real)  # every segment has one direction
    weight = (torch.ones(SHAPE[1:], dtype=torch.float64) * 3 / math.sqrt(48)).requires_grad_()
    found = BASELINES["segment_ratio"](linear(weight), real, fake, epsilon, noise)
    assert found.value.item() == pytest.approx((3 - 1) ** 2, rel=1e-12)
    found.value.backward()
    assert torch.allclose(weight.grad, torch.full_like(weight, 4 / math.sqrt(48)), rtol=1e-9)


def test_the_unverified_total_variation_is_the_distance_of_differences_from_delta(samples):
    def critic(points):  # real samples score 3 above fake ones
        return 3 * torch.isin(points, samples[0]).all(dim=(1, 2, 3)).to(points)

    found = BASELINES["total_variation"](critic, *samples)
    assert found.value.item() == pytest.approx(abs(3 - DELTA))
    distances = (samples[0] - samples[1]).flatten(1).norm(dim=1)
    assert torch.allclose(found.norms, 3 / distances)
    assert "UNVERIFIED" in lipschitz_baselines.total_variation.__doc__


@PENALISED
def test_parameter_gradients_agree_with_finite_differences(name, critic, samples):
    layers, _ = critic
    names, weights = zip(*layers.named_parameters(), strict=True)
    real, fake, epsilon, noise = samples

    def value(*values):
        bound = dict(zip(names, values, strict=True))
        return BASELINES[name](
            lambda x: torch.func.functional_call(layers, bound, (x,)).flatten(),
            real, fake, 0.02 * epsilon, noise,
        ).value  # fmt: skip

    value(*weights).backward()
    assert layers[0].weight.grad.norm() > 0
    if name != "adversarial_lipschitz":  # its direction depends on the weights, and is not learnt
        assert torch.autograd.gradcheck(value, weights)


def test_the_direction_of_the_largest_change_receives_no_gradient(critic, samples, monkeypatch):
    real, fake, epsilon, noise = samples
    fixed = torch.randn_like(real)
    fixed /= fixed.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    monkeypatch.setattr(lipschitz_baselines, "_direction_of_change", lambda *_: fixed)
    layers, _ = critic
    names, weights = zip(*layers.named_parameters(), strict=True)

    def value(*values):
        bound = dict(zip(names, values, strict=True))
        return BASELINES["adversarial_lipschitz"](
            lambda x: torch.func.functional_call(layers, bound, (x,)).flatten(),
            real, fake, epsilon, noise,
        ).value  # fmt: skip

    assert torch.autograd.gradcheck(value, weights)


@ALL
def test_a_constant_added_to_the_scores_changes_nothing(name, critic, samples):
    found = BASELINES[name](critic, *samples)
    shifted = BASELINES[name](lambda points: critic(points) + 7, *samples)
    torch.testing.assert_close(shifted.value, found.value)
    torch.testing.assert_close(shifted.norms, found.norms)


@ALL
def test_the_batch_size_does_not_count(name, critic, samples):
    once = BASELINES[name](critic, *samples).value
    twice = BASELINES[name](critic, *(torch.cat([tensor, tensor]) for tensor in samples)).value
    assert twice.item() == pytest.approx(once.item(), rel=1e-9)


@ALL
def test_slopes_are_at_most_the_largest_gradient_norm(name, samples):
    weight = weight_of_length(2.0)
    found = BASELINES[name](linear(weight), *samples)
    assert (found.norms <= 2 + 1e-9).all()


@ALL
def test_only_the_critic_receives_a_gradient(name, critic, samples):
    inputs = [tensor.requires_grad_() for tensor in samples]
    found = BASELINES[name](critic, *inputs)
    assert not found.norms.requires_grad
    assert found.value.requires_grad == (name not in ("weight_clipping", "none"))
    if found.value.requires_grad:
        found.value.backward()
    assert [tensor.grad for tensor in inputs] == [None] * 4


@ALL
def test_a_map_of_scores_is_refused(name, samples):
    with pytest.raises(ValueError, match="one score for each of 5"):
        BASELINES[name](lambda points: points.mean(1), *samples)


def test_adversarial_directions_need_noise(critic, samples):
    assert [name for name, row in BASELINES.items() if row.needs_noise] == ["adversarial_lipschitz"]
    with pytest.raises(ValueError, match="needs noise"):
        BASELINES["adversarial_lipschitz"](critic, *samples[:3])


def test_equal_samples_give_no_nan(critic, samples):
    real, _, epsilon, noise = samples
    for name in BASELINES:
        found = BASELINES[name](critic, real, real, epsilon, noise)
        assert found.value.isfinite(), name
        assert found.norms.isfinite().all(), name


def test_clipping_moves_only_weights_beyond_the_limit_and_none_that_is_frozen():
    critic = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))
    critic[1].requires_grad_(False)
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    clip_weights(critic, 0.1)
    after = list(critic.parameters())
    assert torch.equal(after[0], before[0].clamp(-0.1, 0.1))
    assert not torch.equal(after[0], before[0])
    assert torch.equal(after[1], before[1].clamp(-0.1, 0.1))
    assert torch.equal(after[2], before[2])


def test_only_weight_clipping_clips():
    assert [name for name, row in BASELINES.items() if row.clips_weights] == ["weight_clipping"]


def test_all_terms_are_in_one_table():
    assert list(LIPSCHITZ_TERMS) == [*PENALTIES, *BASELINES]
    assert not PENALTIES.keys() & BASELINES.keys()
