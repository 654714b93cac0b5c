"""Which checkpoint is the best, and when a guarded run ends: facts of the rules alone."""

import math
from dataclasses import replace

import pytest

from srgan_gp.errors import UsageError
from srgan_gp.losses.features import Features
from srgan_gp.training.checkpoint import Progress, newest
from srgan_gp.training.early_stopping import (
    describe_broken_limits,
    record_validation,
    require_scores,
)
from srgan_gp.training.loop import train
from srgan_gp.training.pretrained_networks import load_features


def go_through(config, validations, *, moves=True):
    """Note one validation every 10 images, from the start on; returns the progress."""
    progress = Progress()
    for count, scores in enumerate(validations):
        progress.images_seen, progress.validation = 10 * count, scores
        progress.step = count if moves else 0
        record_validation(config, progress)
        if progress.ended_because:
            break
    return progress


def squeeze(*values):
    return [{"psnr_y": 30.0, "squeeze_distance": value} for value in values]


def test_the_best_has_the_lowest_distance(gan_config):
    progress = go_through(gan_config(best_by="squeeze_distance"), squeeze(3, 2, 1, 2))
    assert progress.best_images_seen == 20
    assert progress.best_validation["squeeze_distance"] == 1
    assert progress.start_validation["squeeze_distance"] == 3
    assert progress.validations_since_best == 1
    assert not progress.ended_because  # nobody asked for patience


def test_the_best_has_the_highest_psnr(tiny_config):
    scores = [{"psnr_y": value} for value in (20.0, 22.0, 21.0)]
    assert go_through(tiny_config(best_by="psnr_y"), scores).best_images_seen == 10


def test_with_a_critic_the_last_is_the_best_unless_a_score_is_named(gan_config, tiny_config):
    scores = [{"psnr_y": value} for value in (22.0, 21.0, 20.0)]
    assert go_through(gan_config(), scores).best_images_seen == 20
    assert go_through(tiny_config(), scores).best_images_seen == 0


def test_a_run_ends_once_the_score_has_turned(gan_config):
    config = gan_config(best_by="squeeze_distance", patience=2)
    progress = go_through(config, squeeze(3, 2, 2.5, 2.5, 1))
    assert (progress.images_seen, progress.best_images_seen) == (30, 10)
    assert "none of the last 2 validations" in progress.ended_because


def test_a_run_of_the_planned_length_has_not_stopped_early(gan_config):
    config = gan_config(best_by="squeeze_distance", patience=2, total_images=40)
    progress = go_through(config, squeeze(3, 4, 2, 2.5, 2.5))
    assert (progress.validations_since_best, progress.ended_because) == (2, "")
    assert go_through(replace(config, total_images=41), squeeze(3, 4, 2, 2.5, 2.5)).ended_because


def test_a_run_that_is_never_better_than_its_start_keeps_the_start(gan_config):
    progress = go_through(gan_config(best_by="squeeze_distance", patience=2), squeeze(3, 4, 5, 6))
    assert (progress.images_seen, progress.best_images_seen) == (20, 0)


def test_the_warm_up_of_the_critic_does_not_count(gan_config):
    config = gan_config(best_by="squeeze_distance", patience=2)
    assert not go_through(config, squeeze(3, 3, 3, 3, 3), moves=False).ended_because
    assert go_through(config, squeeze(3, 3, 3, 3, 3)).images_seen == 20


@pytest.mark.parametrize(
    ("limits", "worse"),
    [
        ({"most_psnr_loss": 0.3}, {"psnr_y": 29.6}),
        ({"least_novelty": 0.5}, {"novelty": 0.4}),
    ],
)
def test_what_breaks_a_limit_is_never_the_best(gan_config, limits, worse):
    start = {"psnr_y": 30.0, "novelty": 1.0, "squeeze_distance": 3.0}
    better = start | {"squeeze_distance": 1.0}
    config = gan_config(best_by="squeeze_distance", **limits)
    assert go_through(config, [start, better | worse]).best_images_seen == 0
    assert go_through(config, [start, better]).best_images_seen == 10


