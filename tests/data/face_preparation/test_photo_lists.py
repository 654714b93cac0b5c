import shutil
import zipfile
from pathlib import Path

import pytest

from srgan_gp.data.face_preparation.photo_lists import list_photos
from srgan_gp.data.image_sources import list_images, write_list
from srgan_gp.errors import NothingToDoError, UsageError

HEIC = Path(__file__).parents[2] / "images" / "files" / "photo.heic"


def test_a_file_that_is_not_an_image_or_a_zip_file_is_refused(tmp_path):
    for name in ("photo.psd", "clip.gif", "cut.zip"):
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(UsageError, match=rf"{name} is not a supported image"):
            list_photos([str(tmp_path / name)], exclude=tmp_path / "sheet.png")


def test_photos_of_phones_are_read(tmp_path):
    shutil.copy(HEIC, tmp_path / "IMG_1.HEIC")
    ((name, file),) = list_photos([str(tmp_path)], exclude=tmp_path / "sheet.png").photos
    assert name == "IMG_1.HEIC"
    assert file.read_srgb().shape[2] == 3
    assert [found.name for _, found in list_photos([str(tmp_path / name)], tmp_path).photos]
    assert list_images(tmp_path)[0].shorter_side() == min(file.read().shape[:2])


@pytest.mark.parametrize("place", ["", "nowhere", "nowhere/photo.jpg"])
def test_a_missing_place_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"'{place}' does not exist"):
        list_photos([place], exclude=tmp_path / "sheet.png")


def test_folders_without_a_photo_are_refused_and_their_other_files_counted(tmp_path):
    for name in ("a.CR2", "b.cr2", "notes", ".hidden", "sheet.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".srgan-gp" / "inside").mkdir(parents=True)
    for path in (tmp_path / ".srgan-gp" / "journal.sqlite", tmp_path / ".srgan-gp/inside/lock"):
        path.write_bytes(b"")
    places = [str(tmp_path), str(tmp_path / "empty")]
    with pytest.raises(NothingToDoError, match=r"Skipped: 2 \.cr2, 1 no suffix\.$"):
        list_photos(places, exclude=tmp_path / "sheet.png")


def test_a_missing_folder_of_a_zip_file_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train/a.png", b"")
    with pytest.raises(UsageError, match="no image in"):
        list_photos([f"{tmp_path / 'a.zip'}:val"], exclude=tmp_path / "sheet.png")


def test_names_of_several_places_begin_with_the_place_unless_it_is_an_image(tmp_path):
    for name in ("a.zip", "b.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("train/1.png", b"")
    (tmp_path / "c.jpg").touch()
    places = [str(tmp_path / name) for name in ("a.zip", "b.zip", "c.jpg")]
    photos = list_photos(places, exclude=tmp_path / "sheet.png").photos
    assert [name for name, _ in photos] == ["a.zip/train/1.png", "b.zip/train/1.png", "c.jpg"]


def test_photos_of_a_list_file_have_their_names(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").touch()
    write_list(list_images(tmp_path / "in"), tmp_path / "photos.list")
    photos = list_photos([str(tmp_path / "photos.list")], exclude=tmp_path / "sheet.png").photos
    assert [name for name, _ in photos] == ["1.png"]


def test_a_pattern_is_expanded_and_other_types_are_counted(tmp_path):
    for name in ("b.jpg", "a.jpg", "c.png", "c.txt"):
        (tmp_path / name).touch()
    pattern = f"{tmp_path}/?.jpg"
    listed = list_photos([pattern], exclude=tmp_path / "sheet.png")
    assert [name for name, _ in listed.photos] == ["a.jpg", "b.jpg"]
    listed = list_photos([f"{tmp_path}/c.*"], exclude=tmp_path / "sheet.png")
    assert ([name for name, _ in listed.photos], listed.skipped) == (["c.png"], {".txt": 1})
    with pytest.raises(NothingToDoError, match=r"no photo in .*/\*\.txt \(supported"):
        list_photos([f"{tmp_path}/*.txt"], exclude=tmp_path / "sheet.png")
    with pytest.raises(UsageError, match="Nothing matches"):
        list_photos([f"{tmp_path}/*.tif"], exclude=tmp_path / "sheet.png")
