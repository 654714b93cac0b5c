"""Messages of `loop.train` at the start of a run: that it is finished, and what its lines mean."""

from collections.abc import Iterator

from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.critic.diagnosis import FLATTEST, MIN_DIVERSITY, STEEPEST
from srgan_gp.training.options.config import TrainConfig


def finished_message(config: TrainConfig, progress: Progress) -> str:
    """Return why a run that is resumed has nothing to do; "" if it is not finished."""
    if progress.ended_because:
        reason = progress.ended_because
    elif progress.images_seen >= config.total_images:
        reason = f"It has seen {progress.images_seen} of {config.total_images} images."
    else:
        return ""
    return (
        f"This run is finished, and nothing is trained. {reason} For a new run choose another "
        "output folder."
    )


def line_meanings(config: TrainConfig, progress: Progress) -> Iterator[str]:
    """Yield messages that explain the printed lines about the critic; none without a critic."""
    if not config.has_critic:
        return
    yield (
        "Lines that begin with Critic: the critic is a network that learns to tell original from "
        "generated images. Its estimate is the mean score of originals minus that of generated "
        "images; it falls in a good run. critic_estimate in the line of scores is the same on "
        "validation images. The gap is 0 if the critic has memorised nothing, and 1 "
        "if it has memorised the training images."
    )
    if config.penalty in ("wgan_gp", "dragan"):  # penalties that pull the norm to 1
        yield f"The gradient norm of a healthy run is from {FLATTEST:g} to {STEEPEST:g}."
    yield (
        "Diversity compares the fine detail of generated images with that of real ones. A run is "
        f"healthy above {MIN_DIVERSITY:g}; 1 is as much as in real images."
    )
    if progress.images_seen < config.critic_warmup_images:
        yield (
            f"For the first {config.critic_warmup_images} images only the critic learns "
            "(--critic-warmup-images). The generator begins after them, so that the scores do not "
            "change before."
        )
