"""The model for small scales that a card names: who uses it, and what is said."""

import json

import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.models.named_models import model_for_scale


@pytest.fixture
def named(tiny_model, onnx_models, monkeypatch):
    """Install `large`, which names `small` for scales up to 2; return their folder."""
    for name, changes in (("small", {}), ("large", {"x2_model": "small"})):
        path = tiny_model(name)
        onnx_models.write_card(path, **changes)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(path.parent))
    return path.parent


@pytest.mark.parametrize(
    ("scale", "expected"),
    [(0.5, "small"), (2, "small"), (2.01, "large"), (4, "large")],
)
def test_scales_up_to_2_use_the_named_model(named, scale, expected):
    model, note = model_for_scale("large", scale)
    assert model == expected
    assert (note is None) == (expected == "large")


def test_a_model_that_names_none_is_used_at_any_scale(named):
    assert model_for_scale("small", 2) == ("small", None)


def test_a_fidelity_without_a_partner_keeps_the_model_and_says_so(named):
    model, note = model_for_scale("large", 2, fidelity=0.5)
    assert (model, note) == ("large", "small has no look and no fidelity, so large is used for x2.")


def test_a_model_that_is_not_installed_is_said(named):
    (named / "small.toml").unlink()
    note = "small, which large names for x2, is not installed."
    assert model_for_scale("large", 2) == ("large", note)


def test_a_model_of_another_task_is_not_used(named, onnx_models):
    onnx_models.write_card(named / "small.onnx", task="face-generation", scale=None, image_size=8)
    assert model_for_scale("large", 2)[0] == "large"


@pytest.fixture
def named_default(named, monkeypatch):
    """Make `large` the default model."""
    monkeypatch.setattr("srgan_gp.batch.engines.open_engine.DEFAULT_MODEL", "large")


@pytest.mark.usefixtures("named_default")
def test_the_command_line_says_and_reports_it(tmp_path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    words = ["upscale", str(tmp_path / "a.png"), "--device", "cpu"]
    assert main([*words, "-s", "2"]) == 0
    note = "For x2 the model small is used, made for this scale (-n large keeps large).\n"
    assert capsys.readouterr().err.startswith(f"{note}small on ")
    assert main([*words, "-s", "2", "--suffix=_b", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "small"
    assert main([*words, "-s", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "large"
    assert main([*words, "-s", "1.5"]) == 0
    assert "For x1.5 the model small is used, made for scales up to 2 " in capsys.readouterr().err


@pytest.mark.usefixtures("named_default")
def test_a_model_that_the_user_names_is_kept(tmp_path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    words = ["upscale", str(tmp_path / "a.png"), "-n", "large", "--device", "cpu", "-s", "2"]
    assert main(words) == 0
    assert capsys.readouterr().err.startswith("large on cpu")


@pytest.mark.usefixtures("named_default")
def test_a_width_counts_as_its_scale_for_one_image_and_not_for_a_folder(tmp_path, capsys):
    photos, out = tmp_path / "in", str(tmp_path / "out")
    photos.mkdir()
    Image.new("RGB", (8, 8)).save(photos / "a.png")
    words = ["--device", "cpu", "--json", "--exist", "overwrite", "-o", out]
    for source, width, model in (
        (photos / "a.png", "16", "small"),
        (photos / "a.png", "17", "large"),
        (photos, "16", "large"),
    ):
        assert main(["upscale", f"{source}", "--width", width, *words]) == 0
        assert json.loads(capsys.readouterr().out)["model"] == model


def test_models_and_its_json_name_it(named, capsys):
    assert main(["models", "large"]) == 0
    assert "  model for scales up to 2: small\n" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    cards = {card["name"]: card for card in json.loads(capsys.readouterr().out)["models"]}
    assert (cards["large"]["x2_model"], cards["small"]["x2_model"]) == ("small", None)
