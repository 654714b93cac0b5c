"""Photos of training faces are refused as validation images; other photos are not."""

import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.data.image_sources import list_images
from srgan_gp.data.validation_split import find_sets, split_images
from srgan_gp.errors import UsageError
from srgan_gp.training.run_data import find_images


def fill(folder, count, seed):
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for n in range(count):
        pixels = cv2.resize(rng.integers(0, 256, (9, 9, 3), np.uint8), (64, 64))
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


def prepare(folder, archive, size=32, seed=0):
    words = ["prepare", str(folder), "-o", str(archive), "--aligned"]
    assert main([*words, "--size", str(size), "--seed", str(seed)]) == 0
    return str(archive)


@pytest.fixture
def mine(tmp_path):
    return fill(tmp_path / "mine", 20, 0)


@pytest.fixture
def faces(mine, tmp_path):
    """A zip of 16 training and 4 validation faces of the photos `mine`."""
    return prepare(mine, tmp_path / "faces.zip")


def extracted(archive, folder):
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return str(folder)


@pytest.mark.parametrize("form", ["zip", "folder", "train in the zip", "zip in a zip folder"])
def test_photos_of_training_faces_are_refused(mine, faces, tmp_path, form):
    place = {"zip": faces, "train in the zip": f"{faces}:train"}.get(form)
    if form == "folder":
        place = extracted(faces, tmp_path / "extracted")
    if form == "zip in a zip folder":
        with zipfile.ZipFile(faces) as old, zipfile.ZipFile(tmp_path / "a.zip", "w") as new:
            for name in old.namelist():
                new.writestr(f"set/{name}", old.read(name))
        place = f"{tmp_path}/a.zip:set"
    with pytest.raises(UsageError, match=r"^16 of 20 validation images show photos that training"):
        split_images(find_sets([place], str(mine)))
    with pytest.raises(UsageError, match=r"^16 of 20 validation images"):
        find_images([place], str(mine), tmp_path / "run")


def test_photos_beside_the_extracted_set_are_refused(mine, faces, tmp_path):
    place = extracted(faces, tmp_path / "extracted")
    beside = mine.rename(tmp_path / "extracted" / "photos")
    with pytest.raises(UsageError, match=r"^16 of 20 validation images show photos that training"):
        split_images(find_sets([place], str(beside)))


def test_a_photo_saved_in_another_format_is_found(mine, faces, tmp_path):
    (tmp_path / "copies").mkdir()
    for path in mine.iterdir():
        Image.open(path).save(tmp_path / "copies" / f"{path.stem}.bmp")
    with pytest.raises(UsageError, match=r"^16 of 20"):
        split_images(find_sets([faces], str(tmp_path / "copies")))


def test_faces_of_another_preparation_of_the_photos_are_found(mine, faces, tmp_path):
    other = prepare(mine, tmp_path / "other.zip", size=48, seed=5)
    with pytest.raises(UsageError, match=r"of 4 validation images show .*other\.zip:val/"):
        split_images(find_sets([faces], f"{other}:val"))


def test_other_photos_are_accepted(faces, tmp_path):
    others = fill(tmp_path / "others", 5, 1)
    (others / "damaged.png").write_bytes(b"no image")
    assert len(split_images(find_sets([faces], str(others))).validation) == 6
    assert len(split_images(find_sets([faces])).validation) == 4


def test_a_manifest_of_another_program_is_ignored(mine, tmp_path):
    folder = fill(tmp_path / "set", 5, 2)
    (tmp_path / "manifest.json").write_text('{"source_photos": [3]}')
    assert len(split_images(find_sets([str(folder)], str(mine))).validation) == len(
        list_images(mine)
    )
