"""Plan of a fine-tuning: all training options, chosen by model, task and number of images.

`finetune.finetune` calls `plan`. A model "has a critic" if the critic that it was trained with lies
beside its weights. Each plan is a preset of training with other values for the options that depend
on model and images. The network options, such as scale and width, are then those of the model.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from srgan_gp.data.face_preparation.preparation_report import number_of
from srgan_gp.data.validation_split import describe_missing_images
from srgan_gp.errors import UsageError
from srgan_gp.finetuning.finetune_source import Source
from srgan_gp.metrics import memorisation
from srgan_gp.models.cards import FACES
from srgan_gp.training.early_stopping import require_scores
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.generator_args import CRITIC_OPTIONS, GENERATOR_OPTIONS
from srgan_gp.training.options.presets import PRESETS, replace_options
from srgan_gp.training.options.task_options import PROJECTED_CRITIC, require_options_of_task

# The numbers of this module without a source are this project's own. No measurement of them is
# recorded.
FEW_TRAINING_IMAGES = 80
"""With fewer training images `size_warnings` warns: a model learns less from fewer images."""
FEW_VALIDATION_IMAGES = 20
"""With fewer validation images it warns: scores on fewer images depend more on chance."""
VALIDATIONS = 8
"""Number of validations in a run that is not stopped early. With more, a better checkpoint may be
found and a run stops sooner, but more of its time goes into scores."""
REPETITIONS = 80
"""How often each training image is seen, where the limits of the length allow it. With more, a
model may memorise the images; with fewer, it changes less."""
LARGE_SET = 300
"""From this number of training images on, an upscaler gets a higher learning rate and fewer frozen
critic stages. Networks memorise a smaller set sooner, so they are changed less."""


def plan(
    source: Source, trained_on: int, validation: int, changes: Mapping[str, Any]
) -> TrainConfig:
    """Choose every option of a fine-tuning.

    Args:
        source: the model to start from.
        trained_on: number of training images.
        validation: number of validation images.
        changes: fields of `TrainConfig` that override the plan.

    Raises:
        UsageError: there are too few images, or a change is not valid.
    """
    require_options_of_task(source.task, changes)
    _require_enough(trained_on, validation)
    plan_task = _plan_faces if source.task == FACES else _plan_super_resolution
    config = _apply_changes(plan_task(source, trained_on), source, changes)
    if config.best_by == "auto":
        raise UsageError("A fine-tuning needs a deciding score; choose a best_by other than auto.")
    require_scores(config, has_validation=True)
    # Images between validations: whole batches, at least one.
    interval = max(config.total_images // VALIDATIONS // config.batch_size, 1) * config.batch_size
    intervals = {
        "validate_images": interval,
        "checkpoint_images": interval,
        "report_images": max(interval // 2, 1),
    }
    planned = {name: images for name, images in intervals.items() if name not in changes}
    return replace(config, **planned)


def size_warnings(trained_on: int, validation: int) -> list[str]:
    """Return a warning for each set that is small.

    Args:
        trained_on: number of training images.
        validation: number of validation images.
    """
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


def _apply_changes(config: TrainConfig, source: Source, changes: Mapping[str, Any]) -> TrainConfig:
    """Set the model's network options and the user's changes in a planned configuration.

    The plan disregards `changes` and the model's critic. So the critic's warm-up (images that train
    the critic alone) and the number of frozen stages are reduced here to what the run and the
    critic allow. The user's changes come last: they are not reduced.
    """
    images = changes.get("total_images", config.total_images)
    warmup = config.critic_warmup_images
    config = replace(config, **source.options, critic_warmup_images=_limit_warmup(warmup, images))
    if source.critic:
        # At least one stage is trained.
        frozen_stages = min(config.freeze_critic_stages, _critic_stages(config) - 1)
        config = replace(config, freeze_critic_stages=frozen_stages)
        # `TrainConfig` checks the length of a run whose warm-up the user chose.
        if "critic_warmup_images" not in changes:
            critic_steps = changes.get("critic_steps", config.critic_steps)
            batch_size = changes.get("batch_size", config.batch_size)
            _require_length(images, warmup, critic_steps * batch_size)
    # `replace_options` merges `generator_args`, which `dataclasses.replace` would replace as one.
    changed = replace_options(config, changes)
    keeps_critic = source.critic is not None and changed.has_critic
    _require_same_networks(config, changed, keeps_critic=keeps_critic)
    return changed


def _require_same_networks(
    planned: TrainConfig, changed: TrainConfig, *, keeps_critic: bool
) -> None:
    """Raise a `UsageError` if the user's changes give other networks than those of the model.

    The scale may change: a smaller one takes the means of the last layer's weights. A model that
    has no critic may get any, if `adversarial_ratio` is above 0.
    """
    for name in (*GENERATOR_OPTIONS, *(CRITIC_OPTIONS if keeps_critic else ())):
        value = getattr(planned, name)
        if name == "scale" or getattr(changed, name) == value:
            continue
        value = ",".join(value) if isinstance(value, tuple) else value  # as `--set` takes it
        raise UsageError(
            f"{name} must stay {value}: a fine-tuning keeps the networks of the model."
        )


def _limit_warmup(planned: int, total: int) -> int:
    """Limit the images of the warm-up to a sixth of the run; they train the critic alone.

    The rest of the run trains the generator too, which is its purpose.
    """
    return min(planned, total // 6)


def _require_length(total: int, planned_warmup: int, step: int) -> None:
    """Check that the run is long enough for a step of the generator, after the critic's warm-up.

    Args:
        total: images of the run.
        planned_warmup: images for the critic alone, before `_limit_warmup` limits them.
        step: images from one step of the generator to the next.

    Raises:
        UsageError: the run is too short; the message names the smallest length.
    """
    # A longer run may have a longer warm-up, so the smallest length is searched.
    shortest = step
    while _limit_warmup(planned_warmup, shortest) + step > shortest:
        shortest += 1
    if total < shortest:
        raise UsageError(
            f"total_images {total} is too small: the run would end before the generator's first "
            f"step. Choose at least {shortest}."
        )


def _critic_stages(config: TrainConfig) -> int:
    """Return the number of stages of a run's critic.

    The stages of a critic of faces halve the image to 4 pixels. In `projected_critic` the stem does
    the first halving, in place of a stage.
    """
    if config.task == FACES:
        halvings = (config.image_size // 4).bit_length() - 1  # log2
        return halvings - 1 if config.critic == PROJECTED_CRITIC else halvings
    return config.critic_stages


def _require_enough(trained_on: int, validation: int) -> None:
    """Raise a `UsageError` if there are too few training or validation images."""
    if shortage := describe_missing_images(trained_on, validation):
        training = number_of(trained_on, "training image")
        raise UsageError(
            f"{training} and {number_of(validation, 'validation image')} are too few to "
            "fine-tune on: the model would memorise them, and scores on so few images would be "
            f"chance. {shortage[0].upper()}{shortage[1:]}. 100 to 1,000 images are best."
        )


def _plan_super_resolution(source: Source, trained_on: int) -> TrainConfig:
    """Plan for an upscaler, which needs few images thanks to random crops and degradations.

    A model with a critic was trained for realistic texture: the squeeze distance, a distance of
    features of the network SqueezeNet, chooses its best checkpoint. For a model without a critic,
    PSNR chooses it. A smaller training set gets a shorter run, a lower learning rate and more
    frozen critic stages. The numbers are the same for CPUs, GPUs and all scales.
    """
    is_large, preset = trained_on >= LARGE_SET, PRESETS["photo-x4-cpu"]
    images = _length(trained_on, least=16_000, most=60_000, batch=preset.batch_size)
    common = replace(
        preset, total_images=images, patience=3, ema_half_life_images=images // 16,
        learning_rate=1e-4 if is_large else 5e-5, warmup_images=800, sharpen_targets=0.0,
    )  # fmt: skip
    if source.critic is None:  # losses as in the preset "photo-x4-psnr-cpu"
        return replace(
            common, adversarial_ratio=0.0, equivariance_weight=0.0, best_by="psnr_y",
            damage="mild",
        )  # fmt: skip
    return replace(
        common, best_by="squeeze_distance", most_psnr_loss=0.3, critic_warmup_images=1_600,
        ratio_ramp_images=0, freeze_critic_stages=1 if is_large else 2,
        perceptual_loss="squeeze", perceptual_weight=0.0035, perceptual_noise=4.0,
    )  # fmt: skip


def _plan_faces(source: Source, trained_on: int) -> TrainConfig:
    """Plan for a face generator: a low rate, two frozen stages of the critic, augmented images.

    The probability of augmentations begins at `augment_probability` and follows `augment_target`.
    It changes by at most total_images / augment_images in a run: 0.6 in the longest one.

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
    preset = PRESETS["faces-64-cpu"]
    images = _length(trained_on, least=4_800, most=60_000, batch=preset.batch_size)
    return replace(
        preset, total_images=images, patience=3, best_by="kid_squeeze",
        least_novelty=memorisation.ALARM, perceptual_loss="squeeze", learning_rate=5e-5,
        precision="auto", critic_learning_rate=1e-4, ema_half_life_images=2_000,
        freeze_critic_stages=2, augment="colour,translation,cutout", augment_probability=0.3,
        augment_target=0.5, augment_images=100_000,
    )  # fmt: skip


def _length(trained_on: int, least: int, most: int, batch: int) -> int:
    """Return `REPETITIONS` of all training images, from `least` to `most`, as whole batches."""
    images = min(max(REPETITIONS * trained_on, least), most)
    return images // batch * batch
