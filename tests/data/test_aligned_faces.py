import numpy as np
import pytest
from PIL import Image

from srgan_gp.data.aligned_faces import read_faces, shrink_face
from srgan_gp.data.image_sources import list_images
from srgan_gp.errors import UsageError


def test_a_face_of_the_size_is_not_changed(rng):
    face = rng.integers(0, 256, (9, 9, 3), np.uint8)
    assert shrink_face(face, 9, "a") is face


def test_a_larger_face_is_downscaled_without_aliasing():
    board = np.where(np.indices((32, 32)).sum(0) % 2, 200, 100).astype(np.uint8)
    left_dark = board // np.where(np.arange(32) < 16, 2, 1).astype(np.uint8)
    small = shrink_face(left_dark[..., None].repeat(3, -1), 8, "a")
    assert small.shape == (8, 8, 3)
    assert np.abs(small[:, [0, 1]].astype(int) - 75).max() <= 3  # the means, and no checkerboard
    assert np.abs(small[:, [6, 7]].astype(int) - 150).max() <= 3


def test_faces_of_several_sizes_become_one_array_in_order(tmp_path):
    for level, side in ((10, 8), (200, 16)):
        Image.new("RGB", (side, side), (level,) * 3).save(tmp_path / f"{level:03}.png")
    faces = read_faces(list_images(tmp_path), 8)
    assert (faces.shape, faces.dtype) == ((2, 8, 8, 3), np.uint8)
    assert [int(face[4, 4, 0]) for face in faces] == [10, 200]


def test_an_image_that_is_not_square_is_named(tmp_path):
    Image.new("RGB", (20, 10)).save(tmp_path / "wide.png")
    with pytest.raises(UsageError, match=r"wide\.png has 20 x 10 pixels. .* srgan-gp prepare"):
        read_faces(list_images(tmp_path), 8)
