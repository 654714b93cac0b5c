"""Names of photos in the manifest: unique, and without the path of the places."""

import zipfile
from pathlib import Path

import pytest

from srgan_gp.data.face_preparation.photo_lists import list_photos
from srgan_gp.data.image_sources import ImageFile, write_list


def write_zip(path, *members):
    path.parent.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, b"")


def write_images(*paths):
    for path in paths:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()


def names_in(*places):
    photos = list_photos([str(place) for place in places], exclude=Path("sheet.png")).photos
    return [name for name, _ in photos]


def test_equal_folders_in_two_zip_files_have_the_names_of_the_zip_files(tmp_path):
    for name in ("a.zip", "b.zip"):
        write_zip(tmp_path / name, "faces/train/1.png", "faces/val/1.png")
    places = [tmp_path / "a.zip:faces/train", tmp_path / "b.zip:faces/train"]
    assert names_in(*places) == ["a.zip/faces/train/1.png", "b.zip/faces/train/1.png"]
    # Two folders of one zip file.
    assert names_in(places[0], tmp_path / "a.zip:faces/val") == [
        "a.zip/faces/train/1.png",
        "a.zip/faces/val/1.png",
    ]


def test_places_of_one_name_have_that_of_their_folder_too(tmp_path):
    write_zip(tmp_path / "x" / "p.zip", "1.png")
    write_zip(tmp_path / "y" / "p.zip", "1.png")
    write_zip(tmp_path / "y" / "q.zip", "1.png")
    places = [tmp_path / name for name in ("x/p.zip", "y/p.zip", "y/q.zip")]
    assert names_in(*places) == ["x/p.zip/1.png", "y/p.zip/1.png", "q.zip/1.png"]


def test_images_of_one_name_have_that_of_their_folder(tmp_path):
    paths = [tmp_path / name for name in ("x/1.png", "y/1.png", "y/2.png")]
    write_images(*paths)
    assert names_in(*paths) == ["x/1.png", "y/1.png", "2.png"]


def test_a_lengthened_name_differs_from_those_of_a_third_place(tmp_path):
    write_images(*(tmp_path / name for name in ("a/x/p/1.png", "b/y/p/1.png", "c/x/p/1.png")))
    places = [tmp_path / name for name in ("a/x/p", "b/y/p", "c/x")]
    assert names_in(*places) == ["a/x/p/1.png", "y/p/1.png", "c/x/p/1.png"]


def test_images_of_a_list_file_have_their_path_from_a_common_folder(tmp_path):
    files = [ImageFile(tmp_path / folder / "1.png") for folder in ("x", "y")]
    files += [ImageFile(tmp_path / folder / "p.zip", "1.png") for folder in ("x", "y")]
    write_list(files, tmp_path / "all.list")
    expected = ["x/1.png", "y/1.png", "x/p.zip/1.png", "y/p.zip/1.png"]
    assert names_in(tmp_path / "all.list") == expected


@pytest.mark.parametrize("place", ["in", "in.zip", "in.zip:sub", "in/sub/1.png", "in/../in", "."])
def test_names_in_one_place_do_not_have_its_name(place, tmp_path, monkeypatch):
    write_images(tmp_path / "in" / "sub" / "1.png")
    write_zip(tmp_path / "in.zip", "sub/1.png")
    monkeypatch.chdir(tmp_path)
    expected = {"in/sub/1.png": "1.png", ".": "in/sub/1.png"}.get(place, "sub/1.png")
    assert names_in(place) == [expected]


def test_a_folder_that_is_written_in_several_ways_does_not_lengthen_names(tmp_path, monkeypatch):
    write_images(tmp_path / "in" / "1.png")
    monkeypatch.chdir(tmp_path)
    assert names_in("in", tmp_path / "in") == ["in/1.png"]
    assert set(names_in("in", "in/../in")) == {"in/1.png"}
