import tomllib
from pathlib import Path

import pytest

from srgan_gp.catalog import find_model, list_models, names_in, read_card
from srgan_gp.errors import ModelRefusedError

CARD = """
name = "tiny"
task = "super-resolution"
summary = "Doubles pictures."
version = "1"
licence = "Apache-2.0"
architecture = "srresnet"
scale = 2
recipe = "scripts/recipes/tiny.sh"
limits = ["Text.", "Faces."]
[arguments]
width = 4
[files.onnx]
name = "tiny.onnx"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
bytes = 5
[[data]]
what = "photos"
licence = "CC0"
attribution = "nobody"
[[scores]]
metric = "PSNR-Y"
set = "Set5"
value = 30
protocol = "matlab"
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The user's folder, with one model in it; nothing is packaged."""
    (tmp_path / "tiny.toml").write_text(CARD)
    (tmp_path / "tiny.onnx").write_bytes(b"bytes")
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    return tmp_path


def refused(folder, text):
    (folder / "tiny.toml").write_text(text)
    with pytest.raises(ModelRefusedError) as caught:
        read_card(folder / "tiny.toml")
    assert caught.value.exit_code == 8
    return str(caught.value)


def test_a_card_says_what_stands_in_the_file(models):
    card = read_card(models / "tiny.toml")
    table = tomllib.loads(CARD)
    for key in ("name", "task", "summary", "version", "licence", "scale", "recipe"):
        assert getattr(card, key) == table[key]
    assert card.limits == ("Text.", "Faces.")
    assert card.arguments == {"width": 4}
    assert card.files["onnx"].bytes == 5
    assert card.data[0].licence == "CC0"
    assert card.scores[0].value == 30
    assert card.fidelity_partner is None


@pytest.mark.parametrize(
    "key", ["name", "task", "summary", "version", "licence", "architecture", "scale", "recipe"]
)
def test_a_missing_key_is_named(models, key):
    lines = [line for line in CARD.splitlines() if not line.startswith(f"{key} = ")]
    keeps_tables = "\n".join(lines) if key != "name" else CARD.replace('name = "tiny"\n', "", 1)
    if key == "licence":
        keeps_tables = CARD.replace('licence = "Apache-2.0"\n', "")
    assert f"{key} is missing" in refused(models, keeps_tables)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("scale = 2", 'scale = "2"', "scale is '2', expected int"),
        ("scale = 2", "scale = true", "scale is True, expected int"),
        ("scale = 2", "scale = 0", "scale is 0"),
        ("scale = 2", "scale = 2\nscael = 3", "unknown key 'scael'"),
        ("super-resolution", "poetry", "task is 'poetry'"),
        ('["Text.", "Faces."]', "[1]", "limits"),
        ('["Text.", "Faces."]', '"Text."', "limits"),
        ("[arguments]\nwidth = 4", "", ""),
        ('sha256 = "0', 'sha256 = "x', "64 hexadecimal digits"),
        ('name = "tiny.onnx"', 'name = "../tiny.onnx"', "plain file name"),
        ("bytes = 5", "bytes = 5.5", "bytes is 5.5"),
        ("[files.onnx]", "[files.safetensors]", "files.onnx is missing"),
        ('name = "tiny"\n', 'name = "other"\n', "names another model"),
        ("value = 30", 'value = "high"', "expected float"),
        ('what = "photos"\n', "", "what is missing"),
        ("[[data]]", "[[data_]]", "unknown key 'data_'"),
        ("[arguments]\nwidth = 4\n", "arguments = 4\n", "arguments is 4"),
        (
            "[arguments]\nwidth = 4\n[files.onnx]\n",
            "[files]\nonnx = 5\n[x]\n",
            "a table was expected",
        ),
        ('name = "tiny"', 'name = "tiny', "cannot be read"),
    ],
)
def test_a_wrong_card_is_refused_in_one_sentence(models, old, new, message):
    assert old in CARD
    if not message:  # arguments may be left out
        (models / "tiny.toml").write_text(CARD.replace(old, new))
        assert read_card(models / "tiny.toml").arguments == {}
    else:
        assert message in refused(models, CARD.replace(old, new))


