"""`srgan-gp models`: task, size and scores of each model."""

import json
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp.cli import main

ROOT = Path(__file__).resolve().parents[2]


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
    assert "tiny: super-resolution x2, 0.0 MB\n  A test.\n" in printed
    assert "tiny-faces: face-generation 8 x 8, 0.0 MB\n  A test.\n" in printed


def test_the_list_has_two_lines_a_model_and_marks_the_defaults(capsys):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(list((ROOT / "weights").glob("*.toml")))
    defaults = [line.split(":")[0] for line in lines if line.endswith(", default")]
    assert sorted(defaults) == ["faces-64", "photo-x4"]


def test_a_card_starts_with_the_limits_which_everybody_needs(capsys):
    assert main(["models", "face-x4"]) == 0
    _, summary, limit, *others = capsys.readouterr().out.splitlines()
    assert summary.startswith("  For faces of about 64 pixels")
    assert limit == (
        "  limit: For faces of about 64 pixels that become 256; use photo-x4 for everything else."
    )
    kinds = [line.split()[0] for line in others]
    assert kinds.index("version") > kinds.index("limit:")


@pytest.mark.parametrize("kind", ["drawings", "screenshots", "faces"])
def test_the_list_says_which_model_is_for_which_image(kind, capsys):
    assert main(["models"]) == 0
    assert f" {kind} " in capsys.readouterr().out


def test_a_name_shows_its_card_and_scores_on_request(installed, capsys):
    card = installed / "tiny.toml"
    score = '[[scores]]\nmetric = "PSNR-Y"\nset = "val"\nvalue = 1.0\nprotocol = "p"\n'
    card.write_text(card.read_text() + "\n" + score)
    assert main(["models", "tiny"]) == 0
    printed = capsys.readouterr().out
    assert "licence" in printed
    assert "  1 scores: srgan-gp models tiny --scores" in printed
    assert "tiny-faces" not in printed
    assert main(["models", "tiny", "--scores"]) == 0
    assert "  val: PSNR-Y 1.0 (p)\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["tinyy", "TINY"])
def test_an_unknown_name_is_refused_with_a_suggestion(installed, capsys, name):
    assert main(["models", name]) == 8
    message = capsys.readouterr().err
    assert f"There is no model '{name}'; did you mean tiny; known: " in message