def test_limits_that_are_just_kept_are_kept(gan_config):
    config = gan_config(most_psnr_loss=0.5, least_novelty=0.5)
    progress = Progress(images_seen=10, start_validation={"psnr_y": 30.0})
    progress.validation = {"psnr_y": 29.5, "novelty": 0.5}
    assert describe_broken_limits(config, progress) == []
    progress.validation = {"psnr_y": 29.4, "novelty": 0.49}
    assert len(describe_broken_limits(config, progress)) == 2


def test_pattern_and_grain_choose_nothing(gan_config):
    start = {"psnr_y": 30.0, "squeeze_distance": 3.0, "pattern": 0.0, "grain": 1.0}
    better = start | {"squeeze_distance": 2.0, "pattern": 9.0, "grain": 9.0}
    config = gan_config(best_by="squeeze_distance", most_psnr_loss=0.3)
    assert go_through(config, [start, better]).best_images_seen == 10


def test_a_memorising_run_ends_at_once_and_says_so(gan_config):
    config = gan_config(best_by="kid_squeeze", least_novelty=0.5)
    scores = [{"kid_squeeze": -n, "novelty": 1 - n / 5} for n in (0, 1, 3, 4)]
    progress = go_through(config, scores)
    assert (progress.images_seen, progress.best_images_seen) == (20, 10)
    assert "memorises" in progress.ended_because
    assert "0.40 times" in progress.ended_because


def test_a_run_that_memorises_at_its_planned_end_says_so(gan_config):
    config = gan_config(best_by="kid_squeeze", least_novelty=0.5, total_images=20)
    scores = [{"kid_squeeze": -n, "novelty": 1 - n / 5} for n in (0, 1, 3)]
    progress = go_through(config, scores)
    assert "memorises" in progress.ended_because
    assert "Stopped" not in progress.ended_because


def test_without_any_score_the_last_is_the_best(tiny_config):
    assert go_through(tiny_config(), [{}, {}]).best_images_seen == 10
    assert go_through(tiny_config(), [{}]).best_score > -math.inf


@pytest.mark.parametrize(
    "guard",
    [
        {"best_by": "psnr_y"},
        {"patience": 2},
        {"most_psnr_loss": 0.3},
        {"least_novelty": 0.5},
    ],
)
def test_a_limit_without_validation_images_is_refused(tiny_config, guard):
    with pytest.raises(UsageError, match=f"{next(iter(guard))} needs validation images"):
        require_scores(tiny_config(**guard), has_validation=False)
    require_scores(tiny_config(), has_validation=False)


@pytest.mark.parametrize("limit", [{"patience": 2}, {"most_psnr_loss": 0.3}])
def test_a_limit_without_a_score_that_decides_is_refused(tiny_config, limit):
    with pytest.raises(UsageError, match=f"{next(iter(limit))} needs a deciding score"):
        require_scores(tiny_config(**limit), has_validation=True)
    require_scores(tiny_config(best_by="psnr_y", **limit), has_validation=True)


def test_a_loss_of_psnr_is_measured_from_the_start_also_without_patience(
    tiny_config, pictures, tmp_path
):
    config = tiny_config(
        total_images=8, best_by="psnr_y", most_psnr_loss=0.0, learning_rate=0.5, warmup_images=0,
        ema_decay=0.0,
    )  # fmt: skip
    run_dir = train(config, [str(pictures)], tmp_path, validation=str(pictures))
    _, numbers = newest(run_dir / "checkpoints")
    assert numbers["validation"]["psnr_y"] < numbers["start_validation"]["psnr_y"]
    assert numbers["best_images_seen"] == 0


@pytest.mark.parametrize(
    ("task", "best_by"),
    [("super-resolution", "kid_squeeze"), ("face-generation", "psnr_y")],
)
def test_a_score_that_the_task_has_not_is_refused(tiny_config, task, best_by):
    with pytest.raises(UsageError, match=f"{task} has no score {best_by}"):
        require_scores(tiny_config(task=task, best_by=best_by), has_validation=True)


def test_the_kernel_distance_loads_the_feature_network(tiny_config, monkeypatch):
    config = tiny_config(task="face-generation", best_by="kid_squeeze")
    require_scores(config, has_validation=True)
    monkeypatch.setattr(Features, "load", lambda name, _: name)
    assert load_features(config) == "squeeze"
    with pytest.raises(UsageError, match="requires its weights"):
        load_features(replace(config, feature_weights="none"))
