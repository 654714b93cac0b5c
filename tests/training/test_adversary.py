from dataclasses import replace

import pytest
import torch
from torch import nn

from srgan_gp.losses.adversarial import generator_loss
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.networks import build
from srgan_gp.networks.composite_critic import CompositeCritic
from srgan_gp.training.adversary import (
    balanced,
    draw_epsilon,
    draw_shift,
    frozen,
    is_generators_turn,
    parts_of,
    ramped_ratio,
    show,
)
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.processes import Processes
from srgan_gp.training.tasks import Batch


@pytest.fixture
def config():
    return TrainConfig(
        adversarial_ratio=0.4, critic_warmup_images=100, ratio_ramp_images=200, batch_size=10
    )


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return build("critics", "resnet_critic", width=4, stages=2, scale=4, conditional=True)


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    low_res = torch.rand(4, 3, 4, 4, generator=rng)
    return Batch(low_res, torch.rand(4, 3, 16, 16, generator=rng), low_res, range(8, 12))


def test_every_penalty_is_an_option():
    field = TrainConfig.__dataclass_fields__["penalty"]
    assert field.metadata["choices"] == tuple(PENALTIES)


def test_without_a_critic_every_batch_is_the_generators():
    config = TrainConfig(critic_steps=3, critic_warmup_images=100)
    assert all(is_generators_turn(config, n) for n in range(0, 300, 10))


def test_the_generator_waits_for_the_warm_up_then_takes_every_nth_batch(config):
    config = replace(config, critic_steps=3)
    turns = [n for n in range(0, 200, 10) if is_generators_turn(config, n)]
    assert turns == [110, 140, 170]


def test_the_ratio_ramps_from_the_end_of_the_warm_up(config):
    found = [ramped_ratio(config, n) for n in (0, 100, 200, 300, 1000)]
    assert found == pytest.approx([0, 0, 0.2, 0.4, 0.4])


def test_without_a_ramp_the_whole_ratio_follows_the_warm_up(config):
    config = replace(config, ratio_ramp_images=0)
    assert [ramped_ratio(config, n) for n in (99, 100, 101)] == [0, 0.4, 0.4]


def test_a_plain_critic_has_one_part_that_scores_the_images(critic, batch):
    assert parts_of(critic) == {"image": critic}
    assert show(critic, batch.targets, (0, 0)).views == {"image": batch.targets}


def test_only_a_composite_critic_has_a_window_to_move(config, critic):
    assert draw_shift(critic, config, 320) == (0, 0)
    two = TwoParts(torch.ones(3, 2, 2))
    drawn = [draw_shift(two, config, images_seen) for images_seen in range(0, 8000, 10)]
    assert {value for pair in drawn for value in pair} == set(range(two.largest_shift + 1))
    assert drawn[7] == draw_shift(two, config, 70)


class Linear(nn.Module):
    """Scores by an inner product: the gradient of a score is the weight."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, values, condition=None):
        return (values * self.weight).sum((1, 2, 3))


class TwoParts(CompositeCritic):
    """An image critic, and another that sees the image a hundred times as large."""

    largest_shift = 2

    def __init__(self, weight):
        super().__init__()
        self.parts = nn.ModuleDict({"image": Linear(weight), "far": Linear(-weight.flip(1))})

    def views(self, images, shift=None):
        return {"image": images, "far": 100 * images}


@pytest.mark.parametrize("ratio", [0.5, 3.0])
def test_the_features_pull_ratio_times_as_hard_as_the_image_critic(ratio):
    images = torch.rand(5, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 2, dtype=torch.float64)
    shown = show(TwoParts(weight), 2 * images, (0, 0))
    parts = parts_of(TwoParts(weight))
    losses = {name: generator_loss(part(shown.views[name])) for name, part in parts.items()}
    values = {name: loss.item() for name, loss in losses.items()}
    loss, notes = balanced(losses, shown.images, ratio, Processes(torch.device("cpu")))
    loss.backward()
    expected = -2 * (weight - ratio * weight.flip(1)) / len(images)  # the norms are equal
    torch.testing.assert_close(images.grad, expected.expand_as(images), rtol=1e-6, atol=0)
    assert notes["adversarial/feature_weight"].item() == pytest.approx(ratio / 100)
    norms = [notes[f"adversarial/{side}_gradient"].item() for side in ("image", "feature")]
    expected = weight.norm().item() / 5**0.5
    assert norms == pytest.approx([expected, 100 * expected])
    assert loss.item() == pytest.approx(
        values["image"] + ratio / 100 * values["far"], rel=1e-4, abs=1e-6
    )


def test_parts_that_do_not_pull_are_no_error():
    images = torch.rand(2, 3, 2, 2, requires_grad=True)
    shown = show(TwoParts(torch.zeros(3, 2, 2)), images, (0, 0))
    parts = parts_of(TwoParts(torch.zeros(3, 2, 2)))
    losses = {name: generator_loss(part(shown.views[name])) for name, part in parts.items()}
    loss, _ = balanced(losses, shown.images, 3.0, Processes(torch.device("cpu")))
    loss.backward()
    assert torch.equal(images.grad, torch.zeros_like(images))


def test_epsilon_is_one_uniform_number_a_sample_made_of_its_number_alone():
    draws = draw_epsilon(0, range(4000))
    assert draws.shape == (4000, 1, 1, 1)
    assert 0 <= draws.min() < 0.01 < 0.99 < draws.max() <= 1
    assert draws.mean() == pytest.approx(0.5, abs=0.02)
    assert draws.var() == pytest.approx(1 / 12, abs=0.005)
    assert torch.equal(draw_epsilon(0, range(100, 104)), draws[100:104])
    assert not torch.equal(draw_epsilon(1, range(100, 104)), draws[100:104])


def test_a_frozen_critic_passes_gradients_on_and_keeps_none(critic, batch):
    output = batch.targets.clone().requires_grad_()
    with frozen(critic):
        critic(output, batch.condition).sum().backward()
    assert output.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in critic.parameters())
    assert all(parameter.requires_grad for parameter in critic.parameters())
