import pytest
import torch
from torch import nn

from srgan_gp.training.health import (
    critic_estimate,
    critic_gap,
    diversity,
    gradient_ratio,
    health_line,
)
from srgan_gp.training.tasks import Batch


def noise(seed=0, deviation=1.0):
    return deviation * torch.randn(16, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def test_the_gradient_ratio_of_two_multiples_is_their_ratio():
    output = noise().requires_grad_()
    total = (2 * output).square().sum()
    assert gradient_ratio(output, 0.3 * total, total).item() == pytest.approx(0.3)


def test_the_graph_survives_the_ratio():
    output = noise().requires_grad_()
    loss = output.square().sum()
    gradient_ratio(output, loss, loss)
    loss.backward()
    assert output.grad is not None


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 2.0])
def test_diversity_is_linear_in_the_detail(factor):
    found = diversity(factor * noise() + 0.3, noise())
    assert found.item() == pytest.approx(factor, abs=1e-5)


def test_brightness_is_no_detail():
    brightness = torch.linspace(0, 1, 16)[:, None, None, None].expand(16, 3, 12, 12)
    assert diversity(brightness, noise()).item() < 1e-6
    found = diversity(0.5 * noise(1) + 20 * brightness, noise(1) - 20 * brightness)
    assert found.item() == pytest.approx(0.5, abs=1e-5)


def test_outputs_that_all_look_alike_have_no_diversity():
    assert diversity(noise()[:1].expand(16, -1, -1, -1), noise()).item() < 1e-6


def test_the_estimate_is_real_minus_generated():
    class Mean(nn.Module):
        def forward(self, images, condition):
            assert condition is None
            return images.mean((1, 2, 3))

    batch = Batch(torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4), None, range(2))
    assert critic_estimate(Mean(), lambda inputs: inputs + 0.25, batch) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("training", "held_out", "gap"),
    [(2.0, 2.0, 0.0), (2.0, 0.0, 1.0), (2.0, 1.0, 0.5), (2.0, 3.0, -0.5), (-0.1, 0.3, 0.0)],
)
def test_the_gap_is_the_share_of_the_estimate_that_held_out_pictures_lack(training, held_out, gap):
    assert critic_gap(training, held_out) == pytest.approx(gap)
    assert critic_gap(7 * training, 7 * held_out) == pytest.approx(gap)


def test_the_health_line_shows_a_memorised_critic():
    line = {
        "health/critic_estimate": 0.5, "health/held_out_estimate": 0.25, "step": 3.0,
        "health/interpolate_norm": 1.02, "health/augment_probability": 0.3,
    }  # fmt: skip
    assert health_line(line) == (
        "Health: critic estimate 0.500 on training, 0.250 on held-out pictures (gap 0.50); "
        "gradient norm 1.02; augmentation 0.30"
    )
    assert health_line(line | {"health/held_out_estimate": 0.05}).endswith("pictures by heart")


def test_what_a_run_does_not_measure_is_left_out():
    assert health_line({"loss": 1.0}) == ""
    assert health_line({"health/critic_estimate": 0.5}) == "Health: critic estimate 0.500"
