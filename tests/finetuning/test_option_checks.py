"""Values of options that no run can start with, refused before an image is opened."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from srgan_gp.cli import main
from srgan_gp.finetuning.finetune_plan import plan
from srgan_gp.finetuning.finetune_source import find_source

NO_NETWORK = ("best_by=psnr_y", "perceptual_loss=none")  # needs no SqueezeNet


@pytest.fixture
def places(tmp_path):
    """A folder of 20 files with the suffix of an image; each that is opened gives a warning."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.png").write_bytes(b"no image")
    return ["--data", str(folder), "-o", str(tmp_path / "run")]


def refusal(capsys, model, places, *more):
    """Run `finetune`, and return its only line on stderr."""
    assert main(["finetune", "--from", model, *places, *more]) != 0
    [line] = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("learning_rate=-1", "learning_rate"),
        ("batch_size=0", "batch_size"),
        ("total_images=7", "total_images 7 is too small"),
        ("best_by=auto", "choose a best_by other than auto"),
        ("best_by=kid_squeeze", "has no score kid_squeeze"),
        ("patch_sizes=1", "needs HR patches of at least"),
        ("feature_weights=gone.pth best_by=squeeze_distance", "gone.pth"),
        ("perceptual_loss=vgg19 best_by=squeeze_distance", "cannot be combined"),
        ("generator_args=width=8", "generator_args must stay width=48,blocks=12,tail=direct: "),
        ("critic_width=7", "critic_width must stay 16: a fine-tuning keeps the networks"),
        ("critic=missing", "critic must stay resnet_critic: "),
        ("freeze_critic_stages=9", "choose at most"),
        ("augment=colour augment_probability=0", "never happen"),
        ("augment=rotation", "rotation"),
        ("device=tpu", "There is no device 'tpu'"),
    ],
)
def test_a_wrong_value_of_an_upscaler_is_refused_before_an_image_is_opened(
    capsys, places, change, message
):
    line = refusal(capsys, "photo-x4", places, "--set", *NO_NETWORK, *change.split())
    assert message in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("adversarial_ratio=0", "needs a critic"),
        ("face_detector=gone.onnx", "gone.onnx"),
        ("critic_detail=false", "critic_detail must stay True: a fine-tuning keeps the networks"),
        ("generator_args=noise_maps=9", "generator_args must stay width=24,noise_maps=8: "),
    ],
)
def test_a_wrong_value_of_a_face_model_is_refused_before_an_image_is_opened(
    capsys, places, change, message
):
    assert message in refusal(capsys, "faces-64", places, "--set", change)


@pytest.mark.parametrize("change", ["critic_width=7", "critic=missing"])
def test_options_of_a_critic_are_refused_in_a_run_without_one(capsys, places, change):
    line = refusal(capsys, "photo-x4-psnr", places, "--set", change)
    assert "this run has no critic, because adversarial_ratio is 0" in line


def test_an_option_of_the_critic_is_refused_where_the_user_turns_it_off(capsys, places):
    changes = ("adversarial_ratio=0", "critic_width=7")
    line = refusal(capsys, "photo-x4", places, "--set", *NO_NETWORK, *changes)
    assert "critic_width: this run has no critic" in line


def test_weights_of_the_parts_of_a_critic_can_be_set():
    config = plan(find_source("faces-64"), 200, 50, {"detail_ratio": 2.0, "feature_ratio": 1.0})
    assert (config.detail_ratio, config.feature_ratio, config.critic_detail) == (2.0, 1.0, True)


@pytest.mark.parametrize(
    ("device", "message"), [("tpu", "There is no device"), ("cuda:99", "sees")]
)
def test_a_device_that_does_not_exist_is_refused_before_an_image_is_opened(
    capsys, places, device, message
):
    more = ("--device", device, "--set", *NO_NETWORK)
    assert message in refusal(capsys, "photo-x4", places, *more)


def test_too_few_files_are_refused_before_an_image_is_opened(capsys, places, tmp_path):
    (tmp_path / "photos" / "19.png").unlink()
    line = refusal(capsys, "photo-x4", places, "--set", *NO_NETWORK)
    assert "15 training images and 4 validation images are too few" in line


@pytest.fixture
def begun_run(tmp_path):
    """The folder of a run of `places` of 4,000 images, with a checkpoint."""
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "image-000000016.json").write_text("{}")
    for name, numbers in (("train.list", range(4, 20)), ("held_out.list", range(4))):
        lines = (f"{tmp_path / 'photos'}/{number}.png\n" for number in numbers)
        (run / name).write_text("".join(lines))
    changes = {"best_by": "psnr_y", "perceptual_loss": "none", "total_images": 4_000}
    config = plan(find_source("photo-x4"), 16, 4, changes)
    (run / "config.json").write_text(json.dumps(asdict(config)))
    return run


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("total_images=0", "total_images 0 is too small"),
        ("total_images=8000", "holds a run with other options: total_images (8000, before: 4000)"),
        ("learning_rate=0.1 total_images=4000", "learning_rate (0.1, before: 5e-05)"),
    ],
)
@pytest.mark.usefixtures("begun_run")
def test_what_the_command_line_shows_is_refused_before_the_training_is_imported(
    capsys, places, change, message, monkeypatch
):
    monkeypatch.setitem(sys.modules, "srgan_gp.finetuning.finetune", None)
    line = refusal(capsys, "photo-x4", places, "--set", *NO_NETWORK, *change.split())
    assert message in line


@pytest.mark.usefixtures("begun_run")
@pytest.mark.parametrize("part", ["train", "validation"])
def test_other_images_are_named_before_other_options(capsys, places, tmp_path, part):
    photos = tmp_path / "photos"
    moved = photos / ("19.png" if part == "train" else "0.png")
    moved.rename(photos / "another.png")
    line = refusal(capsys, "photo-x4", places, "--set", *NO_NETWORK, "total_images=8000")
    assert "holds a fine-tuning on other images" in line


@pytest.mark.usefixtures("begun_run")
def test_the_same_options_pass_the_first_checks(places, monkeypatch):
    from srgan_gp.finetuning import finetune as module

    monkeypatch.setattr(module, "finetune", lambda *_, **__: 1 / 0)
    words = ["finetune", "--from", "photo-x4", *places, "--set", *NO_NETWORK, "total_images=4000"]
    assert main(words) == 1


def test_a_run_with_an_option_without_effect_passes_the_first_checks(
    places, begun_run, monkeypatch
):
    from srgan_gp.finetuning import finetune as module

    changes = {"best_by": "psnr_y", "perceptual_loss": "none", "critic_width": 7}
    config = plan(find_source("photo-x4-psnr"), 16, 4, changes)
    (begun_run / "config.json").write_text(json.dumps(asdict(config)))
    monkeypatch.setattr(module, "finetune", lambda *_, **__: 1 / 0)
    words = ["--from", "photo-x4-psnr", *places, "--set", *NO_NETWORK, "critic_width=7"]
    assert main(["finetune", *words]) == 1


def test_a_refusal_of_too_few_files_imports_no_torch(places, tmp_path):
    (tmp_path / "photos" / "19.png").unlink()
    words = ["finetune", "--from", "photo-x4", *places]
    code = (
        f"from srgan_gp.cli import main\nimport sys\nassert main({words!r}) == 2\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "are too few" in done.stderr