def test_a_file_of_an_unknown_name_is_suggested(installed, tmp_path, monkeypatch, capsys):
    """As `export --name mine` writes it into the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.onnx").write_bytes((installed / "tiny-faces.onnx").read_bytes())
    assert main(["generate", "-o", "a.png", "-n", "mine"]) == 8
    assert "did you mean mine.onnx; known: " in capsys.readouterr().err


@pytest.mark.parametrize("words", [["tinyy"], ["remove", "tinyy"]])
def test_no_file_is_suggested_where_only_a_name_is_taken(
    installed, tmp_path, monkeypatch, capsys, words
):
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "tinyy.onnx").write_bytes(b"model")
    assert main(["models", *words]) == 8
    message = capsys.readouterr().err
    assert "did you mean tiny; known: " in message
    assert message.endswith("Pass one of these names.\n")


@pytest.mark.parametrize(
    ("verb", "known", "hidden"),
    [
        (["upscale", "IMAGE"], "tiny", "tiny-faces"),
        (["generate", "-o", "a.png"], "tiny-faces", "tiny"),
    ],
)
def test_the_message_about_an_unknown_model_lists_those_of_the_task(
    installed, tmp_path, capsys, verb, known, hidden
):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    words = [word.replace("IMAGE", str(tmp_path / "a.png")) for word in verb]
    assert main([*words, "-n", "nothing-like-it"]) == 8
    listed = capsys.readouterr().err.split("known: ")[1].split(". ")[0].split(", ")
    assert known in listed
    assert hidden not in listed


def test_verify_names_each_damaged_file_and_the_intact_models(installed, capsys):
    assert main(["models", "verify"]) == 0
    assert "tiny: tiny.onnx as on the card\n" in capsys.readouterr().out
    path = installed / "tiny.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (installed / "tiny-faces.onnx").rename(installed / "gone.onnx")
    assert main(["models", "verify"]) == 3
    captured = capsys.readouterr()
    assert "photo-x4: " in captured.out
    assert "tiny" not in captured.out
    assert f"tiny: {path} is damaged" in captured.err
    assert "tiny-faces.onnx is missing" in captured.err


def test_the_main_scores_of_a_face_model_come_first_and_once(installed, capsys):
    card = installed / "tiny-faces.toml"
    lines = [
        f'[[scores]]\nmetric = "{metric}"\nset = "val"\nvalue = 1.0\nprotocol = "p"\n'
        for metric in ("SWD", "novelty", "FD-yunet", "diversity")
    ]
    card.write_text(card.read_text() + "\n" + "".join(lines))
    assert main(["models", "--scores"]) == 0
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
    assert r"  A \x1b[31mtest.\nfake: line" in capsys.readouterr().out


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


def test_all_files_of_a_model_are_removed(installed, capsys):
    beside = installed / "tiny.critic.safetensors"
    beside.write_bytes(b"critic")
    assert main(["models", "remove", "tiny"]) == 0
    printed = capsys.readouterr().out.splitlines()
    names = ["tiny.toml", "tiny.onnx", "tiny.critic.safetensors"]
    assert printed == [f"removed {installed / name}" for name in names]
    assert not any((installed / name).exists() for name in names)
    assert (installed / "tiny-faces.onnx").exists()
    assert main(["models", "remove", "tiny"]) == 8
    assert "There is no model 'tiny'" in capsys.readouterr().err


def test_a_model_with_an_invalid_card_is_removed(installed):
    (installed / "tiny.toml").write_text("no card")
    assert main(["models", "remove", "tiny"]) == 0
    assert not (installed / "tiny.onnx").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["photo-x4"], 2, "photo-x4 is a shipped model"),
        (["../tiny"], 8, "There is no model '../tiny'"),
        ([], 2, "srgan-gp models remove NAME"),
        (["tiny", "--json"], 2, "srgan-gp models remove NAME"),
    ],
)
def test_nothing_else_is_removed(words, code, message, installed, monkeypatch, capsys):
    (installed / "below").mkdir()
    inner = words == ["../tiny"]
    if inner:
        monkeypatch.setenv("SRGAN_GP_MODELS", str(installed / "below"))
    assert main(["models", "remove", *words]) == code
    assert message in capsys.readouterr().err
    assert (installed / "tiny.onnx").exists()


def test_shipped_models_stay_where_the_users_folder_is_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr("srgan_gp.models.removal.model_folders", lambda: (tmp_path, tmp_path))
    (tmp_path / "photo-x4.onnx").write_bytes(b"network")
    assert main(["models", "remove", "photo-x4"]) == 2
    assert (tmp_path / "photo-x4.onnx").exists()


def test_two_names_are_answered_with_how_to_show_and_how_to_remove(capsys):
    assert main(["models", "show", "photo-x4"]) == 2
    said = capsys.readouterr().err
    assert "To show a model: srgan-gp models photo-x4." in said
    assert "srgan-gp models remove photo-x4" in said


def test_the_card_of_a_face_generator_shows_its_default_truncation(capsys):
    assert main(["models", "faces-64"]) == 0
    assert "default truncation (--trunc): 0.8" in capsys.readouterr().out
    assert main(["models", "photo-x4"]) == 0
    assert "truncation" not in capsys.readouterr().out


@pytest.mark.parametrize("word", ["list", "ls"])
def test_a_word_for_the_list_gets_the_command_for_it(word, capsys):
    assert main(["models", word]) == 2
    assert capsys.readouterr().err.endswith(
        "To list the models: srgan-gp models, without a name.\n"
    )