def test_a_card_that_is_no_text_is_refused(models):
    (models / "tiny.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelRefusedError, match="cannot be read"):
        read_card(models / "tiny.toml")


def test_a_model_is_found_by_name(models):
    found = find_model("tiny")
    assert found.path == models / "tiny.onnx"
    assert (found.expected_sha256, found.is_installed) == ("0" * 64, True)


def test_a_path_is_taken_as_it_is(models, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mine.onnx"
    elsewhere.write_bytes(b"model")
    for path in (elsewhere, str(elsewhere)):
        found = find_model(path)
        assert (found.path, found.card, found.expected_sha256) == (elsewhere, None, None)
        assert not found.is_installed


def test_a_file_in_the_way_does_not_take_a_models_name(models, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    Path("tiny").write_bytes(b"model")
    assert find_model("tiny").path == models / "tiny.onnx"


def test_a_card_beside_a_path_counts_but_installs_nothing(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    for file in models.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    found = find_model(folder / "tiny.onnx")
    assert found.expected_sha256 == "0" * 64
    assert not found.is_installed


def test_a_file_in_the_models_folder_without_a_card_is_not_installed(models):
    (models / "stray.onnx").write_bytes(b"model")
    assert not find_model(models / "stray.onnx").is_installed


def test_an_unknown_name_lists_the_known_ones(models):
    with pytest.raises(ModelRefusedError, match="tiny") as caught:
        find_model("tinny")
    assert "'tinny'" in str(caught.value)


def test_a_missing_file_is_said(models):
    with pytest.raises(ModelRefusedError, match=r"nowhere\.onnx"):
        find_model("nowhere.onnx")
    (models / "tiny.onnx").unlink()
    with pytest.raises(ModelRefusedError, match="missing"):
        find_model("tiny")


def test_a_card_must_describe_the_file_beside_it(models):
    (models / "tiny.toml").write_text(CARD.replace("tiny.onnx", "other.onnx"))
    with pytest.raises(ModelRefusedError, match="does not describe"):
        find_model("tiny")


def test_models_are_listed_and_packaged_ones_come_first(models, monkeypatch):
    from srgan_gp import catalog

    packaged = models / "packaged"
    packaged.mkdir()
    (packaged / "tiny.toml").write_text(CARD.replace("Doubles", "Triples"))
    (packaged / "aaa.toml").write_text(CARD.replace('"tiny"', '"aaa"'))
    (models / "own.toml").write_text(CARD.replace('"tiny"', '"own"'))
    monkeypatch.setattr(catalog, "model_folders", lambda: (packaged, models))
    cards = list_models()
    assert [card.name for card in cards] == ["aaa", "tiny", "own"]
    assert cards[1].summary == "Triples pictures."


def test_a_folder_that_is_not_there_holds_no_models(tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "none"))
    assert "tiny" not in [card.name for card in list_models()]


def test_the_users_folder_follows_the_xdg_rule(monkeypatch, tmp_path):
    from srgan_gp.catalog import model_folders

    monkeypatch.delenv("SRGAN_GP_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert model_folders()[1] == tmp_path / "srgan-gp" / "models"


def test_modules_are_listed_without_importing_them(tmp_path, monkeypatch):
    package = tmp_path / "parts_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "breaks.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)
    assert names_in("parts_of_a_test") == ["breaks"]


TOO_LONG = 300 * "a"


def test_a_name_too_long_for_the_system_is_no_model(models):
    with pytest.raises(ModelRefusedError, match=r"known: .*tiny"):
        find_model(TOO_LONG)


def test_a_models_folder_that_cannot_be_looked_at_holds_nothing(monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", TOO_LONG)
    list_models()


def test_somebody_without_a_home_still_has_the_packaged_models(monkeypatch):
    def nobody(_user):
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("SRGAN_GP_MODELS", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    list_models()
