import numpy as np
import pytest
import torch
from torch import nn

from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.critic.diagnostics import (
    critic_gap,
    diagnostics_line,
    diversity,
    estimate_error,
    gradient_ratio,
    measure_critic_estimate,
)
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.reports.logged_numbers import MEANINGS
from srgan_gp.training.reports.start_messages import line_meanings
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


def test_brightness_is_not_detail():
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
    assert measure_critic_estimate(Mean(), lambda inputs: inputs + 0.25, batch) == pytest.approx(
        0.75
    )


@pytest.mark.parametrize(
    ("training", "validation", "gap"),
    [(2.0, 2.0, 0.0), (2.0, 0.0, 1.0), (2.0, 1.0, 0.5), (2.0, 3.0, -0.5), (-0.1, 0.3, 0.0)],
)
def test_the_gap_is_the_share_of_the_estimate_that_validation_images_lack(
    training, validation, gap
):
    assert critic_gap(training, validation, 0.01) == pytest.approx(gap)
    assert critic_gap(7 * training, 7 * validation, 0.07) == pytest.approx(gap)


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
    "health/critic_estimate": 0.7, "health/training_estimate": 0.5,
    "health/validation_estimate": 0.25, "health/estimate_error": 0.2,
    "health/validation_batches": 25.0, "step": 3.0,
    "health/interpolate_norm": 1.02, "health/augment_probability": 0.3,
}  # fmt: skip


def test_the_line_warns_of_a_critic_that_memorised():
    assert diagnostics_line(LINE) == (
        "Critic: estimate 0.500 on training, 0.250 on validation images (gap 0.50); "
        "gradient norm 1.02; augmentation 0.30"
    )
    assert diagnostics_line(LINE | {"health/validation_estimate": 0.05}).endswith(
        "memorised its training images"
    )


def test_the_line_has_no_gap_for_an_estimate_within_its_noise():
    # 25 checks: a fifth of the error of one.
    near = LINE | {"health/training_estimate": 0.109, "health/validation_estimate": -0.2}
    assert "0.109 on training, -0.200 on validation images (gap unknown: " in (
        diagnostics_line(near)
    )
    assert "memorised" not in diagnostics_line(near)
    assert "(gap 2.83)" in diagnostics_line(near | {"health/estimate_error": 0.18})
    one_check = {"health/validation_estimate": 0.0, "health/validation_batches": 1.0}
    assert "memorised" not in diagnostics_line(LINE | one_check)


def test_the_words_of_the_line_are_explained_at_the_start_of_a_run():
    config = PRESETS["tiny-gan"]
    *meanings, warmup = line_meanings(config, Progress())
    assert diagnostics_line(LINE).startswith("Critic: ")
    assert meanings[0].startswith("Lines that begin with Critic: ")
    for word in ("estimate", "gap", "gradient norm", "diversity"):
        assert word in " ".join(meanings).lower()
    assert "For the first 16 images only the critic learns" in warmup
    assert [*line_meanings(config, Progress(images_seen=16))] == meanings
    assert not [*line_meanings(PRESETS["tiny"], Progress())]


@pytest.mark.parametrize("penalty", LIPSCHITZ_TERMS)
def test_the_norm_of_every_penalty_is_shown_and_explained(penalty):
    name = f"health/{LIPSCHITZ_TERMS[penalty].place}_norm"
    assert diagnostics_line({"health/critic_estimate": 0.5, name: 1.25}).endswith(" 1.25")
    assert name in MEANINGS


def test_what_a_run_does_not_measure_is_skipped():
    assert diagnostics_line({"loss": 1.0}) == ""
    assert (
        diagnostics_line({"health/critic_estimate": 0.5})
        == "Critic: estimate 0.500 on training images"
    )
