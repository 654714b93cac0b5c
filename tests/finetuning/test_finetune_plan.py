import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from srgan_gp.data.image_sources import list_images
from srgan_gp.errors import UsageError
from srgan_gp.finetuning.finetune import load_source
from srgan_gp.finetuning.finetune_plan import plan, size_warnings
from srgan_gp.finetuning.finetune_scores import score_upscaler
from srgan_gp.finetuning.finetune_source import Source, find_source
from srgan_gp.training.critic.critic_freezing import freeze_first_stages
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.tasks import SuperResolution
from srgan_gp.training.tasks.architecture import build_critic

UPSCALER = Source(
    "up", Path("up.onnx"), Path("up.critic.safetensors"), None,
    {"task": "super-resolution", "generator": "srresnet", "scale": 2,
     "generator_args": ("width=8", "blocks=2", "tail=direct"), "critic": "resnet_critic",
     "critic_width": 4, "critic_stages": 3, "critic_conditional": False},
)  # fmt: skip
FACES = replace(
    UPSCALER,
    options={"task": "face-generation", "generator": "face_resnet", "critic": "face_critic",
             "image_size": 32, "latent_size": 8, "generator_args": ("width=4",), "critic_width": 6},
)  # fmt: skip


PROJECTED_CHANNELS = replace(
    FACES,
    options=FACES.options
    | {
        "generator": "style_resnet", "generator_args": ("width=4", "noise_maps=0"),
        "critic": "projected_critic",
    },
)  # fmt: skip


@pytest.mark.parametrize("source", [UPSCALER, FACES, PROJECTED_CHANNELS])
def test_the_networks_are_those_of_the_model(source):
    config = plan(source, 100, 20, {})
    assert {key: getattr(config, key) for key in source.options} == source.options


@pytest.mark.parametrize("source", [UPSCALER, FACES])
def test_fewer_images_have_a_lower_rate_and_a_shorter_run(source):
    few, many = plan(source, 50, 20, {}), plan(source, 700, 20, {})
    assert few.total_images < many.total_images
    assert few.learning_rate <= many.learning_rate
    assert few.freeze_critic_stages >= many.freeze_critic_stages > 0


@pytest.mark.parametrize("source", [UPSCALER, FACES, replace(UPSCALER, critic=None)])
@pytest.mark.parametrize("count", [16, 333, 5_000])
def test_every_plan_is_guarded_and_ends_on_a_whole_batch(source, count):
    config = plan(source, count, 20, {})
    assert config.patience > 0
    assert config.best_by != "auto"
    assert config.total_images % config.batch_size == 0
    assert 8 <= config.total_images // config.validate_images <= 9
    assert config.learning_rate < PRESETS["classic-x4"].learning_rate


@pytest.mark.parametrize("source", [FACES, PROJECTED_CHANNELS])
@pytest.mark.parametrize("size", [32, 64])
def test_a_stage_of_every_face_critic_is_left_to_learn(source, size):
    options = source.options | {"image_size": size}
    config = plan(replace(source, options=options), 100, 20, {})
    freeze_first_stages(build_critic(config), config.freeze_critic_stages)


def test_a_model_without_a_critic_is_fine_tuned_for_psnr():
    config = plan(replace(UPSCALER, critic=None), 100, 20, {})
    assert not config.has_critic
    assert (config.perceptual_loss, config.best_by) == ("none", "psnr_y")


def test_an_upscaler_with_a_critic_follows_the_preset_of_photo_x4_with_a_feature_loss():
    preset, config = PRESETS["photo-x4-cpu"], plan(find_source("photo-x4"), 400, 80, {})
    for name in ("batch_size", "patch_sizes", "adversarial_ratio", "penalty_every"):
        assert getattr(config, name) == getattr(preset, name), name
    assert config.penalty_every == 4
    assert config.perceptual_loss == "squeeze" and config.perceptual_noise > 0
    # The score of pixels judges a model without a critic: it needs no feature network.
    assert plan(find_source("photo-x4-psnr"), 400, 80, {}).perceptual_loss == "none"


def test_a_face_generator_without_a_critic_is_refused():
    with pytest.raises(UsageError, match="no critic beside it"):
        plan(replace(FACES, critic=None), 100, 20, {})


