import numpy as np
import pytest
import torch
from torch import nn

from srgan_gp.training.health import (
    critic_estimate,
    critic_gap,
    diversity,
    estimate_error,
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
    assert critic_gap(training, held_out, 0.01) == pytest.approx(gap)
    assert critic_gap(7 * training, 7 * held_out, 0.07) == pytest.approx(gap)


@pytest.mark.parametrize("training", [0.109, -0.109, 0.0])
def test_an_estimate_within_three_standard_errors_of_0_has_no_gap(training):
    assert critic_gap(training, 0.758, error=0.04) is None


def test_the_error_is_the_deviation_of_the_estimate_over_many_batches(rng):
    real = rng.normal(3, 2.0, (20_000, 8))
    fake = rng.normal(1, 0.5, (20_000, 8))
    expected = (real.mean(1) - fake.mean(1)).std()
    errors = [
        estimate_error(*map(torch.from_numpy, pair)).item() for pair in zip(real, fake, strict=True)
    ]
    assert np.sqrt(np.square(errors).mean()) == pytest.approx(expected, rel=0.02)
    assert estimate_error(torch.ones(1), torch.zeros(1)) == 0


LINE = {
    "health/critic_estimate": 0.7, "health/looked_at_estimate": 0.5,
    "health/held_out_estimate": 0.25, "health/estimate_error": 0.2, "health/looks": 25.0,
    "step": 3.0,
    "health/interpolate_norm": 1.02, "health/augment_probability": 0.3,
}  # fmt: skip


def test_the_health_line_shows_a_memorised_critic():
    assert health_line(LINE) == (
        "Health: critic estimate 0.500 on training, 0.250 on held-out pictures (gap 0.50); "
        "gradient norm 1.02; augmentation 0.30"
    )
    assert health_line(LINE | {"health/held_out_estimate": 0.05}).endswith("pictures by heart")


def test_the_health_line_tells_no_gap_of_an_estimate_within_its_noise():
    # 25 looks: a fifth of the error of one.
    near = LINE | {"health/looked_at_estimate": 0.109, "health/held_out_estimate": -0.2}
    assert "0.109 on training, -0.200 on held-out pictures (too small to tell a gap)" in (
        health_line(near)
    )
    assert "by heart" not in health_line(near)
    assert "(gap 2.83)" in health_line(near | {"health/estimate_error": 0.18})
    one_look = {"health/held_out_estimate": 0.0, "health/looks": 1.0}
    assert "by heart" not in health_line(LINE | one_look)


def test_what_a_run_does_not_measure_is_left_out():
    assert health_line({"loss": 1.0}) == ""
    assert health_line({"health/critic_estimate": 0.5}) == "Health: critic estimate 0.500"
