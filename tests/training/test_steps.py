"""The critic's step: the three terms of its loss, the place of the penalty, and epsilon."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from srgan_gp.losses.adversarial import ADVERSARIAL_LOSSES
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS
from srgan_gp.networks import build
from srgan_gp.networks.composite_critic import CompositeCritic
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.critic.critic_parts import critic_input
from srgan_gp.training.critic.critic_penalty import draw_epsilon, draw_noise
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.steps import Run, critic_step
from srgan_gp.training.tasks import Batch

CONFIG = TrainConfig(adversarial_ratio=0.4, critic_learning_rate=1e-3, batch_size=4)


class Quadratic(nn.Module):
    """Scores half of the energy times a weight: the gradient is the input times the weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, values, condition=None):
        return self.weight * values.square().sum((1, 2, 3)) / 2


class Pair(CompositeCritic):
    """Two quadratic parts; the second sees the image twice as large."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict({"image": Quadratic(), "twice": Quadratic()})

    def views(self, images, shift=None):
        return {"image": images, "twice": 2 * images}


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    low_res = torch.rand(4, 3, 4, 4, generator=rng)
    return Batch(low_res, torch.rand(4, 3, 16, 16, generator=rng), low_res, range(8, 12))


def step(critic, batch, config=CONFIG, autocast=None, images_seen=0):
    """Take a step on the batch, with its targets in another order as generated images.

    Returns:
        The log values, and the gradients that the step was made of.
    """
    optimizer = torch.optim.Adam(critic.parameters(), lr=1.0, betas=(0.0, 0.9))
    state = SimpleNamespace(
        critic=critic, critic_optimizer=optimizer, progress=Progress(images_seen=images_seen)
    )
    augmenter = SimpleNamespace(augment_real=lambda batch: batch, update_probability=lambda *_: {})
    device = torch.device("cpu")
    autocast = autocast or torch.autocast("cpu", enabled=False)
    run = Run(config, None, state, Processes(device), autocast, augmenter)
    log_values = critic_step(run, batch, critic_input(critic, batch.targets.flip(0), (0, 0)))
    return log_values, {name: value.grad for name, value in critic.named_parameters()}


@pytest.mark.parametrize(("every", "numbers"), [(1, range(8, 12)), (2, [8, 10]), (3, [8, 11])])
def test_the_critic_descends_scores_drift_and_penalty(batch, every, numbers):
    torch.manual_seed(0)
    critic = build("critics", "resnet_critic", width=4, stages=2, scale=4, conditional=True)
    output, part = batch.targets.flip(0), [number - 8 for number in numbers]
    real, fake = critic(batch.targets, batch.condition), critic(output, batch.condition)
    penalty = PENALTIES["wgan_gp"](
        lambda images: critic(images, batch.condition[part]),
        batch.targets[part], output[part], draw_epsilon(CONFIG.seed, numbers),
    )  # fmt: skip
    loss = fake.mean() - real.mean() + 1e-3 * real.square().mean() + 10 * penalty.value
    expected = torch.autograd.grad(loss, list(critic.parameters()))
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    log_values, gradients = step(critic, batch, replace(CONFIG, penalty_every=every))
    for found, gradient in zip(gradients.values(), expected, strict=True):
        torch.testing.assert_close(found, gradient)
    assert log_values["health/critic_estimate"].item() == pytest.approx(
        (real.mean() - fake.mean()).item(), abs=1e-6
    )
    assert log_values["health/interpolate_norm"].item() == pytest.approx(
        penalty.norms.mean().item()
    )
    assert not any(value.requires_grad for value in log_values.values())
    assert not any(name.startswith("critic/") for name in log_values)
    moved = [not torch.equal(a, b) for a, b in zip(before, critic.parameters(), strict=True)]
    assert all(moved)


@pytest.mark.parametrize(
    ("penalty", "place"),
    [
        *[(name, "interpolate") for name, row in PENALTIES.items() if row.place == "interpolate"],
        ("r1", "real"),
        ("r2", "fake"),
        ("r1_r2", "real_and_fake"),
    ],
)
def test_the_norm_is_noted_under_the_place_where_it_was_taken(batch, penalty, place):
    log_values, _ = step(Quadratic(), batch, replace(CONFIG, penalty=penalty, penalty_every=1))
    (name,) = (name for name in log_values if name.endswith("_norm") and "gradient" not in name)
    assert name == f"health/{place}_norm"
    real, fake = batch.targets, batch.targets.flip(0)
    between = torch.lerp(fake, real, draw_epsilon(CONFIG.seed, batch.numbers))
    points = {"interpolate": between, "real": real, "fake": fake}
    points["real_and_fake"] = torch.cat([real, fake])
    expected = points[place].flatten(1).norm(dim=1).mean()
    torch.testing.assert_close(log_values[name], expected)


def test_bf16_does_not_change_the_penalty(batch):
    torch.manual_seed(0)
    critic = build("critics", "resnet_critic", width=4, stages=2, scale=4, conditional=True)
    log_values = [
        step(copy.deepcopy(critic), batch, autocast=autocast)[0]
        for autocast in (None, torch.autocast("cpu", torch.bfloat16))
    ]
    norms = [found["health/interpolate_norm"] for found in log_values]
    estimates = [found["health/critic_estimate"] for found in log_values]
    assert torch.equal(*norms)
    assert not torch.equal(*estimates)  # the scores are computed in bf16


def test_each_part_of_a_critic_learns_as_if_it_were_alone(batch):
    log_values, gradients = step(Pair(), batch)
    for name, targets in (("image", batch.targets), ("twice", 2 * batch.targets)):
        alone = Quadratic()
        own, expected = step(alone, replace(batch, targets=targets))
        torch.testing.assert_close(gradients[f"parts.{name}.weight"], expected["weight"])
        assert torch.equal(log_values[f"critic/{name}_estimate"], own["health/critic_estimate"])
        assert torch.equal(log_values[f"critic/{name}_norm"], own["health/interpolate_norm"])
    total = sum(log_values[f"critic/{name}_estimate"] for name in ("image", "twice"))
    torch.testing.assert_close(log_values["health/critic_estimate"], total)


def test_epsilon_is_one_uniform_number_per_sample_and_depends_on_its_number_alone():
    draws = draw_epsilon(0, range(4000))
    assert draws.shape == (4000, 1, 1, 1)
    assert 0 <= draws.min() < 0.01 < 0.99 < draws.max() <= 1
    assert draws.mean() == pytest.approx(0.5, abs=0.02)
    assert draws.var() == pytest.approx(1 / 12, abs=0.005)
    assert torch.equal(draw_epsilon(0, range(100, 104)), draws[100:104])
    assert not torch.equal(draw_epsilon(1, range(100, 104)), draws[100:104])


@pytest.mark.parametrize("penalty", LIPSCHITZ_TERMS)
@pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES)
def test_every_loss_and_penalty_moves_the_critic_by_its_gradient(batch, penalty, loss):
    """The place of each number is that of the formula: loss + drift + weight * penalty."""
    torch.manual_seed(0)
    critic = build("critics", "resnet_critic", width=4, stages=2, scale=4, conditional=True)
    output, part = batch.targets.flip(0), [0, 2]
    real, fake = critic(batch.targets, batch.condition), critic(output, batch.condition)
    term = LIPSCHITZ_TERMS[penalty](
        lambda images: critic(images, batch.condition[part]),
        batch.targets[part], output[part], draw_epsilon(CONFIG.seed, [8, 10]),
        draw_noise(CONFIG.seed, [8, 10], batch.targets.shape[1:]),
    )  # fmt: skip
    total = ADVERSARIAL_LOSSES[loss].critic(real, fake) + 1e-3 * real.square().mean()
    expected = torch.autograd.grad(total + 10 * term.value, list(critic.parameters()))
    config = replace(CONFIG, penalty=penalty, adversarial_loss=loss)
    log_values, gradients = step(critic, batch, config)
    for found, gradient in zip(gradients.values(), expected, strict=True):
        torch.testing.assert_close(found, gradient)
    assert f"health/{term.place}_norm" in log_values
    largest = max(parameter.abs().max().item() for parameter in critic.parameters())
    assert (largest <= CONFIG.clip_limit + 1e-9) == (penalty == "weight_clipping")


@pytest.mark.parametrize("images_seen", [0, 4, 8, 12])
def test_a_lazy_penalty_is_taken_on_every_nth_step_with_n_times_its_weight(batch, images_seen):
    """So that the sum of the gradients over n steps on one batch is that of n usual steps."""
    config = replace(CONFIG, penalty_interval=3)
    often, lazy, never = Quadratic(), Quadratic(), Quadratic()
    _, usual = step(often, batch, CONFIG)
    log_values, found = step(lazy, batch, config, images_seen=images_seen)
    _, without = step(never, batch, replace(CONFIG, penalty="none"))
    share = 3 if images_seen in (0, 12) else 0
    expected = without["weight"] + share * (usual["weight"] - without["weight"])
    torch.testing.assert_close(found["weight"], expected)
    assert ("health/interpolate_norm" in log_values) == (share > 0)


def test_the_share_of_steep_samples_is_noted(batch):
    log_values, _ = step(Quadratic(), batch, replace(CONFIG, penalty="r1", penalty_every=1))
    norms = batch.targets.flatten(1).norm(dim=1)
    assert log_values["health/steep_share"].item() == pytest.approx(
        (norms > 2).float().mean().item()
    )


def test_noise_is_uniform_of_the_shape_of_a_sample_and_depends_on_its_number_alone():
    draws = draw_noise(0, range(20), (3, 10, 10))
    assert draws.shape == (20, 3, 10, 10)
    assert 0 <= draws.min() < 0.01 < 0.99 < draws.max() <= 1
    assert draws.mean() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(draw_noise(0, range(10, 14), (3, 10, 10)), draws[10:14])
    assert not torch.equal(draw_noise(1, range(10, 14), (3, 10, 10)), draws[10:14])


def test_every_penalty_is_an_option():
    field = TrainConfig.__dataclass_fields__["penalty"]
    assert field.metadata["choices"] == tuple(LIPSCHITZ_TERMS)
