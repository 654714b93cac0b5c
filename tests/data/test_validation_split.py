import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.validation_split import (
    describe_missing_images,
    find_places,
    find_sets,
    split_images,
)
from srgan_gp.errors import UsageError


def fill(folder, count, first=0):
    """Save images that differ, named by a number."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(first, first + count):
        Image.fromarray(np.full((4, 4, 3), n, np.uint8)).save(folder / f"{n:03d}.png")
    return folder


@pytest.mark.parametrize(("count", "held"), [(3, 3), (6, 4), (25, 5), (60, 12)])
def test_a_fifth_is_the_validation_set_and_both_sets_are_disjoint(tmp_path, count, held):
    split = split_images(find_sets([str(fill(tmp_path / "photos", count))]))
    assert (len(split.train), len(split.validation)) == (count - held, held)
    assert len({file.name for file in (*split.train, *split.validation)}) == count
    assert str(held) in split.rule


def test_the_validation_set_has_at_most_a_hundred_images(tmp_path, monkeypatch):
    monkeypatch.setattr("srgan_gp.data.validation_split.MAX_VALIDATION_IMAGES", 5)
    assert len(split_images(find_sets([str(fill(tmp_path / "photos", 60))])).validation) == 5


def test_the_split_is_independent_of_names_and_folders(tmp_path):
    photos = fill(tmp_path / "photos", 20)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for path in photos.iterdir():
        shutil.copy(path, renamed / f"{999 - int(path.stem)}.png")
    splits = [split_images(find_sets([str(folder)])) for folder in (photos, renamed)]
    held = [{file.sha256() for file in split.validation} for split in splits]
    assert held[0] == held[1]


def test_copies_of_a_file_are_used_once(tmp_path):
    photos = fill(tmp_path / "photos", 20)
    for path in list(photos.iterdir()):
        shutil.copy(path, photos / f"copy-{path.name}")
    split = split_images(find_sets([str(photos)]))
    assert len(split.train) + len(split.validation) == 20


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
    split = split_images(find_sets([where]))
    assert (len(split.train), len(split.validation)) == (7, 3)
    assert re.search(r"faces\S*[:/]val$", split.rule)


def test_a_given_validation_set_is_used_whole(tmp_path):
    data, other = fill(tmp_path / "data", 7), fill(tmp_path / "other", 2, first=50)
    split = split_images(find_sets([str(data)], str(other)))
    assert (len(split.train), len(split.validation)) == (7, 2)
    assert str(other) in split.rule


def test_of_a_prepared_set_only_its_part_is_used(tmp_path):
    faces, more = str(tmp_path / "faces"), str(fill(tmp_path / "more", 3, first=30))
    fill(tmp_path / "faces" / "train", 7)
    fill(tmp_path / "faces" / "val", 3, first=7)
    assert find_places([faces, more]).train == (f"{faces}/train", more)
    assert find_places([faces, more]).validation == (f"{faces}/val",)
    assert find_places([faces], more).validation == (more,)
    assert find_places([more], faces).validation == (f"{faces}/val",)
    assert find_places([more]).validation == ()
    split = split_images(find_sets([faces, more]))
    assert (len(split.train), len(split.validation)) == (10, 3)


def test_only_files_of_equal_size_are_read_to_find_copies(tmp_path, monkeypatch):
    data = fill(tmp_path / "data", 5)
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(other / "large.png")
    monkeypatch.setattr(ImageFile, "sha256", lambda self: pytest.fail(f"{self.name} was read"))
    assert len(split_images(find_sets([str(data)], str(other))).validation) == 1


def test_a_pair_of_equal_size_does_not_make_all_validation_images_be_read(tmp_path, monkeypatch):
    data, other = tmp_path / "data", tmp_path / "other"
    for folder, names in ((data, ("a",)), (other, ("b", "large"))):
        folder.mkdir()
        for name in names:
            side = 40 if name == "large" else 8
            image = np.full((side, side, 3), ord(name[0]), np.uint8)
            Image.fromarray(image).save(folder / f"{name}.bmp")
    read = []
    monkeypatch.setattr(ImageFile, "sha256", lambda self: read.append(self.name) or self.name)
    split_images(find_sets([str(data)], str(other)))
    assert sorted(Path(name).name for name in read) == ["a.bmp", "b.bmp"]


@pytest.mark.parametrize(
    ("counts", "cure"),
    [((16, 4), ""), ((9, 2), "add 9 or more"), ((22, 2), "--validation-share 0.2")],
)
def test_what_is_missing_is_named_with_its_cure(counts, cure):
    assert cure in describe_missing_images(*counts)
    assert bool(describe_missing_images(*counts)) == bool(cure)


def test_an_image_in_both_sets_is_named(tmp_path):
    data, other = fill(tmp_path / "data", 7), fill(tmp_path / "other", 3, first=6)
    with pytest.raises(UsageError, match=r"1 of 3 .* 006\.png|1 of 3 .*006\.png"):
        split_images(find_sets([str(data)], str(other)))