def test_memorisation_of_a_face_generator_is_limited():
    config = plan(FACES, 300, 60, {})
    assert config.least_novelty == 0.5
    assert config.augmentations == ("colour", "translation", "cutout")


def test_changes_override_the_plan():
    changes = {"total_images": 96, "batch_size": 4, "validate_images": 7, "learning_rate": 0.5}
    config = plan(UPSCALER, 100, 20, changes | {"critic_warmup_images": 0})
    assert {key: getattr(config, key) for key in changes} == changes


@pytest.mark.parametrize(("trained_on", "validation"), [(1, 4), (15, 20), (100, 3)])
def test_too_few_images_are_refused_with_the_reason(trained_on, validation):
    message = f"{trained_on} training images? and {validation} .* memorise .* At least 16"
    with pytest.raises(UsageError, match=message):
        plan(UPSCALER, trained_on, validation, {})


@pytest.mark.parametrize(
    ("trained_on", "validation", "warnings"), [(700, 80, 0), (79, 80, 1), (700, 19, 1), (20, 4, 2)]
)
def test_there_are_warnings_about_few_images(trained_on, validation, warnings):
    assert len(size_warnings(trained_on, validation)) == warnings


@pytest.mark.parametrize(
    ("source", "small", "frozen"),
    [
        (UPSCALER, {"critic_stages": 1}, 0),
        (UPSCALER, {"critic_stages": 2}, 1),
        (UPSCALER, {"critic_stages": 3}, 2),
        (FACES, {"image_size": 8}, 0),
        (FACES, {"image_size": 16}, 1),
        (FACES, {"image_size": 64}, 2),
    ],
)
def test_a_small_critic_keeps_a_stage_that_learns(source, small, frozen):
    config = plan(replace(source, options=source.options | small), 100, 20, {})
    assert config.freeze_critic_stages == frozen


def test_the_warm_up_of_the_critic_fits_into_a_short_run():
    config = plan(UPSCALER, 100, 20, {"total_images": 96})
    assert (config.total_images, config.critic_warmup_images) == (96, 16)
    assert plan(UPSCALER, 100, 20, {}).critic_warmup_images == 1_600


@pytest.mark.parametrize(
    ("source", "best_by"),
    [(UPSCALER, "auto"), (UPSCALER, "kid_squeeze"), (FACES, "auto"), (FACES, "psnr_y")],
)
def test_a_score_that_gives_no_verdict_is_refused(source, best_by):
    with pytest.raises(UsageError, match=r"best(_| )by"):
        plan(source, 100, 20, {"best_by": best_by})


@pytest.mark.parametrize("critic", [Path("up.critic.safetensors"), None])
def test_the_plan_of_an_upscaler_can_be_carried_out(critic, squeeze_weights, tmp_path):
    for number in range(2):
        image = np.random.default_rng(number).integers(0, 256, (160, 160, 3), np.uint8)
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    changes = {"feature_weights": str(squeeze_weights), "total_images": 1_920}
    config = plan(replace(UPSCALER, critic=critic), 100, 20, changes)
    device = torch.device("cpu")
    task = SuperResolution(config, [str(tmp_path)], str(tmp_path), device, Processes(device))
    generator = task.build_generator()
    assert config.best_by in task.validate(generator)
    verdict_scores = score_upscaler(generator.eval(), list_images(str(tmp_path)), config)
    assert config.best_by in {metric for metric, _ in verdict_scores}


@pytest.mark.parametrize("source", [UPSCALER, FACES])
@pytest.mark.parametrize("batch", [1, 16])
def test_a_length_that_is_too_small_names_the_smallest_that_is_not(source, batch):
    with pytest.raises(UsageError, match="total_images 0 is too small") as refused:
        plan(source, 100, 20, {"total_images": 0, "batch_size": batch})
    least = int(re.findall(r"at least (\d+)", str(refused.value))[0])
    changes = {"batch_size": batch}
    assert plan(source, 100, 20, changes | {"total_images": least}).total_images == least
    with pytest.raises(UsageError, match=f"Choose at least {least}"):
        plan(source, 100, 20, changes | {"total_images": least - 1})


def test_the_first_score_is_that_of_the_model_with_its_filter():
    source = find_source("faces-64")
    assert source.smoothing == source.card.training.smoothing > 0
    assert load_source(source, plan(source, 100, 20, {})).smoothing == source.smoothing
