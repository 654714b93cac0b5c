"""Files of the version before the new layout (commit 3b8ef99) are still resumed, read and exported.

`files/` was written by that version: runs of the tiny presets after 32 of 64 images, the models
exported from two of them, a folder upscaled by one of these, and an archive of prepared faces.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from srgan_gp.cli import main
from srgan_gp.data.image_sources import list_images
from srgan_gp.exporting.export import export
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.training.checkpoint import newest
from srgan_gp.training.loop import train
from srgan_gp.training.options.config_file import load_config
from srgan_gp.training.weights_file import is_constant, read_tensors

FILES = Path(__file__).parent / "files"
MODELS = ("tiny-gan", "tiny-faces")
RUNS = ("tiny", *MODELS)
# The run `tiny-gan` has set an option that no longer exists.
pytestmark = pytest.mark.filterwarnings("ignore:.* are ignored. grid_weight 1.0:UserWarning")


@pytest.fixture
def models(monkeypatch):
    """The folder of the models, installed."""
    monkeypatch.setenv("SRGAN_GP_MODELS", str(FILES / "models"))
    return FILES / "models"


def images_of(config):
    return str(FILES / ("images" if config.task == "super-resolution" else "faces"))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_resumed_after_its_last_image(name, tmp_path):
    run_dir = tmp_path / name
    shutil.copytree(FILES / "runs" / name, run_dir)
    before = (run_dir / "stats.jsonl").read_text()
    config = replace(load_config(run_dir / "config.json"), total_images=48)
    validation = images_of(config) if config.task == "super-resolution" else None
    train(config, [images_of(config)], run_dir, validation=validation)
    after = (run_dir / "stats.jsonl").read_text()
    assert after.startswith(before)
    added = [json.loads(line) for line in after[len(before) :].splitlines()]
    # A CPU with other instructions than that of the first images is noted first.
    assert {line["images_seen"] for line in added if "message" not in line} == {48}
    numbers = newest(run_dir / "checkpoints")[1]
    then = json.loads((FILES / "runs" / name / "checkpoints/image-000000032.json").read_text())
    assert (numbers["images_seen"], numbers["step"]) == (48, then["step"] + 4)


# A run of that version does not record where its images are.
@pytest.mark.filterwarnings("ignore:The model has no int8 network:UserWarning")
@pytest.mark.parametrize("name", MODELS)
def test_a_run_is_exported_as_the_same_model(name, models, tmp_path):
    card = export(FILES / "runs" / name, name, tmp_path)
    for kind, read in (("onnx", read_tensors), ("critic.safetensors", load_file)):
        now, then = (read(path.with_suffix(f".{kind}")) for path in (card, models / f"{name}.toml"))
        constants = {key for key in then if is_constant(key)}  # the exporter folds others now
        assert then.keys() - constants <= now.keys() <= then.keys()
        assert all(np.array_equal(now[key], then[key]) for key in now)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_starts_a_run(name, models, tmp_path):
    config = replace(load_config(FILES / "runs" / name / "config.json"), total_images=16)
    weights = models / f"{name}.safetensors"
    run_dir = train(config, [images_of(config)], tmp_path / "run", start_from=weights)
    assert newest(run_dir / "checkpoints")[1]["images_seen"] == 16


def test_cards_and_models_are_read(models, capsys):
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in MODELS)
    drawn = FaceGenerator.load("tiny-faces", device="cpu").generate(seed=3)
    assert drawn.shape == (1, 16, 16, 3)


def test_a_journal_knows_the_results_of_the_same_command(models, tmp_path, capsys):
    output = tmp_path / "upscaled"
    shutil.copytree(FILES / "upscaled", output)
    words = ["upscale", str(FILES / "faces"), "-n", "tiny-gan", "--device", "cpu", "--json"]
    assert main([*words, "-o", str(output)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["done"], report["skipped"]) == (0, 4)
    for path in (FILES / "upscaled").glob("*.png"):
        assert (output / path.name).read_bytes() == path.read_bytes()


def test_a_model_gives_the_same_images(models, tmp_path):
    words = ["upscale", str(FILES / "faces"), "-n", "tiny-gan", "--device", "cpu"]
    assert main([*words, "-o", str(tmp_path / "upscaled")]) == 0
    for path in (FILES / "upscaled").glob("*.png"):
        then, now = (
            np.asarray(Image.open(p), int) for p in (path, tmp_path / "upscaled" / path.name)
        )
        assert np.abs(now - then).max() <= 1  # another machine rounds otherwise


def test_prepared_faces_are_trained_on(tmp_path):
    archive = FILES / "prepared.zip"
    assert [len(list_images(f"{archive}:{part}")) for part in ("train", "val")] == [3, 1]
    config = load_config(FILES / "runs" / "tiny-faces" / "config.json")
    run_dir = train(replace(config, total_images=8), [f"{archive}:train"], tmp_path / "run")
    assert newest(run_dir / "checkpoints")[1]["images_seen"] == 8
