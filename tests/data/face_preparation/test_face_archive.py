import json
import os
import zipfile

import numpy as np
import pytest

from srgan_gp.data.face_preparation.face_archive import (
    Spool,
    choose_validation_groups,
    write_archive,
)
from srgan_gp.data.image_sources import list_images
from srgan_gp.errors import OutputError

PHOTOS = {f"photo {i}": 1 + i % 4 for i in range(200)}  # 500 faces


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_the_share_of_faces_is_met_to_a_photo(share):
    chosen = choose_validation_groups(PHOTOS, share, seed=0)
    assert abs(sum(PHOTOS[photo] for photo in chosen) - share * 500) <= 2


def test_another_seed_chooses_others_and_the_same_seed_the_same():
    assert choose_validation_groups(PHOTOS, 0.1, seed=0) == choose_validation_groups(
        PHOTOS, 0.1, seed=0
    )
    assert choose_validation_groups(PHOTOS, 0.1, seed=0) != choose_validation_groups(
        PHOTOS, 0.1, seed=1
    )


def test_most_photos_stay_in_their_set_when_photos_are_added():
    more = PHOTOS | {f"another {i}": 2 for i in range(20)}
    before, after = choose_validation_groups(PHOTOS, 0.2, 0), choose_validation_groups(more, 0.2, 0)
    assert len(before - after) <= 5
    assert len(after & PHOTOS.keys() - before) <= 5


@pytest.mark.parametrize("share", [0.001, 0.1, 0.999])
def test_of_two_photos_one_is_in_each_set(share):
    assert len(choose_validation_groups({"a": 1, "b": 30}, share, seed=0)) == 1


def test_a_photo_with_many_faces_does_not_make_the_validation_set_large():
    for seed in range(20):
        faces = {f"photo {n}": 1 for n in range(19)} | {"group": 5}
        chosen = choose_validation_groups(faces, 0.2, seed, least=4)  # 4.8 of 24 faces
        assert sum(faces[photo] for photo in chosen) == 5
        chosen = choose_validation_groups(
            {"a": 3, "b": 5, "c": 5, "d": 5, "e": 6}, 0.2, seed, least=4
        )
        assert chosen in ({"b"}, {"c"}, {"d"})


def test_one_photo_or_a_share_of_0_gives_no_validation_set():
    assert choose_validation_groups({"a": 5}, 0.5, seed=0) == set()
    assert choose_validation_groups(PHOTOS, 0.0, seed=0) == set()
    assert choose_validation_groups({}, 0.5, seed=0) == set()


def test_an_archive_returns_what_was_written(tmp_path, scene):
    faces = [scene(20, 20, seed) for seed in range(3)]
    with Spool(tmp_path) as spool:
        places = [spool.add(face) for face in faces]
        names = ["train/0.png", "train/1.png", "val/2.png"]
        members = [(name, spool.read(place)) for name, place in zip(names, places, strict=True)]
    write_archive(tmp_path / "faces.zip", members, {"about": "é"})
    train = list_images(f"{tmp_path / 'faces.zip'}:train")
    assert all(np.array_equal(p.read(), face) for p, face in zip(train, faces[:2], strict=True))
    [validation] = list_images(f"{tmp_path / 'faces.zip'}:val")
    assert np.array_equal(validation.read(), faces[2])
    with zipfile.ZipFile(tmp_path / "faces.zip") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert json.loads(archive.read("manifest.json")) == {"about": "é"}
    assert [path.name for path in tmp_path.iterdir()] == ["faces.zip"]


def test_a_name_that_is_not_utf_8_is_kept_in_the_manifest(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    write_archive(tmp_path / "faces.zip", [], {"name": name})
    with zipfile.ZipFile(tmp_path / "faces.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert os.fsencode(manifest["name"]) == b"caf\xe9.jpg"


def test_a_spool_that_cannot_be_opened_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        Spool(tmp_path / "nowhere")
