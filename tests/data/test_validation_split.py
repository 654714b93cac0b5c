import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from srgan_gp.data.validation_split import split_pictures
from srgan_gp.errors import UsageError


def fill(folder, count, first=0):
    """Save pictures that differ, named by a number."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(first, first + count):
        Image.fromarray(np.full((4, 4, 3), n, np.uint8)).save(folder / f"{n:03d}.png")
    return folder


@pytest.mark.parametrize(("count", "held"), [(6, 4), (25, 5), (60, 12)])
def test_a_fifth_is_held_out_and_no_picture_is_on_both_sides(tmp_path, count, held):
    split = split_pictures([str(fill(tmp_path / "photos", count))])
    assert (len(split.train), len(split.held_out)) == (count - held, held)
    assert len({file.name for file in (*split.train, *split.held_out)}) == count
    assert str(held) in split.rule


def test_no_more_than_a_hundred_are_held_out(tmp_path, monkeypatch):
    monkeypatch.setattr("srgan_gp.data.validation_split.MOST_VALIDATION_IMAGES", 5)
    assert len(split_pictures([str(fill(tmp_path / "photos", 60))]).held_out) == 5


def test_neither_names_nor_folders_decide(tmp_path):
    photos = fill(tmp_path / "photos", 20)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for path in photos.iterdir():
        shutil.copy(path, renamed / f"{999 - int(path.stem)}.png")
    splits = [split_pictures([str(folder)]) for folder in (photos, renamed)]
    held = [{file.sha256() for file in split.held_out} for split in splits]
    assert held[0] == held[1]


def test_copies_of_a_file_are_used_once(tmp_path):
    photos = fill(tmp_path / "photos", 20)
    for path in list(photos.iterdir()):
        shutil.copy(path, photos / f"copy-{path.name}")
    split = split_pictures([str(photos)])
    assert len(split.train) + len(split.held_out) == 20


@pytest.mark.parametrize("kind", ["folder", "zip", "folder in a zip"])
def test_the_folders_of_a_prepared_set_are_kept(tmp_path, kind):
    place = tmp_path / "faces"
    fill(place / "train", 7)
    fill(place / "val", 3, first=7)
    where = str(place)
    if kind != "folder":
        where = f"{tmp_path}/faces.zip"
        inside = "set/" if kind == "folder in a zip" else ""
        with zipfile.ZipFile(where, "w") as archive:
            for path in place.rglob("*.png"):
                archive.write(path, f"{inside}{path.relative_to(place)}")
        where += ":set" if inside else ""
    split = split_pictures([where])
    assert (len(split.train), len(split.held_out)) == (7, 3)
    assert "folder val" in split.rule


def test_a_set_named_as_held_out_stays_whole(tmp_path):
    data, other = fill(tmp_path / "data", 7), fill(tmp_path / "other", 2, first=50)
    split = split_pictures([str(data)], str(other))
    assert (len(split.train), len(split.held_out)) == (7, 2)
    assert str(other) in split.rule


def test_a_picture_in_both_sets_is_named(tmp_path):
    data, other = fill(tmp_path / "data", 7), fill(tmp_path / "other", 3, first=6)
    with pytest.raises(UsageError, match=r"1 of 3 .* 006\.png|1 of 3 .*006\.png"):
        split_pictures([str(data)], str(other))
