"""Which checkpoint of a run is the best, and when a run is over before its last image."""

import math

from srgan_gp.cards import FACES
from srgan_gp.errors import UsageError
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.feature_network import LEFT_OUT

LOWER_IS_BETTER = frozenset({"squeeze_distance", "kid_squeeze"})


def require_scores(config: TrainConfig, has_validation: bool) -> None:
    """Check before a run that it will be scored by what is to choose its best or to end it.

    Raises:
        UsageError: there are no held-out pictures, the task has no such score, or a limit is set
            and no score decides.
    """
    guards = {
        "best_by": config.best_by != "auto",
        "patience": config.patience > 0,
        "most_psnr_loss": config.most_psnr_loss is not None,
        "least_novelty": config.least_novelty is not None,
    }
    asked_for = [name for name, is_set in guards.items() if is_set]
    if asked_for and not has_validation:
        raise UsageError(f"{asked_for[0]} needs held-out pictures; pass --validation.")
    by_score = [name for name in asked_for if name not in ("best_by", "least_novelty")]
    if by_score and config.best_by == "auto":
        raise UsageError(f"{by_score[0]} needs a score that decides; choose a best_by.")
    scores = ("kid_squeeze",) if config.task == FACES else ("psnr_y", "squeeze_distance")
    if config.best_by not in ("auto", *scores):
        raise UsageError(
            f"A run of {config.task} has no {config.best_by} to choose its best by; use auto or "
            f"{' or '.join(scores)}."
        )
    has_network = config.perceptual_loss != "none" or config.feature_weights not in (None, LEFT_OUT)
    if config.best_by == "kid_squeeze" and not has_network:
        raise UsageError(
            "best_by kid_squeeze needs the feature network; pass --feature-weights FILE."
        )


def needs_start(config: TrainConfig) -> bool:
    """Tell whether the start of a run has to be scored, as something is measured from it."""
    return config.patience > 0 or config.most_psnr_loss is not None


def note_validation(config: TrainConfig, progress: Progress) -> None:
    """Take down what a validation means for the run; its scores are in `progress.validation`.

    Sets the best, how many validations in a row were no better, and why the run is over, if it is.
    """
    is_start = not progress.images_seen
    if is_start:
        progress.start_validation = progress.validation
    score = deciding_score(config, progress)
    if is_start or score > progress.best_score:
        progress.best_score, progress.best_images_seen = score, progress.images_seen
        progress.best_validation = progress.validation
        progress.validations_since_best = 0
    elif progress.step:  # while the critic warms up nothing can have become better
        progress.validations_since_best += 1
    progress.ended_because = "" if is_start else reason_to_end(config, progress)


def deciding_score(config: TrainConfig, progress: Progress) -> float:
    """Put the last validation into one number, higher is better; minus infinity breaks a limit.

    By `best_by`. With `auto` it is the task's first score, or the last checkpoint where there is a
    critic or a perceptual loss: that score is PSNR, and such a run gives some of it away on
    purpose.
    """
    scores, images_seen = progress.validation, float(progress.images_seen)
    if config.best_by in scores:
        if broken_limits(config, progress):
            return -math.inf
        value = scores[config.best_by]
        return -value if config.best_by in LOWER_IS_BETTER else value
    if config.has_critic or config.perceptual_loss != "none":
        return images_seen
    return next(iter(scores.values()), images_seen)


def broken_limits(config: TrainConfig, progress: Progress) -> list[str]:
    """Name the limits that the last validation does not keep."""
    scores, broken = progress.validation, []
    loss = progress.start_validation.get("psnr_y", -math.inf) - scores.get("psnr_y", math.inf)
    if config.most_psnr_loss is not None and loss > config.most_psnr_loss:
        broken.append(f"PSNR-Y is {loss:.2f} dB below the start")
    if is_memorising(config, progress):
        broken.append(f"the novelty is {scores['novelty']:.2f}")
    return broken


def is_memorising(config: TrainConfig, progress: Progress) -> bool:
    """Tell whether generated pictures are nearer to the training set than held-out ones may be."""
    novelty = progress.validation.get("novelty", math.inf)
    return config.least_novelty is not None and novelty < config.least_novelty


def reason_to_end(config: TrainConfig, progress: Progress) -> str:
    """Say why the run is over after the last validation; empty: it goes on."""
    if is_memorising(config, progress):
        return (
            f"Stopped after {progress.images_seen} images: the pictures are learned by heart. "
            f"Generated ones are {progress.validation['novelty']:.2f} times as far from the "
            f"training set as held-out ones; below {config.least_novelty} is an alarm."
        )
    if config.patience and progress.validations_since_best >= config.patience:
        return (
            f"Stopped after {progress.images_seen} images: the held-out score has turned. None of "
            f"the last {progress.validations_since_best} validations was better than that after "
            f"{progress.best_images_seen} images."
        )
    return ""
