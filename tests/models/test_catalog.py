import hashlib
from pathlib import Path

import pytest

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.models import catalog, new_names
from srgan_gp.models.catalog import find_model, list_models, model_names, names_in
from srgan_gp.models.new_names import check_name

SHA256 = hashlib.sha256(b"bytes").hexdigest()


@pytest.fixture
def write(onnx_models):
    """Write a model of five bytes and its card; return the path of the card."""

    def write(folder, name, **changes):
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.onnx").write_bytes(b"bytes")
        return onnx_models.write_card(folder / f"{name}.onnx", **changes)

    return write


@pytest.fixture
def models(tmp_path, monkeypatch, write):
    """The user's folder with one model."""
    write(tmp_path, "tiny")
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    return tmp_path


def test_a_model_is_found_by_name(models):
    found = find_model("tiny")
    assert found.path == models / "tiny.onnx"
    assert (found.expected_sha256, found.is_installed) == (SHA256, True)


def test_a_model_is_found_by_path(models, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mine.onnx"
    elsewhere.write_bytes(b"model")
    for path in (elsewhere, str(elsewhere)):
        found = find_model(path)
        assert (found.path, found.card, found.expected_sha256) == (elsewhere, None, None)
        assert not found.is_installed


def test_a_known_name_takes_precedence_over_a_file(models, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    Path("tiny").write_bytes(b"model")
    assert find_model("tiny").path == models / "tiny.onnx"


def test_a_card_beside_a_path_is_read_but_not_installed(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    for file in models.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    found = find_model(folder / "tiny.onnx")
    assert found.expected_sha256 == SHA256
    assert not found.is_installed


def test_a_file_in_the_models_folder_without_a_card_is_not_installed(models):
    (models / "stray.onnx").write_bytes(b"model")
    assert not find_model(models / "stray.onnx").is_installed


def test_an_unknown_name_lists_the_known_ones(models):
    with pytest.raises(ModelRefusedError, match="tiny") as caught:
        find_model("tinny")
    assert "'tinny'" in str(caught.value)


def test_a_missing_file_is_named(models):
    with pytest.raises(ModelRefusedError, match=r"nowhere\.onnx"):
        find_model("nowhere.onnx")
    (models / "tiny.onnx").unlink()
    with pytest.raises(ModelRefusedError, match="missing"):
        find_model("tiny")


def test_a_card_must_describe_the_file_beside_it(models):
    card = models / "tiny.toml"
    card.write_text(card.read_text().replace("tiny.onnx", "other.onnx"))
    with pytest.raises(ModelRefusedError, match="does not describe"):
        find_model("tiny")


@pytest.fixture
def packaged(models, write, monkeypatch):
    """The folder of packaged models, with the models aaa and shipped."""
    folder = models / "packaged"
    write(folder, "aaa")
    write(folder, "shipped")
    for module in (catalog, new_names):
        monkeypatch.setattr(module, "model_folders", lambda: (folder, models))
    return folder


def test_models_are_listed_and_packaged_ones_come_first(packaged, models, write):
    write(models, "a-of-mine")
    assert [card.name for card in list_models()] == ["aaa", "shipped", "a-of-mine", "tiny"]


def test_invalid_models_are_skipped_and_reported(packaged, models, write):
    write(models, "shipped", summary="Mine.")
    write(models, "lost").with_suffix(".onnx").unlink()
    (models / "broken.toml").write_text("no card")
    refused = []
    cards = list_models(on_refused=lambda error: refused.append(str(error)))
    assert [card.name for card in cards] == ["aaa", "shipped", "tiny"]
    assert cards[1].summary != "Mine."
    said = ("broken.toml cannot be", "lost.onnx is missing", "shipped.toml has the name")
    assert [words in sentence for words, sentence in zip(said, refused, strict=True)] == [True] * 3


def test_without_a_callback_the_first_invalid_card_is_an_error(models):
    (models / "broken.toml").write_text("no card")
    with pytest.raises(ModelRefusedError, match=r"broken\.toml cannot be read"):
        list_models()


def test_the_packaged_folder_named_twice_lists_each_model_once(packaged, monkeypatch):
    again = packaged.parent / "link"
    again.symlink_to(packaged)
    monkeypatch.setattr(catalog, "model_folders", lambda: (packaged, again))
    assert [card.name for card in list_models()] == model_names() == ["aaa", "shipped"]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "a.b", "a\n"])
def test_an_invalid_name_is_refused(name, tmp_path):
    with pytest.raises(UsageError, match="is not a valid model name"):
        check_name(name, tmp_path)


def test_a_model_of_a_user_cannot_have_a_shipped_name(packaged, models, write, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(models, "shipped")
    for folder in (models, elsewhere):
        check_name("mine", folder)
        with pytest.raises(UsageError, match=r"'shipped' is the name of a shipped model"):
            check_name("shipped", folder)


def test_a_shipped_model_can_be_replaced_in_its_folder(packaged, write, tmp_path_factory):
    clone = tmp_path_factory.mktemp("clone")
    write(clone, "shipped")
    for folder in (packaged, clone):
        check_name("shipped", folder)


def test_a_missing_folder_has_no_models(tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "none"))
    assert "tiny" not in [card.name for card in list_models()]


def test_the_users_folder_follows_the_xdg_rule(monkeypatch, tmp_path):
    from srgan_gp.models.catalog import model_folders

    monkeypatch.delenv("SRGAN_GP_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert model_folders()[1] == tmp_path / "srgan-gp" / "models"


def test_the_names_are_those_of_the_cards_and_no_card_is_read(models):
    assert model_names() == [card.name for card in list_models()]
    (models / "broken.toml").write_text("no card")
    assert "broken" in model_names()


def test_modules_are_listed_without_importing_them(tmp_path, monkeypatch):
    package = tmp_path / "parts_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "breaks.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)
    assert names_in("parts_of_a_test") == ["breaks"]


TOO_LONG = 300 * "a"


def test_a_name_that_is_too_long_is_not_found(models):
    with pytest.raises(ModelRefusedError, match=r"known: .*tiny"):
        find_model(TOO_LONG)


def test_a_models_folder_that_cannot_be_read_has_no_models(monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", TOO_LONG)
    list_models()


def test_a_user_without_a_home_has_the_packaged_models(monkeypatch):
    def nobody(_user):
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("SRGAN_GP_MODELS", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    list_models()


def test_models_are_sorted_by_name():
    names = [card.name for card in list_models()]
    assert names.index("photo-x2") < names.index("photo-x2-psnr")
