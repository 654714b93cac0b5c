import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from srgan_gp.detection.face_alignment import (
    TEMPLATE,
    align,
    fit_transform,
    share_outside,
    square_side,
)


def placed(scale, degrees, shift):
    """Put the points of the template into a photo: turned, enlarged and moved."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * TEMPLATE @ turn.T + shift


@pytest.mark.parametrize(("scale", "degrees"), [(50, 0), (300, 25), (40, -70), (90, 180)])
def test_points_of_a_turned_template_come_back_to_it_exactly(scale, degrees):
    points = placed(scale, degrees, (31.0, -7.0))
    transform = fit_transform(points)
    assert points @ transform[:, :2].T + transform[:, 2] == pytest.approx(TEMPLATE, abs=1e-9)
    assert square_side(transform) == pytest.approx(scale)


def test_the_transform_is_the_least_squares_similarity(rng):
    points = placed(120, 12, (50.0, 60.0)) + rng.normal(0, 4, (5, 2))
    expected = SimilarityTransform.from_estimate(points, TEMPLATE)
    assert fit_transform(points) == pytest.approx(expected.params[:2], abs=1e-9)


def test_a_square_equal_to_the_photo_gives_its_pixels(scene):
    photo = scene(48, 48)
    transform = np.array([[1 / 48, 0, 0.5 / 48], [0, 1 / 48, 0.5 / 48]])
    assert np.array_equal(align(photo, transform, 48), photo)
    assert share_outside(transform, 48, 48) == pytest.approx(0, abs=1e-6)


def test_a_side_that_is_larger_by_rounding_is_not_resampled(scene):
    photo, scale = scene(48, 48), (1 - 1e-12) / 48
    transform = np.array([[scale, 0, 0.5 / 48], [0, scale, 0.5 / 48]])
    assert square_side(transform) > 48
    assert np.array_equal(align(photo, transform, 48), photo)


def test_a_square_in_the_photo_is_cut_out_of_it(scene):
    photo = scene(90, 120)
    transform = np.array([[1 / 32, 0, (0.5 - 50) / 32], [0, 1 / 32, (0.5 - 20) / 32]])
    assert np.array_equal(align(photo, transform, 32), photo[20:52, 50:82])


def test_downscaled_faces_are_averaged():
    stripes = np.zeros((240, 240, 3), np.uint8)
    stripes[:, ::2] = 200  # one pixel wide: every value but their mean would be an alias
    transform = np.array([[1 / 240, 0, 0.5 / 240], [0, 1 / 240, 0.5 / 240]])
    inner = align(stripes, transform, 24)[2:-2, 2:-2]
    assert np.abs(inner.astype(int) - 100).max() <= 2


def test_a_turned_photo_gives_the_same_face(scene):
    photo = scene(160, 160)
    points = placed(100, 0, (30.0, 30.0))
    turned = np.ascontiguousarray(np.rot90(photo, -1))  # clockwise: x becomes height - 1 - y
    turned_points = np.stack([159 - points[:, 1], points[:, 0]], 1)
    first = align(photo, fit_transform(points), 64)
    second = align(turned, fit_transform(turned_points), 64)
    assert np.abs(first.astype(int) - second).max() <= 2


def test_half_a_square_beside_the_photo_is_half_outside_and_mirrored(scene):
    photo = scene(64, 64)
    transform = np.array([[1 / 64, 0, (0.5 + 32) / 64], [0, 1 / 64, 0.5 / 64]])
    assert share_outside(transform, 64, 64) == pytest.approx(0.5)
    square = align(photo, transform, 64)
    assert np.array_equal(square[:, 32:], photo[:, :32])
    assert np.array_equal(square[:, :32], photo[:, 32:0:-1])


def test_a_square_far_from_the_photo_is_outside_and_can_be_cropped(scene):
    transform = fit_transform(placed(40, 10, (900.0, -400.0)))
    assert share_outside(transform, 50, 60) == pytest.approx(1)
    assert align(scene(50, 60), transform, 16).shape == (16, 16, 3)


def test_a_face_at_the_far_end_of_a_very_wide_photo_is_cropped():
    photo = np.zeros((40, 40_000, 3), np.uint8)
    photo[:, 39_000:] = 255
    transform = fit_transform(placed(30, 0, (39_100.0, 5.0)))
    assert (align(photo, transform, 16) == 255).all()
