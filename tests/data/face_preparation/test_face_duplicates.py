import cv2
import numpy as np
import pytest

from srgan_gp.data.face_preparation.face_duplicates import SeenImages


def seen(images):
    memory = SeenImages()
    for image in images:
        memory.add(image)
    return memory


def as_jpeg(image, quality):
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


CHANGES = {
    "itself": lambda p: p,
    "smaller": lambda p: cv2.resize(p, (70, 70), interpolation=cv2.INTER_AREA),
    "recompressed": lambda p: as_jpeg(p, 30),
    "darker": lambda p: (p * 0.6).astype(np.uint8),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "cropped": lambda p: p[4:124, 4:124],
    "grey": lambda p: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_duplicate_is_found(change, scene):
    soft = (cv2.GaussianBlur(scene(128, 128, seed), (0, 0), 6) for seed in range(3))
    images = [np.asarray(cv2.normalize(p, None, 20, 230, cv2.NORM_MINMAX)) for p in soft]
    assert seen(images).find(change(images[1])) == 1


def test_other_images_are_not_duplicates(scene):
    memory = seen(scene(128, 128, seed) for seed in range(70))  # more than the first table holds
    assert all(memory.find(scene(128, 128, seed)) is None for seed in range(100, 106))
    assert memory.find(scene(128, 128, 69)) == 69


def test_an_empty_index_has_no_duplicate(scene):
    assert SeenImages().find(scene(30, 30)) is None


def test_images_of_one_colour_are_accepted():
    plain = np.full((30, 30, 3), 80, np.uint8)
    assert seen([plain]).find(plain) is None
