"""Choice of the best checkpoint, and early stopping of a run.

The deciding score, the option `best_by`, chooses the best checkpoint. A run stops early in two
cases: after `patience` validations that are not better than the best one; or if the novelty falls
below `least_novelty`. The novelty is the distance of generated images to the training images,
divided by that of validation images.

Scores have short names: `psnr_y` is the PSNR of the luma; `squeeze_distance` and `kid_squeeze` are
distances of features of the network SqueezeNet, for pairs of images and for sets of faces.

`loop.train` calls `require_scores` first, and `record_validation` after each validation.
"""

import math
from typing import TYPE_CHECKING

from srgan_gp.errors import UsageError
from srgan_gp.metrics.score_directions import BETTER, LOWER
from srgan_gp.models.cards import FACES
from srgan_gp.training.options.config import TrainConfig

if TYPE_CHECKING:  # imports torch
    from srgan_gp.training.checkpoint import Progress

LOWER_IS_BETTER = frozenset(name for name, better in BETTER.items() if better == LOWER)
"""Names of the scores of which the lower value is better."""


def require_scores(config: TrainConfig, has_validation: bool) -> None:
    """Check before a run that it has the scores that its options need.

    Args:
        config: options of the run.
        has_validation: whether the run has validation images.

    Raises:
        UsageError: there are no validation images, the task does not have the score `best_by`, or
            `patience` or `most_psnr_loss` is set while `best_by` is `auto`.
    """
    is_set = {
        "best_by": config.best_by != "auto",
        "patience": config.patience > 0,
        "most_psnr_loss": config.most_psnr_loss is not None,
        "least_novelty": config.least_novelty is not None,
    }
    names = [name for name in is_set if is_set[name]]
    if names and not has_validation:
        raise UsageError(f"{names[0]} needs validation images; pass --validation.")
    if config.best_by == "auto":
        # `least_novelty` needs no deciding score: it ends a run by the novelty alone.
        for name in ("patience", "most_psnr_loss"):
            if is_set[name]:
                raise UsageError(f"{name} needs a deciding score; choose a best_by.")
    # Values of `best_by` for the task.
    scores = ("kid_squeeze",) if config.task == FACES else ("psnr_y", "squeeze_distance")
    if config.best_by not in ("auto", *scores):
        raise UsageError(
            f"A run of {config.task} has no score {config.best_by}; set best_by to auto or "
            f"{' or '.join(scores)}."
        )


def needs_start_scores(config: TrainConfig) -> bool:
    """Return whether a run has to score its generator before the first step.

    `most_psnr_loss` compares with these scores, and `patience` counts from them. `best_by` alone
    does not need them.
    """
    return config.patience > 0 or config.most_psnr_loss is not None


def record_validation(config: TrainConfig, progress: "Progress") -> None:
    """Update `progress` after a validation, whose scores are in `progress.validation`.

    Sets the fields about the first and the best validation, and `ended_because`, the result of
    `reason_to_end`. The first validation may be before the first step.
    """
    is_start = not progress.images_seen
    if is_start:
        progress.start_validation = progress.validation
    score = deciding_score(config, progress)
    if is_start or score > progress.best_score:
        progress.best_score, progress.best_images_seen = score, progress.images_seen
        progress.best_validation = progress.validation
        progress.validations_since_best = 0
    elif progress.step:  # the generator cannot improve during the critic's warm-up
        progress.validations_since_best += 1
    # A run does not end before its first step.
    progress.ended_because = "" if is_start else reason_to_end(config, progress)


def deciding_score(config: TrainConfig, progress: "Progress") -> float:
    """Return a number that ranks the last validation: higher is better.

    Returns:
        If `best_by` names a score: that score, negated if lower is better; minus infinity if the
        validation exceeds a limit of the run.
        If `best_by` is `auto`: the task's first score, which is PSNR. But a critic or a perceptual
        loss reduces the PSNR on purpose. With either, or without scores, the result is the number
        of images seen: the last checkpoint is the best.
    """
    scores = progress.validation
    if config.best_by in scores:
        if describe_broken_limits(config, progress):
            return -math.inf
        value = scores[config.best_by]
        return -value if config.best_by in LOWER_IS_BETTER else value
    # `best_by` is auto: `require_scores` has refused a score that the task does not have.
    reduces_psnr = config.has_critic or config.perceptual_loss != "none"
    if reduces_psnr or not scores:
        return float(progress.images_seen)
    return next(iter(scores.values()))


def describe_broken_limits(config: TrainConfig, progress: "Progress") -> list[str]:
    """Describe the limits that the last validation exceeds; empty if none."""
    start, scores = progress.start_validation, progress.validation
    broken = []
    if config.most_psnr_loss is not None and "psnr_y" in start and "psnr_y" in scores:
        loss = start["psnr_y"] - scores["psnr_y"]
        if loss > config.most_psnr_loss:
            broken.append(f"PSNR-Y is {loss:.2f} dB below the start")
    if is_memorising(config, progress):
        broken.append(f"the novelty is {scores['novelty']:.2f}")
    return broken


def is_memorising(config: TrainConfig, progress: "Progress") -> bool:
    """Return whether the novelty, defined in `metrics.memorisation`, is below `least_novelty`."""
    novelty = progress.validation.get("novelty", math.inf)
    return config.least_novelty is not None and novelty < config.least_novelty


def reason_to_end(config: TrainConfig, progress: "Progress") -> str:
    """Return the reason to train no longer, after the last validation; "" if there is none.

    A run that has seen all of its images has not stopped early, and `patience` gives no reason. But
    a generator that memorises is always reported: a longer run would not help either.
    """
    is_planned_end = progress.images_seen >= config.total_images
    if is_memorising(config, progress):
        start = "At its end, after" if is_planned_end else "Stopped after"
        return (
            f"{start} {progress.images_seen} images: the generator memorises its training images. "
            f"Generated images are {progress.validation['novelty']:.2f} times as far from the "
            f"training set as validation images; the limit is {config.least_novelty}."
        )
    if is_planned_end:
        return ""
    if config.patience and progress.validations_since_best >= config.patience:
        return (
            f"Stopped after {progress.images_seen} images: none of the last "
            f"{progress.validations_since_best} validations was better than the one after "
            f"{progress.best_images_seen} images."
        )
    return ""
