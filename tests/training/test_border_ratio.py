import numpy as np
import pytest

from srgan_gp.training.border_ratio import border_contrast, border_ratio


def test_the_contrast_of_a_frame_is_its_height():
    images = np.full((3, 16, 16, 3), 100, np.uint8)
    assert border_contrast(images) == 0
    images[:, [0, -1]] = 140
    images[:, :, [0, -1]] = 140
    assert border_contrast(images) == 40


def test_each_side_counts_as_much_and_what_lies_further_in_does_not():
    images = np.full((1, 12, 12, 3), 100, np.uint8)
    images[:, 2:-2, 2:-2] = 0
    images[:, 1:-1, 0] = 60  # one of four sides
    assert border_contrast(images) == 10


def test_a_slope_is_measured_from_pixel_to_pixel():
    slope = np.broadcast_to(np.arange(0, 64, 4, dtype=np.uint8)[:, None], (16, 16))
    images = slope[None, ..., None].repeat(3, -1)
    assert border_contrast(images) == 2  # 4 at the top and bottom, 0 at the sides


def test_a_planted_frame_shows_in_the_ratio(rng):
    real = rng.integers(100, 111, (50, 32, 32, 3), dtype=np.uint8)
    others = rng.integers(100, 111, (50, 32, 32, 3), dtype=np.uint8)
    assert border_ratio(others, real) == pytest.approx(1, abs=0.05)
    framed = others.copy()
    for edge in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        framed[edge] = 200
    # Uniform integers of 0 to 10 differ by 40 / 11 on average; 200 - 105 is 95.
    assert border_ratio(framed, real) == pytest.approx(95 * 11 / 40, rel=0.05)


def test_without_contrast_in_the_real_images_there_is_no_ratio():
    flat = np.zeros((2, 8, 8, 3), np.uint8)
    assert border_ratio(flat, flat) is None


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (1, 2, 8, 3), (8, 8, 3)])
def test_images_without_two_rings_are_refused(shape):
    with pytest.raises(ValueError, match="at least 3"):
        border_contrast(np.zeros(shape, np.uint8))
