import cv2
import numpy as np
import pytest

from srgan_gp.data.face_preparation.face_quality import measure_blur, measure_turn


def points(nose_x, degrees=0.0):
    upright = np.array([(-20, 0), (20, 0), (nose_x, 25), (-15, 45), (15, 45)], np.float64)
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return upright @ rotation.T + (100, 80)


@pytest.mark.parametrize("degrees", [0, 30, -90])
@pytest.mark.parametrize(("nose_x", "expected"), [(0, 0), (10, 0.25), (-20, 0.5), (32, 0.8)])
def test_turn_is_how_far_the_nose_leaves_the_middle_of_the_eyes(nose_x, expected, degrees):
    assert measure_turn(points(nose_x, degrees)) == pytest.approx(expected)


def test_eyes_at_one_point_give_the_largest_turn():
    assert measure_turn(np.ones((5, 2))) == 10


def test_the_edge_of_a_step_measures_the_share_that_a_further_blur_keeps():
    step = np.zeros((60, 60, 3), np.uint8)
    step[:, 30:] += 90
    step[30:] += 90
    # Behind the filter against noise the rise of the step is a Gaussian. The gradient is the mean
    # of two neighbours; nine pixels blur it.
    rise = np.convolve(np.pad(cv2.getGaussianKernel(9, 1.0).ravel(), 20), (0.5, 0.5))
    blurred = np.convolve(rise, np.ones(9) / 9, "same")
    expected = 1 - np.maximum(rise - blurred, 0).sum()
    assert measure_blur(step) == pytest.approx(expected, abs=0.01)


def test_noise_does_not_make_a_blurred_image_sharp(scene, rng):
    image = cv2.GaussianBlur(scene(96, 96), (0, 0), 3)
    noisy = (image + rng.normal(0, 2, image.shape)).clip(0, 255).astype(np.uint8)
    assert measure_blur(noisy) > measure_blur(scene(96, 96)) + 0.1


def test_an_image_of_one_colour_is_blurred():
    assert measure_blur(np.full((20, 20, 3), 90, np.uint8)) == 1


def test_an_image_too_small_to_measure_is_blurred(rng):
    for side in (1, 2, 3):
        assert measure_blur(rng.integers(0, 256, (side, side, 3), np.uint8)) == 1


def test_more_blur_measures_more(scene):
    image = scene(96, 96)
    values = [measure_blur(cv2.GaussianBlur(image, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
    assert values == sorted(values)
    assert values[-1] - values[0] > 0.2


def test_contrast_and_brightness_do_not_count(scene):
    image = scene(96, 96)
    flat = (60 + (image - 40.0) / 2).round().astype(np.uint8)
    assert measure_blur(flat) == pytest.approx(measure_blur(image), abs=0.02)
