"""Presets: named, complete sets of training options for `srgan-gp train --preset NAME`.

An option that a preset does not mention has the default of `TrainConfig`, which also describes the
options and their units. The values of presets that end in -cpu fit two CPU cores; wider networks
and longer runs would take too long there. Those of tiny presets only have to be fast. Imports no
torch.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from srgan_gp.errors import UsageError
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.generator_args import merge

# Parts of the table below: presets that others are derived from.
_CLASSIC = TrainConfig(total_images=576_000)
_TINY = replace(
    _CLASSIC, generator_args=("width=8", "blocks=2"), total_images=64, batch_size=4,
    patch_sizes=(8,), patch_starts=(0.0,), warmup_images=8, precision="fp32", report_images=16,
    validate_images=32, checkpoint_images=32,
)  # fmt: skip
_PHOTO_PSNR = replace(
    _CLASSIC, low_res="mixture", total_images=128_000, patch_sizes=(32,), patch_starts=(0.0,),
    learning_rate=5e-4, warmup_images=8_000, validate_images=16_000, checkpoint_images=16_000,
)  # fmt: skip
_PHOTO = replace(
    # Small batches of small patches: more steps of the critic for the same number of pixels.
    _PHOTO_PSNR, total_images=90_000, batch_size=8, patch_sizes=(16, 24), patch_starts=(0.0, 0.85),
    damage="harsh", sharpen_targets=0.4, equivariance_weight=0.8, learning_rate=1e-4,
    warmup_images=0, adversarial_ratio=0.5, ratio_ramp_images=3_000, critic_width=16,
    critic_warmup_images=3_200, critic_learning_rate=3e-4, penalty_every=4,
    ema_half_life_images=3_000, validate_images=10_000, checkpoint_images=5_000,
    report_images=800,
)  # fmt: skip
_FACES = TrainConfig(
    task="face-generation", generator="style_resnet", critic="projected_critic",
    generator_args=("width=30",), critic_width=16, total_images=5_120_000, batch_size=64,
    # The adversarial loss is the only one, and Adam's step does not depend on its scale: the ratio
    # only has to keep the gradient far above Adam's epsilon. For 64 pixels this ratio is a weight
    # of 100 / sqrt(3 * 64 * 64) = 0.9; the root is over the values of an image.
    adversarial_ratio=100.0, ratio_ramp_images=0, critic_warmup_images=0, learning_rate=1e-3,
    final_learning_rate=1e-6, warmup_images=0, adam_beta1=0.0, adam_beta2=0.9,
    critic_learning_rate=1e-3, critic_final_learning_rate=1e-6, ema_half_life_images=10_000,
    augment="colour,translation,cutout", augment_probability=0.3,
    report_images=12_800, validate_images=256_000,
    checkpoint_images=128_000,
)  # fmt: skip

PRESETS: dict[str, TrainConfig] = {
    # name            options        purpose; hardware
    "classic-x4": _CLASSIC,          # clean input, pixel loss; 2 cores
    # "from MODEL": meant for a run that starts from the weights of MODEL.
    "photo-x4-psnr-cpu": _PHOTO_PSNR,    # mixed input, pixel loss, from classic-x4; 2 cores
    "photo-x4-cpu": _PHOTO,          # the same with a critic, from photo-x4-psnr; 2 cores
    "faces-64": _FACES,              # faces from latents; one GPU
    "faces-64-cpu": replace(
        _FACES, generator_args=("width=16",), critic_width=8, total_images=1_000_000,
        batch_size=32, precision="fp32",
        report_images=3_200, validate_images=25_600, checkpoint_images=12_800,
    ),                               # the same at half the width, where fp32 is faster; 2 cores
    "tiny": _TINY,                   # for tests
    "tiny-gan": replace(
        _TINY, low_res="mixture", adversarial_ratio=0.3, ratio_ramp_images=16, critic_width=4,
        critic_stages=2, critic_warmup_images=16, learning_rate=1e-4,
    ),                               # for tests
    "tiny-faces": replace(
        _FACES, generator="face_resnet", critic="face_critic", image_size=16, latent_size=8,
        generator_args=("width=4",), critic_width=4, total_images=64, batch_size=4,
        learning_rate=3e-3, critic_learning_rate=3e-3, critic_final_learning_rate=None,
        precision="fp32", ema_half_life_images=16, augment="none", augment_probability=1.0,
        report_images=16, validate_images=32, checkpoint_images=32,
    ),                               # for tests
}  # fmt: skip


def resolve(preset: str, options: dict[str, Any]) -> TrainConfig:
    """Combine a preset with the options that were set on the command line.

    Args:
        preset: name of the preset.
        options: values by field of `TrainConfig`, as parsed: lists in place of tuples.

    Raises:
        UsageError: there is no such preset, or an option is out of range.
    """
    if preset not in PRESETS:
        raise UsageError(f"There is no preset {preset!r}; known: {', '.join(PRESETS)}.")
    return replace_options(PRESETS[preset], options)


def replace_options(config: TrainConfig, options: Mapping[str, Any]) -> TrainConfig:
    """Return a configuration in which some options are replaced.

    New `generator_args` replace only those of the same name, unless the generator changes too. A
    single patch size without `patch_starts` is used from the start.

    Args:
        config: the options to change.
        options: values by field of `TrainConfig`; a list counts as a tuple.

    Raises:
        UsageError: an option is out of range.
    """
    changes = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
    }
    if len(changes.get("patch_sizes", ())) == 1:  # a single phase begins at 0
        changes.setdefault("patch_starts", (0.0,))
    has_same_generator = changes.get("generator", config.generator) == config.generator
    args_before = config.generator_args if has_same_generator else ()
    changes["generator_args"] = merge(args_before, changes.get("generator_args", ()))
    return replace(config, **changes)
