"""Diagnosis of made-up logs: each problem is named once, and a healthy log has none."""

import json
import math

import pytest

from srgan_gp.errors import UsageError
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS
from srgan_gp.training.critic.diagnosis import diagnose
from srgan_gp.training.critic.run_diagnosis import diagnose_run

LINES = 16


def log(**series):
    """A healthy log of a critic, with some series replaced: a number, or a function of the line."""
    healthy = {
        "health/critic_estimate": lambda n: 8 - 0.4 * n,
        "health/estimate_error": 0.3,
        "health/interpolate_norm": 1.02,
        "health/steep_share": 0.0,
        "health/largest_score": 9.0,
        "health/diversity": 0.9,
        "health/critic_gradient_norm": 4.0,
        "gradient_norm": 1.0,
        "loss": 0.2,
    }
    healthy |= {name.replace("__", "/"): value for name, value in series.items()}
    return [
        {"images_seen": 100 * n, "message": "a text"}
        | {k: float(v(n) if callable(v) else v) for k, v in healthy.items() if v is not None}
        for n in range(1, LINES + 1)
    ]


def test_a_healthy_run_has_no_problem():
    assert diagnose(log()) == [
        "No problem found: critic estimate on the training batches 7.6 at its highest, 2.2 on "
        "average over the last quarter of the log."
    ]


PROBLEMS = {
    "steep": ({"health__interpolate_norm": 3.1, "health__steep_share": 0.12},
              "Gradient norm 3.1, 12% above 2: penalty too weak"),
    "some steep": ({"health__steep_share": 0.05}, "penalty too weak; raise --penalty-weight"),
    "flat": ({"health__interpolate_norm": 0.2}, "Gradient norm 0.2 instead of 1"),
    "overfitting": (
        {"health__training_estimate": lambda n: 4 + 0.1 * n,
         "health__validation_estimate": lambda n: 4 - 0.2 * n},
        "the critic overfits; add images",
    ),
    "memorised": (
        {"health__training_estimate": 5.0, "health__validation_estimate": 0.5},
        "the critic has memorised its training images",
    ),
    "noise": ({"health__critic_estimate": 0.02}, "within the noise of its batches"),
    "below zero": ({"health__critic_estimate": lambda n: 3 - 0.5 * n},
                   "scores generated images above real ones"),
    "rising": ({"health__critic_estimate": lambda n: 1.2**n}, "the generator does not follow"),
    "drift": ({"health__largest_score": 4e4}, "Scores of up to 4e+04: they drift"),
    "collapse": ({"health__diversity": 0.1}, "mode collapse"),
    "critic explodes": (
        {"health__critic_gradient_norm": lambda n: 4 if n < 13 else 900},
        "Gradient norm of the critic's weights 900, 225 times its median",
    ),
    "generator explodes": ({"gradient_norm": lambda n: 1 if n < 13 else 90},
                           "lower --learning-rate"),
    "psnr": ({"validation__psnr_y": lambda n: 28 - 0.3 * n}, "lower --adversarial-ratio"),
    "not finite": ({"loss": lambda n: math.nan if n == 9 else 1.0},
                   "loss is nan after 900 images: the run diverged"),
}  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_is_named_alone(problem):
    series, message = PROBLEMS[problem]
    (found,) = diagnose(log(**series))
    assert message in found
    assert found.endswith(".")


@pytest.mark.parametrize("penalty", LIPSCHITZ_TERMS)
def test_a_norm_is_judged_by_what_the_penalty_pulls_it_to(penalty):
    place = LIPSCHITZ_TERMS[penalty].place
    without = {"health__interpolate_norm": None, "health__steep_share": None}
    flat, steep = (
        diagnose(log(**without | {f"health__{place}_norm": norm}), penalty) for norm in (0.02, 5.0)
    )
    assert ("instead of 1" in flat[0]) == (penalty in ("wgan_gp", "dragan"))
    assert ("vanish" in flat[0]) == (penalty == "weight_clipping")
    is_unbounded = penalty in (
        "none", "weight_clipping", "total_variation", "linf_hinge", "l1_hinge"
    )  # fmt: skip
    assert ("too weak" in steep[0]) == (not is_unbounded)


@pytest.mark.parametrize("estimate", [lambda n: 1e-6 * 1.2**n, lambda n: 1e-6 - 1e-6 * n])
def test_the_estimate_of_a_clipped_critic_that_vanished_is_not_judged(estimate):
    series = {"health__interpolate_norm": None, "health__steep_share": None,
              "health__critic_estimate": estimate}  # fmt: skip
    (found,) = diagnose(log(**series, health__segment_norm=1e-4), "weight_clipping")
    assert "its gradients vanish" in found
    assert "vanish" not in diagnose(log(**series, health__segment_norm=0.5), "weight_clipping")[0]


def test_equal_estimates_on_training_and_validation_images_are_no_problem():
    series = {"health__training_estimate": lambda n: 8 - 0.4 * n}
    series["health__validation_estimate"] = lambda n: 7.8 - 0.4 * n
    assert diagnose(log(**series))[0].startswith("No problem")


def test_a_short_or_empty_log_gives_no_false_alarm():
    assert diagnose([]) == []
    assert diagnose([{"images_seen": 3, "message": "stopped"}]) == []
    assert diagnose(log()[:1])[0].startswith("No problem")
    assert diagnose([{"images_seen": 3, "loss": 0.2}]) == ["No problem found."]


def test_a_run_is_read_with_its_penalty(tmp_path):
    lines = log(health__interpolate_norm=None, health__real_norm=0.01)
    (tmp_path / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "config.json").write_text(json.dumps({"penalty": "r1"}))
    assert diagnose_run(tmp_path)[0].startswith("No problem")


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "there is no stats.jsonl in it"), ("no JSON", "damaged")]
)
def test_a_folder_without_a_log_is_refused(tmp_path, content, reason):
    if content:
        (tmp_path / "stats.jsonl").write_text(content)
    with pytest.raises(UsageError, match=f"holds no log of a training run: .*{reason}"):
        diagnose_run(tmp_path)


def test_a_folder_that_does_not_exist_is_named_in_plain_words(tmp_path):
    with pytest.raises(UsageError, match=r"/none does not exist\. Pass the folder") as caught:
        diagnose_run(tmp_path / "none")
    assert "Errno" not in str(caught.value)


@pytest.mark.parametrize("is_finetuning", [False, True])
@pytest.mark.parametrize("ended_because", ["", "Stopped after 900 images."])
def test_advice_fits_the_command_and_an_early_stop(tmp_path, is_finetuning, ended_because):
    lines = log(**PROBLEMS["rising"][0])
    (tmp_path / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "checkpoints").mkdir()
    for images, reason in ((800, ""), (900, ended_because)):
        path = tmp_path / "checkpoints" / f"image-{images:09d}.json"
        path.write_text(json.dumps({"ended_because": reason}))
    if is_finetuning:
        (tmp_path / "train.list").touch()
    (found,) = diagnose_run(tmp_path)
    option = "--set learning_rate=..." if is_finetuning else "--learning-rate"
    longer = "" if ended_because else "train longer, or "
    assert found.endswith(f"does not follow; {longer}raise {option}.")


def test_a_value_in_the_advice_is_kept_for_a_fine_tuning(tmp_path):
    lines = log(**PROBLEMS["overfitting"][0])
    (tmp_path / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "train.list").touch()
    assert diagnose_run(tmp_path)[0].endswith("use --set augment=colour,translation,cutout.")
