"""Plan of a fine-tuning: options by the number of images, such as learning rate and length."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from srgan_gp.data.face_preparation.preparation_report import number_of
from srgan_gp.data.validation_split import missing_images
from srgan_gp.errors import UsageError
from srgan_gp.finetuning.finetune_source import Source
from srgan_gp.metrics.memorisation import ALARM
from srgan_gp.models.cards import FACES
from srgan_gp.training.early_stopping import require_scores
from srgan_gp.training.feature_network import PROJECTED_CRITIC
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.presets import PRESETS, with_options
from srgan_gp.training.options.task_options import require_options_of_task

FEW_TRAINING_IMAGES = 80  # with fewer there is a warning
FEW_VALIDATION_IMAGES = 20  # with fewer there is a warning
VALIDATIONS = 8  # in a run that is not stopped early


def plan(
    source: Source, trained_on: int, validation: int, changes: Mapping[str, Any]
) -> TrainConfig:
    """Choose every option of a fine-tuning.

    Args:
        source: the model to start from.
        trained_on: number of training images.
        validation: number of validation images.
        changes: fields that override the plan.

    Raises:
        UsageError: there are too few images, or a change is not valid.
    """
    require_options_of_task(source.task, changes)
    _require_enough(trained_on, validation)
    make = _plan_faces if source.task == FACES else _plan_super_resolution
    config = _fit(make(source, trained_on), source, changes)
    if config.best_by == "auto":
        raise UsageError("A fine-tuning needs a deciding score; choose a best_by other than auto.")
    require_scores(config, has_validation=True)
    every = max(config.total_images // VALIDATIONS // config.batch_size, 1) * config.batch_size
    due = {"validate_images": every, "checkpoint_images": every, "report_images": every // 2 or 1}
    return replace(config, **{k: v for k, v in due.items() if k not in changes})


def size_warnings(trained_on: int, validation: int) -> list[str]:
    """Return warnings about small training and validation sets."""
    warnings = []
    if trained_on < FEW_TRAINING_IMAGES:
        warnings.append(
            f"{trained_on} training images are few: expect a small change; 100 to 1,000 are better."
        )
    if validation < FEW_VALIDATION_IMAGES:
        warnings.append(
            f"{validation} validation images are few: a small difference between before and after "
            "may be chance."
        )
    return warnings


def _fit(config: TrainConfig, source: Source, changes: Mapping[str, Any]) -> TrainConfig:
    """Apply a model's options and the changes; limit planned values that depend on them."""
    images = changes.get("total_images", config.total_images)
    # A short run must not spend more than a sixth of its images on the critic alone.
    planned = {"critic_warmup_images": min(config.critic_warmup_images, images // 6)}
    if source.critic and "critic_warmup_images" not in changes:
        _require_length(images, config.critic_warmup_images, replace(config, **_steps(changes)))
    if source.critic:
        stages = _critic_stages(replace(config, **source.options))
        planned["freeze_critic_stages"] = min(config.freeze_critic_stages, stages - 1)
    return with_options(replace(config, **planned | source.options), changes)


def _steps(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the changes that set the length of a step."""
    return {name: changes[name] for name in ("batch_size", "critic_steps") if name in changes}


def _require_length(images: int, warmup: int, config: TrainConfig) -> None:
    """Check that a run is long enough for a step of the generator after the critic's own images.

    Raises:
        UsageError: it is not; the message names the smallest length that is.
    """
    step = config.critic_steps * config.batch_size
    least = step
    while min(warmup, least // 6) + step > least:
        least += 1
    if images < least:
        raise UsageError(
            f"total_images {images} is too small: the run would end before the generator's first "
            f"step. Choose at least {least}."
        )


def _critic_stages(config: TrainConfig) -> int:
    """Return the number of stages of a run's critic; those of faces halve the image to 4 pixels.

    The stem of `projected_critic` is the first of these steps.
    """
    if config.task == FACES:
        halvings = (config.image_size // 4).bit_length() - 1
        return halvings - 1 if config.critic == PROJECTED_CRITIC else halvings
    return config.critic_stages


def _require_enough(trained_on: int, validation: int) -> None:
    if missing := missing_images(trained_on, validation):
        training = number_of(trained_on, "training image")
        raise UsageError(
            f"{training} and {number_of(validation, 'validation image')} are too few to "
            "fine-tune on: the model would memorise them, and scores on so few images would be "
            f"chance. {missing[0].upper()}{missing[1:]}. 100 to 1,000 images are best."
        )


def _plan_super_resolution(source: Source, trained_on: int) -> TrainConfig:
    """Plan for an upscaler, which needs few images thanks to random crops and degradations.

    With a critic, so for a model of realistic texture, the squeeze distance decides; without one
    the PSNR. A smaller training set: a shorter run, a lower rate, more frozen critic stages.
    """
    # Each image about 80 times.
    images = _length(80 * trained_on, least=9_600, most=32_000, batch=16)
    common = replace(
        PRESETS["photo-x4-cpu"], total_images=images, patience=3, ema_half_life_images=images // 16,
        learning_rate=1.5e-4 if trained_on >= 300 else 7e-5, warmup_images=800,
    )  # fmt: skip
    if source.critic is None:
        return replace(common, adversarial_ratio=0.0, equivariance_weight=0.0, best_by="psnr_y")
    return replace(
        common, best_by="squeeze_distance", most_psnr_loss=0.3, adversarial_ratio=0.15,
        critic_warmup_images=1_600, ratio_ramp_images=0,
        freeze_critic_stages=1 if trained_on >= 300 else 2,
    )  # fmt: skip


def _plan_faces(source: Source, trained_on: int) -> TrainConfig:
    """Plan for a face generator: a low rate, most of the critic frozen, all images augmented.

    Source:
        Lengths: Karras et al. 2020, arXiv:2006.06676, section 4.2, made shorter for 64 pixels;
        freezing: Mo et al. 2020, arXiv:2002.10964; augmentation: Zhao et al. 2020,
        arXiv:2006.10738.
    """
    if source.critic is None:
        raise UsageError(
            f"The model {source.name} has no critic beside it, which a face generator needs for "
            "training; start from a model that was exported with its critic."
        )
    # Each image about 80 times.
    images = _length(80 * trained_on, least=4_800, most=60_000, batch=32)
    return replace(
        PRESETS["faces-64-cpu"], total_images=images, patience=3, best_by="kid_squeeze",
        least_novelty=ALARM, perceptual_loss="squeeze", learning_rate=5e-5, precision="auto",
        critic_learning_rate=1e-4, ema_half_life_images=2_000, freeze_critic_stages=2,
        augment="colour,translation,cutout", augment_probability=0.3, augment_target=0.5,
        augment_images=100_000,
    )  # fmt: skip


def _length(images: int, least: int, most: int, batch: int) -> int:
    """Clamp a length to a range and round it down to a multiple of the batch."""
    return min(max(images, least), most) // batch * batch
