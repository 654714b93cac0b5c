import zipfile

import pytest

from srgan_gp.data.face_preparation.photo_lists import list_photos
from srgan_gp.errors import NothingToDoError, UsageError


def test_a_file_that_is_not_an_image_or_a_zip_file_is_refused(tmp_path):
    for name in ("photo.heic", "clip.gif", "cut.zip"):
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(UsageError, match=rf"{name} is not a supported image"):
            list_photos([str(tmp_path / name)], exclude=tmp_path / "sheet.png")


@pytest.mark.parametrize("place", ["", "nowhere", "nowhere/photo.jpg"])
def test_a_missing_place_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"'{place}' does not exist"):
        list_photos([place], exclude=tmp_path / "sheet.png")


def test_folders_without_a_photo_are_refused_and_their_other_files_counted(tmp_path):
    for name in ("a.HEIC", "b.heic", "notes", ".hidden", "sheet.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    places = [str(tmp_path), str(tmp_path / "empty")]
    with pytest.raises(NothingToDoError, match=r"Skipped: 2 \.heic, 1 no suffix\.$"):
        list_photos(places, exclude=tmp_path / "sheet.png")


def test_a_missing_folder_of_a_zip_file_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train/a.png", b"")
    with pytest.raises(UsageError, match="no image in"):
        list_photos([f"{tmp_path / 'a.zip'}:val"], exclude=tmp_path / "sheet.png")
