"""Options of a training run that only one task uses, and the refusal of those of the other task.

Imports no torch: `srgan-gp train --help` stays fast.
"""

from collections.abc import Iterable

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import FACES, UPSCALING

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


def require_options_of_task(task: str, names: Iterable[str]) -> None:
    """Check that every option that a user has set has an effect.

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
