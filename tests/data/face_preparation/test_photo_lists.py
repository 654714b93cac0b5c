import zipfile

import pytest

from srgan_gp.data.face_preparation.photo_lists import list_photos
from srgan_gp.errors import NothingToDoError, UsageError


def test_what_is_no_picture_no_folder_and_no_zip_file_is_said_to_be_none(tmp_path):
    for name in ("photo.heic", "clip.gif", "cut.zip"):
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(UsageError, match=rf"{name} is no picture that can be read"):
            list_photos([str(tmp_path / name)], leave_out=tmp_path / "sheet.png")


@pytest.mark.parametrize("place", ["", "nowhere", "nowhere/photo.jpg"])
def test_a_place_that_is_not_there_is_said_not_to_be(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"There is nothing at '{place}'"):
        list_photos([place], leave_out=tmp_path / "sheet.png")


def test_folders_without_a_photo_are_nothing_to_do_and_what_they_hold_is_named(tmp_path):
    for name in ("a.HEIC", "b.heic", "notes", ".hidden", "sheet.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    places = [str(tmp_path), str(tmp_path / "empty")]
    with pytest.raises(NothingToDoError, match=r"Passed over: 2 \.heic, 1 no suffix\.$"):
        list_photos(places, leave_out=tmp_path / "sheet.png")


def test_a_folder_of_a_zip_file_that_is_not_in_it_is_wrong_use(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train/a.png", b"")
    with pytest.raises(UsageError, match="no picture in"):
        list_photos([f"{tmp_path / 'a.zip'}:val"], leave_out=tmp_path / "sheet.png")
