from dataclasses import replace

import pytest
import torch

from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.networks import build
from srgan_gp.training.adversary import (
    critic_objective,
    draw_epsilon,
    frozen,
    is_generators_turn,
    ramped_ratio,
)
from srgan_gp.training.config import TrainConfig
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


@pytest.mark.parametrize(("every", "numbers"), [(1, range(8, 12)), (2, [8, 10]), (3, [8, 11])])
def test_the_objective_is_scores_drift_and_penalty(config, critic, batch, every, numbers):
    config = replace(config, penalty_every=every)
    output = batch.targets.flip(0)
    loss, notes = critic_objective(critic, batch, output, config)
    real, fake = critic(batch.targets, batch.condition), critic(output, batch.condition)
    part = [number - 8 for number in numbers]
    penalty = PENALTIES["wgan_gp"](
        lambda pictures: critic(pictures, batch.condition[part]),
        batch.targets[part], output[part], draw_epsilon(config.seed, numbers),
    )  # fmt: skip
    expected = fake.mean() - real.mean() + 1e-3 * real.square().mean() + 10 * penalty.value
    torch.testing.assert_close(loss, expected)
    assert notes["health/critic_estimate"] == (real.mean() - fake.mean())
    assert notes["health/interpolate_norm"] == penalty.norms.mean()
    assert not any(value.requires_grad for value in notes.values())


@pytest.mark.parametrize(
    ("penalty", "place"),
    [("wgan_gp", "interpolate"), ("one_sided", "interpolate"), ("r1", "real"), ("r2", "fake")],
)
def test_the_norm_is_noted_under_the_place_where_it_was_taken(batch, config, penalty, place):
    def critic(pictures, condition):  # its gradient is the picture
        return pictures.square().sum((1, 2, 3)) / 2

    output = 3 * batch.targets
    config = replace(config, penalty=penalty, penalty_every=1)
    _, notes = critic_objective(critic, batch, output, config)
    (found,) = (value for name, value in notes.items() if name.endswith("_norm"))
    assert notes[f"health/{place}_norm"] is found
    times = 3 - 2 * draw_epsilon(config.seed, batch.numbers).flatten()
    times = {"interpolate": times, "real": torch.ones(4), "fake": torch.full((4,), 3.0)}[place]
    expected = (times * batch.targets.flatten(1).norm(dim=1)).mean()
    torch.testing.assert_close(found, expected)


def test_one_backward_pass_reaches_every_parameter_of_the_critic(config, critic, batch):
    loss, _ = critic_objective(critic, batch, batch.targets.flip(0), config)
    loss.backward()
    assert all(parameter.grad is not None for parameter in critic.parameters())


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
