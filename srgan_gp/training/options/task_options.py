"""Options of a training run that have an effect only with one task or critic, and their refusal.

Imports no torch: `srgan-gp train --help` stays fast.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import FACES, UPSCALING
from srgan_gp.system.paths import is_file
from srgan_gp.training.options.generator_args import CRITIC_OPTIONS

if TYPE_CHECKING:
    from srgan_gp.training.options.config import TrainConfig

PROJECTED_CRITIC = "projected_critic"
"""Name of the critic that scores feature maps of SqueezeNet 1.1. Modules that need SqueezeNet for
this critic compare the option `critic` with it."""
OF_ONE_TASK: dict[str, tuple[str, ...]] = {
    UPSCALING: (
        "scale", "patch_sizes", "patch_starts", "low_res", "clean_share", "damage", "shrink_share",
        "pixel_loss", "sharpen_targets", "perceptual_weight", "perceptual_noise",
        "equivariance_weight", "critic_stages", "critic_conditional", "most_psnr_loss",
    ),
    FACES: (
        "image_size", "latent_size", "face_detector", "critic_detail", "feature_ratio",
        "detail_ratio", "least_novelty",
    ),
}  # fmt: skip
"""Fields of `config.TrainConfig` by the only task in which they have an effect."""
_OF_PARTS = ("critic_detail", "feature_ratio", "detail_ratio")
"""Fields of `config.TrainConfig` that have an effect only with `PROJECTED_CRITIC`."""


def require_used_options(config: "TrainConfig", names: Iterable[str], run_dir: Path | None) -> None:
    """Check that every option that a user has set has an effect in a run.

    Args:
        config: configuration of the run.
        names: fields of `config.TrainConfig` that the user has set.
        run_dir: folder of the run; None: it has none. If it holds a checkpoint, nothing is
            checked: an earlier version accepted options without effect, and a resumed run needs
            the same.

    Raises:
        UsageError: as for `require_options_of_task` and `require_critic_options`.
    """
    from srgan_gp.training.run_data import CONFIG_NAME, has_begun

    is_resumed = run_dir is not None and is_file(run_dir / CONFIG_NAME) and has_begun(run_dir)
    if not is_resumed:
        require_options_of_task(config.task, names)
        require_critic_options(config, names)


def require_options_of_task(task: str, names: Iterable[str]) -> None:
    """Check that every option that a user has set has an effect in the task.

    Args:
        task: task of the run.
        names: fields of `config.TrainConfig` that the user has set.

    Raises:
        UsageError: some options belong to another task; the message names all of these options.
    """
    set_by_user = set(names)
    for other_task, options in OF_ONE_TASK.items():
        unused = [name for name in options if name in set_by_user]
        if other_task == task or not unused:
            continue
        noun, pronoun = ("this option", "it") if len(unused) == 1 else ("these options", "them")
        raise UsageError(
            f"{', '.join(unused)}: a run of {task} does not use {noun} of {other_task}. Remove "
            f"{pronoun}."
        )


def require_critic_options(config: "TrainConfig", names: Iterable[str]) -> None:
    """Check that every option of the critic's network or parts that a user has set has an effect.

    Args:
        config: configuration of the run.
        names: fields of `config.TrainConfig` that the user has set.

    Raises:
        UsageError: the run has no critic, or its critic lacks the part that an option is for.
    """
    set_by_user = set(names)
    unused = [name for name in CRITIC_OPTIONS if name in set_by_user]
    if unused and not config.has_critic:
        raise UsageError(
            f"{', '.join(unused)}: this run has no critic, because adversarial_ratio is 0. Remove "
            "the option, or choose an adversarial_ratio above 0."
        )
    unused = [name for name in _OF_PARTS if name in set_by_user]
    if unused and config.critic != PROJECTED_CRITIC:
        raise UsageError(
            f"{', '.join(unused)}: only the critic {PROJECTED_CRITIC} has a feature part and a "
            f"detail part, and this run has {config.critic}. Remove the option."
        )
    if "detail_ratio" in set_by_user and not config.critic_detail:
        raise UsageError(
            "detail_ratio is the weight of the critic's detail part, and this run has none: "
            "critic_detail is False. Remove detail_ratio."
        )
