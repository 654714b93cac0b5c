import hashlib
import pickle
import re
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image
from spandrel.architectures.Compact import Compact
from spandrel.architectures.PLKSR import RealPLKSR

from srgan_gp.cli import main
from srgan_gp.models.cards import read_card


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """The user's folder of models, which does not exist yet; measurements are quick."""
    from srgan_gp.importing import import_model, measurements

    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(measurements, "TIMED_SIDES", (40,))
    monkeypatch.setattr(import_model, "measure_bytes_per_pixel", lambda *_: None)
    return tmp_path / "models"


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "2x-test.pth"
    torch.save(Compact(num_feat=8, num_conv=2, upscale=2).state_dict(), path)
    return path


def test_a_model_is_imported_listed_and_used(weights, models, tmp_path, capsys):
    assert main(["import", str(weights), "--name", "mine", "--licence", "CC0-1.0"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{models / 'mine.toml'}\n"
    for part in ("tiling: exact, at any offset", "s per megapixel", "CC0-1.0", "app --offer mine"):
        assert part in printed.err
    assert main(["models", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "network: Compact\n" in shown
    assert "imported from 2x-test.pth" in shown and "tiling: exact, at any offset" in shown
    assert main(["models", "verify"]) == 0
    photo = tmp_path / "photo.png"
    Image.effect_noise((21, 13), 40).convert("RGB").save(photo)
    assert main(["upscale", str(photo), "--model", "mine"]) == 0
    with Image.open(tmp_path / "photo_x2.png") as result:
        assert result.size == (42, 26)


def test_approximate_tiles_are_reported_on_the_card_and_once_a_run(models, tmp_path, capsys):
    torch.manual_seed(0)
    path = tmp_path / "4x-test.pth"
    torch.save(RealPLKSR(dim=8, n_blocks=1).state_dict(), path)
    assert main(["import", str(path), "--name", "global"]) == 0
    assert any("approximate" in limit for limit in read_card(models / "global.toml").limits)
    capsys.readouterr()
    assert main(["models", "global"]) == 0
    assert "tiling: approximate; tiles differed" in capsys.readouterr().out
    for name in ("a", "b"):
        Image.effect_noise((90, 80), 40).convert("RGB").save(tmp_path / f"{name}.png")
    photos = [str(tmp_path / f"{name}.png") for name in ("a", "b")]
    assert main(["upscale", *photos, "--model", "global", "-o", str(tmp_path / "whole")]) == 0
    printed = capsys.readouterr().err
    assert printed.count("Tiles of global are approximate") == 1
    assert "computed in" not in printed  # the images fit into memory
    Image.effect_noise((250, 80), 40).convert("RGB").save(photos[0])
    tiled = ["--tile", "64", "-o", str(tmp_path / "tiled")]
    assert main(["upscale", photos[0], "--model", "global", *tiled]) == 0
    assert re.search(r"computed in \d+ tiles, which are approximate", capsys.readouterr().err)


class Hostile:
    def __reduce__(self):
        return eval, ("1/0",)


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("a.pth", pickle.dumps(Hostile()), 8, "a.pth"),
        ("a.pth", b"", 8, "damaged"),
        ("a.ckpt", b"PK\x03\x04 not a zip", 8, "damaged"),
        ("a.safetensors", b"\xff" * 20, 8, "damaged"),
        ("a.onnx", b"no model", 8, "not an ONNX model"),
        ("a.bin", b"", 2, "suffix"),
        ("missing.pth", None, 2, "There is no file"),
    ],
)
def test_a_bad_file_gives_one_message_and_nothing_is_written(
    tmp_path, models, capsys, name, content, code, message
):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main(["import", str(path), "--name", "mine"]) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(errors) == 1 and message in errors[0]
    assert not models.exists()


@pytest.mark.parametrize("name", ["photo-x4", "a/b", "verify", ""])
def test_a_name_that_cannot_be_used_is_refused_before_the_file_is_read(weights, name, capsys):
    assert main(["import", str(weights), "--name", name]) == 2
    assert "Reading" not in capsys.readouterr().err


def test_only_a_model_of_the_same_file_is_replaced_without_the_option(weights, models, capsys):
    line = ["import", str(weights), "--name", "mine"]
    assert main(line) == 0
    assert main(line) == 0
    assert "Replacing the model 'mine'" in capsys.readouterr().err
    card = models / "mine.toml"
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    of_another_file = card.read_text().replace(sha256, "0" * 64)
    card.write_text(of_another_file)
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "There is a model 'mine' already" in said and "--exist overwrite" in said
    assert card.read_text() == of_another_file
    (models / "mine.int8.onnx").write_bytes(b"of the other model")
    assert main([*line, "--exist", "overwrite"]) == 0
    assert sha256 in card.read_text()
    assert not (models / "mine.int8.onnx").exists()


def test_fine_tuning_of_an_imported_model_is_refused(weights, tmp_path, capsys):
    from srgan_gp.errors import UsageError
    from srgan_gp.finetuning.finetune_source import find_source

    assert main(["import", str(weights), "--name", "mine"]) == 0
    with pytest.raises(UsageError):
        find_source("mine")


def test_a_missing_extra_is_named(weights, monkeypatch, capsys):
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "spandrel" else find_spec(name)
    )
    import importlib

    verb = importlib.import_module("srgan_gp.commands.import")
    monkeypatch.setattr(verb, "find_spec", lambda name: None)
    assert main(["import", str(weights), "--name", "mine"]) == 2
    assert 'pip install "srgan-gp[import]"' in capsys.readouterr().err


def test_an_image_of_one_pixel_is_padded(weights, tmp_path):
    assert main(["import", str(weights), "--name", "mine"]) == 0
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "dot.png")
    assert main(["upscale", str(tmp_path / "dot.png"), "--model", "mine"]) == 0
