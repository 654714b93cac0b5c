import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.image_sources import list_images
from srgan_gp.metrics import memorisation
from srgan_gp.metrics.memorisation import (
    ALARM,
    describe_layouts,
    memorisation_ratio,
    nearest_distances,
)

SHARED = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[3] / "shared"))


def spaced(count, offset):
    """Place points 10 apart on an axis of the space of layouts, moved sideways."""
    points = np.zeros((count, 192))
    points[:, 0] = 10 * np.arange(count)
    points[:, 1] = offset
    return points


def test_a_layout_is_the_mean_over_blocks_without_colour_and_contrast(rng):
    image = rng.integers(0, 256, (40, 32, 3), np.uint8)
    means = image.reshape(8, 5, 8, 4, 3).mean((1, 3))
    means -= means.mean((0, 1))
    expected = means.ravel() / means.std()
    np.testing.assert_allclose(describe_layouts(image[None])[0], expected, atol=1e-5)


def test_colour_and_contrast_do_not_count(rng):
    image = rng.integers(0, 40, (1, 64, 64, 3), np.uint8)
    other = 3 * image + np.array([0, 50, 130], np.uint8)
    np.testing.assert_allclose(describe_layouts(other), describe_layouts(image), atol=1e-9)


def test_one_colour_has_the_layout_zero():
    assert not describe_layouts(np.full((2, 20, 20, 3), 77, np.uint8)).any()


def test_the_nearest_reference_is_found_and_a_copy_is_exactly_there(rng):
    references = rng.standard_normal((60, 7)) + 100  # far from 0, where squares lose digits
    points = np.concatenate([references[::-1], rng.standard_normal((30, 7)) + 100])
    pairs = np.linalg.norm(points[:, None] - references, axis=2)
    found = nearest_distances(points, references)
    np.testing.assert_allclose(found, pairs.min(1), rtol=1e-12)
    assert not found[:60].any()


def test_blocks_change_nothing(rng, monkeypatch):
    points, references = rng.standard_normal((2, 25, 4))
    whole = nearest_distances(points, references)
    monkeypatch.setattr(memorisation, "ROWS_AT_ONCE", 4)
    np.testing.assert_allclose(nearest_distances(points, references), whole, rtol=1e-12)


@pytest.mark.parametrize(("generated", "ratio"), [(0, 0), (1, 0.25), (2, 0.5), (4, 1), (5, 1.25)])
def test_the_ratio_is_that_of_the_medians(generated, ratio):
    found = memorisation_ratio(spaced(9, generated), spaced(20, 0), spaced(12, 4))
    assert found == pytest.approx(ratio)


def test_a_few_copies_do_not_change_the_median():
    generated = np.concatenate([spaced(4, 0), spaced(5, 4)])
    assert memorisation_ratio(generated, spaced(20, 0), spaced(12, 4)) == 1


@pytest.mark.parametrize("change", ["nothing", "noise", "blur", "mirror", "brighter"])
def test_a_generator_that_repeats_its_training_images_is_detected(rng, waves, change):
    images = waves(rng, 80)
    train, validation = describe_layouts(images), describe_layouts(waves(rng, 40))
    copies = {
        "nothing": images,
        "noise": (images + rng.normal(0, 8, images.shape)).clip(0, 255).astype(np.uint8),
        "blur": np.stack([cv2.GaussianBlur(image, (0, 0), 2) for image in images]),
        "mirror": images[:, :, ::-1],
        "brighter": images // 2 + 100,
    }
    ratio = memorisation_ratio(describe_layouts(copies[change]), train, validation)
    assert ratio < ALARM / 2
    assert (ratio < 1e-9) == (change in ("nothing", "mirror"))


def test_new_images_of_the_same_distribution_do_not_count_as_memorised(rng, waves):
    train, validation, new = (describe_layouts(waves(rng, count)) for count in (80, 40, 40))
    assert memorisation_ratio(new, train, validation) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("side", [64, 60, 100])
def test_mirrored_training_images_are_not_validation_images_at_any_size(rng, side):
    images, others = rng.integers(0, 256, (2, 9, side, side, 3), np.uint8)
    train, mirrored = describe_layouts(images), describe_layouts(images[:, :, ::-1])
    with pytest.raises(ValueError, match="half of the validation images"):
        memorisation_ratio(describe_layouts(others), train, mirrored)


def test_training_images_are_not_validation_images():
    with pytest.raises(ValueError, match="half of the validation images"):
        memorisation_ratio(spaced(3, 1), spaced(20, 0), spaced(12, 0))


def test_incompatible_sets_are_refused():
    with pytest.raises(ValueError, match="cannot compare"):
        nearest_distances(np.zeros((0, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="cannot compare"):
        nearest_distances(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="need layouts"):
        memorisation_ratio(np.zeros((2, 512)), np.zeros((2, 512)), np.ones((2, 512)))


@pytest.mark.shared
def test_copies_of_real_faces_are_distinguished_from_other_faces(rng):
    def read(name, numbers):
        files = list_images(SHARED / "data" / f"faces_loose64_{name}.zip")
        return read_faces([files[n] for n in rng.permutation(len(files))[:numbers]], 64)

    faces, validation = read("train-0", 1024), read("val", 512)
    noisy = (faces + rng.normal(0, 8, faces.shape)).clip(0, 255).astype(np.uint8)
    train, others = describe_layouts(faces), describe_layouts(validation)
    assert memorisation_ratio(describe_layouts(noisy), train, others) < 0.1
    assert memorisation_ratio(describe_layouts(np.roll(faces, 2, 2)), train, others) < ALARM
    first, second = others[::2], others[1::2]
    assert memorisation_ratio(first, train, second) == pytest.approx(1, abs=0.1)
