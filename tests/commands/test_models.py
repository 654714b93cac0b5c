"""`srgan-gp models`: task, size and scores of each model."""

import json

import pytest

from srgan_gp.cli import main


@pytest.fixture
def installed(tiny_model, tiny_face_model, onnx_models, monkeypatch):
    """Install an upscaler and a face model in the user's folder; return the folder."""
    onnx_models.write_card(tiny_model())
    faces = tiny_face_model()
    onnx_models.write_card(faces, task="face-generation", scale=None, image_size=8)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(faces.parent))
    return faces.parent


def test_the_size_is_printed_in_the_form_of_each_task(installed, capsys):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert "tiny: A test.\n  super-resolution x2, 0.0 MB" in printed
    assert "tiny-faces: A test.\n  face-generation 8 x 8, 0.0 MB" in printed


def test_the_main_scores_of_a_face_model_come_first_and_once(installed, capsys):
    card = installed / "tiny-faces.toml"
    lines = [
        f'[[scores]]\nmetric = "{metric}"\nset = "val"\nvalue = 1.0\nprotocol = "p"\n'
        for metric in ("SWD", "novelty", "FD-yunet", "diversity")
    ]
    card.write_text(card.read_text() + "\n" + "".join(lines))
    assert main(["models"]) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if "(p)" in line]
    assert [line.split()[1] for line in printed] == ["FD-yunet", "diversity", "novelty", "SWD"]


def test_json_has_both_kinds_of_size(installed, capsys):
    assert main(["models", "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    sizes = {name: (models[name]["scale"], models[name]["image_size"]) for name in models}
    assert (sizes["tiny"], sizes["tiny-faces"]) == ((2, None), (None, 8))


def test_an_invalid_card_is_named_and_the_others_are_listed(installed, capsys):
    card = installed / "tiny.toml"
    card.write_text(card.read_text().replace("scale = 2", 'scale = "2"'))
    expected = f"The model card {card} is not valid: scale is '2', expected int."
    for arguments in ([], ["--json"]):
        assert main(["models", *arguments]) == 3
        captured = capsys.readouterr()
        assert captured.err == f"srgan-gp: error: {expected}\n"
        assert "tiny-faces" in captured.out
        assert "tiny:" not in captured.out
    found = json.loads(captured.out)
    assert found["refused"] == [expected]
    assert "tiny" not in [model["name"] for model in found["models"]]


def test_control_characters_of_a_card_are_escaped(installed, onnx_models, capsys):
    onnx_models.write_card(installed / "tiny.onnx", summary="A \x1b[31mtest.\nfake: line")
    assert main(["models"]) == 0
    assert r"tiny: A \x1b[31mtest.\nfake: line" in capsys.readouterr().out


def test_an_installed_face_model_is_found_by_its_name(installed, tmp_path, capsys):
    arguments = [
        "generate",
        "-n",
        "tiny-faces",
        "--device",
        "cpu",
        "-o",
        str(tmp_path / "face.png"),
    ]
    assert main(arguments) == 0
    assert capsys.readouterr().err.startswith("tiny-faces on cpu")
