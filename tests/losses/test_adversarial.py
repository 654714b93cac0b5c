import math

import pytest
import torch

from srgan_gp.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    adversarial_weight,
    critic_loss,
    drift,
    generator_loss,
)
from srgan_gp.losses.pixel import l1

REAL, FAKE = torch.tensor([3.0, 1.0]), torch.tensor([-1.0, 2.0, 5.0])


def test_the_critics_loss_is_the_negative_estimate():
    assert critic_loss(REAL, FAKE).item() == pytest.approx(2 - 2)
    assert critic_loss(REAL + 4, FAKE).item() == pytest.approx(2 - 6)


def test_only_the_drift_term_depends_on_the_level_of_the_scores():
    without, shifted = (critic_loss(REAL + c, FAKE + c) for c in (0, 10))
    assert without.item() == pytest.approx(shifted.item(), abs=1e-6)
    assert drift(REAL).item() == pytest.approx((9 + 1) / 2)
    assert drift(REAL + 10).item() == pytest.approx((169 + 121) / 2)


def test_the_generator_raises_the_score_of_its_images():
    scores = FAKE.clone().requires_grad_()
    loss = generator_loss(scores)
    loss.backward()
    assert loss.item() == pytest.approx(-2)
    assert torch.equal(scores.grad, torch.full((3,), -1 / 3))


def test_half_precision_scores_are_averaged_in_float32():
    scores = torch.tensor([256.0, 258.0]).bfloat16()  # bfloat16 has no 257
    assert generator_loss(scores).dtype == torch.float32
    assert generator_loss(scores).item() == -257
    assert critic_loss(scores, torch.zeros(2).bfloat16()).item() == -257


@pytest.mark.parametrize("ratio", [0.1, 0.5])
@pytest.mark.parametrize("side", [8, 24])
def test_the_weight_gives_the_requested_gradient_ratio(ratio, side):
    torch.manual_seed(0)
    direction = torch.randn(3, side, side)
    direction /= direction.norm()  # a linear critic of slope 1
    output, target = torch.rand(2, 3, side, side, requires_grad=True), torch.rand(2, 3, side, side)
    (pixel,) = torch.autograd.grad(l1(output, target), output)
    scores = (output * direction).sum((1, 2, 3))
    weight = adversarial_weight(ratio, values=output[0].numel())
    (adversarial,) = torch.autograd.grad(weight * generator_loss(scores), output)
    assert (adversarial.norm() / pixel.norm()).item() == pytest.approx(ratio, rel=1e-4)


def softplus(value):
    return math.log1p(math.exp(value))


@pytest.mark.parametrize(
    ("name", "critic", "generator"),
    [
        ("wasserstein", (-1 + 2) / 2 - (3 + 0.5) / 2, -(-1 + 2) / 2),
        ("hinge", (0 + 0.5) / 2 + (0 + 3) / 2, -(-1 + 2) / 2),
        ("relativistic", (softplus(-4) + softplus(1.5)) / 2, (softplus(4) + softplus(-1.5)) / 2),
        (
            "non_saturating",
            (softplus(-3) + softplus(-0.5) + softplus(-1) + softplus(2)) / 2,
            (softplus(1) + softplus(-2)) / 2,
        ),
    ],
)
def test_each_loss_has_the_value_of_its_formula(name, critic, generator):
    real, fake = torch.tensor([3.0, 0.5]), torch.tensor([-1.0, 2.0])
    loss = ADVERSARIAL_LOSSES[name]
    assert loss.critic(real, fake).item() == pytest.approx(critic, rel=1e-6)
    assert loss.generator(fake, real).item() == pytest.approx(generator, rel=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_each_loss_raises_real_scores_for_the_critic_and_fake_ones_for_the_generator(name):
    loss = ADVERSARIAL_LOSSES[name]
    real, fake = torch.zeros(2, 3, requires_grad=True)
    at_real, at_fake = torch.autograd.grad(loss.critic(real, fake), (real, fake))
    (pulled,) = torch.autograd.grad(loss.generator(fake, real), fake)
    assert (at_real < 0).all()
    assert (at_fake > 0).all()
    assert (pulled < 0).all()
    assert loss.critic(real.bfloat16(), fake.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_only_a_paired_loss_depends_on_real_scores_for_the_generator(name):
    loss, fake = ADVERSARIAL_LOSSES[name], torch.zeros(3)
    values = {loss.generator(fake, torch.full((3,), level)).item() for level in (0.0, 5.0)}
    assert loss.is_paired == (len(values) == 2)
