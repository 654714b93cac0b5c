"""Best checkpoint and early stopping: the deciding score, its limits and the patience."""

import math

from srgan_gp.errors import UsageError
from srgan_gp.metrics.score_directions import BETTER, LOWER
from srgan_gp.models.cards import FACES
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.options.config import TrainConfig

LOWER_IS_BETTER = frozenset(name for name, way in BETTER.items() if way == LOWER)


def require_scores(config: TrainConfig, has_validation: bool) -> None:
    """Check before a run that its scores include those that choose its best or end it.

    Raises:
        UsageError: there are no validation images, the task does not have the score, or a limit is
            set without a score that decides.
    """
    guards = {
        "best_by": config.best_by != "auto",
        "patience": config.patience > 0,
        "most_psnr_loss": config.most_psnr_loss is not None,
        "least_novelty": config.least_novelty is not None,
    }
    used = [name for name, is_set in guards.items() if is_set]
    if used and not has_validation:
        raise UsageError(f"{used[0]} needs validation images; pass --validation.")
    # The novelty stops a run by itself; the others compare scores of `best_by`.
    by_score = [name for name in used if name not in ("best_by", "least_novelty")]
    if by_score and config.best_by == "auto":
        raise UsageError(f"{by_score[0]} needs a deciding score; choose a best_by.")
    scores = ("kid_squeeze",) if config.task == FACES else ("psnr_y", "squeeze_distance")
    if config.best_by not in ("auto", *scores):
        raise UsageError(
            f"A run of {config.task} has no score {config.best_by}; set best_by to auto or "
            f"{' or '.join(scores)}."
        )


def needs_start(config: TrainConfig) -> bool:
    """Return whether the start of a run is scored, because an option compares with it."""
    return config.patience > 0 or config.most_psnr_loss is not None


def note_validation(config: TrainConfig, progress: Progress) -> None:
    """Update `progress` after a validation, whose scores are in `progress.validation`.

    Sets the best score and its checkpoint, the number of validations since, and the reason to stop
    early, if there is one.
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
    progress.ended_because = "" if is_start else reason_to_end(config, progress)


def deciding_score(config: TrainConfig, progress: Progress) -> float:
    """Return the deciding score of the last validation, higher is better.

    It is the score `best_by`. With `auto` it is the task's first score; with a critic or a
    perceptual loss it is the number of images seen, so that the last checkpoint is the best: the
    first score is PSNR, which such a run reduces on purpose.

    Returns:
        The score; minus infinity where it exceeds a limit of the run.
    """
    scores, images_seen = progress.validation, float(progress.images_seen)
    if config.best_by in scores:
        if broken_limits(config, progress):
            return -math.inf
        value = scores[config.best_by]
        return -value if config.best_by in LOWER_IS_BETTER else value
    # `auto`: `require_scores` has refused a score that the task does not have.
    if config.has_critic or config.perceptual_loss != "none":
        return images_seen
    return next(iter(scores.values()), images_seen)


def broken_limits(config: TrainConfig, progress: Progress) -> list[str]:
    """Describe the limits that the last validation exceeds."""
    scores, broken = progress.validation, []
    # Minus infinity, which exceeds no limit, if the start or this validation has no PSNR.
    loss = progress.start_validation.get("psnr_y", -math.inf) - scores.get("psnr_y", math.inf)
    if config.most_psnr_loss is not None and loss > config.most_psnr_loss:
        broken.append(f"PSNR-Y is {loss:.2f} dB below the start")
    if is_memorising(config, progress):
        broken.append(f"the novelty is {scores['novelty']:.2f}")
    return broken


def is_memorising(config: TrainConfig, progress: Progress) -> bool:
    """Return whether the novelty of generated images is below the limit of the run."""
    novelty = progress.validation.get("novelty", math.inf)
    return config.least_novelty is not None and novelty < config.least_novelty


def reason_to_end(config: TrainConfig, progress: Progress) -> str:
    """Return the reason to stop after the last validation; empty to continue."""
    if is_memorising(config, progress):
        return (
            f"Stopped after {progress.images_seen} images: the generator memorises its training "
            f"images. Generated images are {progress.validation['novelty']:.2f} times as far from "
            f"the training set as validation images; the limit is {config.least_novelty}."
        )
    if config.patience and progress.validations_since_best >= config.patience:
        return (
            f"Stopped after {progress.images_seen} images: none of the last "
            f"{progress.validations_since_best} validations was better than the one after "
            f"{progress.best_images_seen} images."
        )
    return ""
