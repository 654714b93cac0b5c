import pytest

from srgan_gp.system.paths import is_file, is_folder, names_a_folder, similar_name

TOO_LONG = "n" * 300


def test_files_and_folders_are_distinguished(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert (is_file(file), is_folder(file)) == (True, False)
    assert (is_file(tmp_path), is_folder(tmp_path)) == (False, True)


@pytest.mark.parametrize("is_there", [is_file, is_folder])
def test_a_name_that_is_too_long_does_not_exist(tmp_path, is_there):
    assert not is_there(tmp_path / TOO_LONG)


@pytest.mark.parametrize(
    ("text", "is_asked_for"),
    [("faces.v2/", True), ("./", True), (".", True), ("faces.v2", False), (TOO_LONG, False)],
)
def test_a_separator_at_the_end_names_a_folder(tmp_path, monkeypatch, text, is_asked_for):
    monkeypatch.chdir(tmp_path)
    assert names_a_folder(text) is is_asked_for


def test_an_existing_folder_needs_no_separator(tmp_path):
    assert names_a_folder(str(tmp_path))


def test_a_broken_link_is_not_suggested_for_itself(tmp_path):
    (tmp_path / "photo.jpg").symlink_to(tmp_path / "gone.jpg")
    assert similar_name(tmp_path / "photo.jpg") is None
    (tmp_path / "Photo.png").touch()
    assert similar_name(tmp_path / "photo.jpg") == "Photo.png"
