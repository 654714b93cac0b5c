import math

import numpy as np
import pytest
from skimage.filters import gaussian

from srgan_gp.metrics import patch_distance as distribution
from srgan_gp.metrics.patch_distance import (
    PATCHES,
    draw_patches,
    high_pass,
    mean_projected_distance,
    patch_distance,
)


def noise(rng, deviation=20.0, shape=(64, 48, 3)):
    return np.rint(rng.normal(128, deviation, shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def originals(rng):
    return [noise(rng, deviation) for deviation in (10, 15, 20, 25)]


def contrast(pixels, factor):
    """Scale whole numbers around 128; with a whole factor nothing is rounded."""
    return (128 + factor * (pixels.astype(int) - 128)).clip(0, 255).astype(np.uint8)


def test_a_set_against_itself_is_exactly_zero(originals):
    assert patch_distance(originals, originals) == 0


def test_the_high_pass_removes_constants_and_ramps():
    rows, columns = np.indices((20, 30))
    ramp = np.stack([3 * rows + 2 * columns, 5 * columns, 200 - rows], -1).astype(np.uint8)
    np.testing.assert_allclose(high_pass(ramp), 0, atol=1e-12)


def test_the_high_pass_keeps_a_checkerboard_whole():
    # The binomial kernel's response at the highest frequency is 0.
    board = np.where(np.indices((20, 30)).sum(0) % 2, 150, 50)[..., None].repeat(3, -1)
    np.testing.assert_allclose(high_pass(board.astype(np.uint8)), board[2:-2, 2:-2] - 100)


def test_the_high_pass_of_a_dot_is_the_dot_less_the_kernel():
    dot = np.zeros((9, 9, 3), np.uint8)
    dot[4, 4] = 255
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    expected = -255 * kernel
    expected[2, 2] += 255
    np.testing.assert_allclose(high_pass(dot)[..., 1], expected)


def test_patches_are_windows_of_the_high_pass(rng):
    pixels = noise(rng, shape=(13, 12, 3))  # 3 x 2 places, all of them drawn
    values = high_pass(pixels).astype(np.float32)
    windows = {values[y : y + 7, x : x + 7].tobytes() for y in range(3) for x in range(2)}
    patches = draw_patches(pixels)
    assert patches.shape == (PATCHES, 7, 7, 3)
    assert {patch.tobytes() for patch in patches} == windows


def test_shifted_points_are_as_far_apart_as_the_shift_projects(rng):
    points = rng.standard_normal((400, 30))
    shift = rng.standard_normal(30)
    # E|<u, m>| over the unit sphere of dimension d: |m| G(d / 2) / (sqrt(pi) G((d + 1) / 2)).
    mean = math.exp(math.lgamma(15) - math.lgamma(15.5)) / math.sqrt(math.pi)
    found = mean_projected_distance(points + shift, points)
    assert found == pytest.approx(np.linalg.norm(shift) * mean, rel=0.1)  # 512 directions: 3.3 %


def test_gaussians_of_two_widths_differ_by_the_difference_of_the_widths(rng):
    points, others = rng.standard_normal((2, 5000, 12))
    expected = (2.5 - 1) * math.sqrt(2 / math.pi)  # E|z| times the difference
    assert mean_projected_distance(2.5 * points, others) == pytest.approx(expected, rel=0.03)


def test_points_may_change_sides_and_places(rng):
    points, others = rng.standard_normal((2, 300, 8))
    found = mean_projected_distance(points, others)
    assert mean_projected_distance(others, points) == pytest.approx(found, rel=1e-12)
    assert mean_projected_distance(rng.permutation(points), others) == pytest.approx(
        found, rel=1e-12
    )


def test_twice_the_contrast_is_one_mean_deviation_away(rng):
    originals = [noise(rng) for _ in range(6)]  # high-pass of Gaussian noise: Gaussian
    outputs = [contrast(pixels, 2) for pixels in originals]
    expected = 1000 * math.sqrt(2 / math.pi)  # the outputs' own deviation would make it 0
    assert patch_distance(outputs, originals) == pytest.approx(expected, rel=0.03)


def test_contrast_in_units_of_the_originals_makes_the_measure_one_sided(originals):
    doubled = [contrast(pixels, 2) for pixels in originals]
    up, down = patch_distance(doubled, originals), patch_distance(originals, doubled)
    assert up == pytest.approx(2 * down, rel=0.02)


def test_blur_raises_it_and_more_blur_raises_it_more(originals):
    def blurred(sigma):
        return [
            np.rint(gaussian(p, sigma, channel_axis=-1, preserve_range=True)).astype(np.uint8)
            for p in originals
        ]

    little, much = (patch_distance(blurred(sigma), originals) for sigma in (0.4, 1.2))
    assert 20 < little < much


def test_added_noise_raises_it(rng, originals):
    noisy = [(p + rng.normal(0, 15, p.shape)).clip(0, 255).astype(np.uint8) for p in originals]
    assert patch_distance(noisy, originals) > 100


def test_a_flat_shift_of_colour_does_not_count(originals):
    brighter = [np.minimum(p, 245) + 10 for p in originals]
    assert patch_distance(brighter, [np.minimum(p, 245) for p in originals]) < 1e-3


def test_it_compares_the_sets_and_not_the_pairs(rng, originals):
    outputs = [contrast(pixels, 2) for pixels in originals]
    found = patch_distance(outputs, originals)
    assert patch_distance(outputs[::-1], originals) == pytest.approx(found, rel=1e-5)
    assert patch_distance(outputs, originals[2:] + originals[:2]) == pytest.approx(found, rel=1e-5)
    assert patch_distance(originals[::-1], originals) == pytest.approx(0, abs=1e-3)


def test_the_seed_decides_the_number(originals):
    outputs = [contrast(pixels, 2) for pixels in originals]
    assert patch_distance(outputs, originals, 3) == patch_distance(outputs, originals, 3)
    assert patch_distance(outputs, originals, 3) != patch_distance(outputs, originals, 4)


def test_flat_originals_are_measured_in_levels(originals):
    flat = [np.full_like(pixels, 90) for pixels in originals]
    assert patch_distance(flat, flat) == 0
    assert np.isfinite(patch_distance(originals, flat))


def test_sets_of_different_sizes_and_small_images_are_refused(originals):
    with pytest.raises(ValueError, match="3 images with 4"):
        patch_distance(originals[:3], originals)
    with pytest.raises(ValueError, match="0 images"):
        patch_distance([], [])
    with pytest.raises(ValueError, match=f"at least {distribution.MIN_IMAGE_SIDE}"):
        draw_patches(originals[0][:10])
    with pytest.raises(ValueError, match="cannot compare"):
        mean_projected_distance(np.zeros((3, 2)), np.zeros((2, 2)))
