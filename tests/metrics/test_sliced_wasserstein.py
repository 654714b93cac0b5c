import math

import cv2
import numpy as np
import pytest

from srgan_gp.metrics.patch_distance import cut_patches, distance_of_patches
from srgan_gp.metrics.sliced_wasserstein import laplacian_pyramid, pyramid_distance


@pytest.fixture
def originals(rng):
    return np.rint(rng.normal(128, 20, (12, 64, 64, 3))).clip(0, 255).astype(np.uint8)


def restored(levels):
    """Add a pyramid up again."""
    values = levels[-1]
    for level in levels[-2::-1]:
        values = level + cv2.pyrUp(values, dstsize=level.shape[1::-1])
    return values


def test_the_levels_add_up_to_the_image(originals):
    levels = list(laplacian_pyramid(originals[0]))
    assert [level.shape for level in levels] == [(64, 64, 3), (32, 32, 3), (16, 16, 3)]
    np.testing.assert_allclose(restored(levels), originals[0], atol=1e-3)


def test_one_colour_is_in_the_last_level_alone():
    detail, rest = laplacian_pyramid(np.full((32, 32, 3), 70, np.uint8))
    np.testing.assert_allclose(detail, 0, atol=1e-4)
    np.testing.assert_allclose(rest, 70, atol=1e-4)


def test_a_set_against_itself_is_zero_at_every_level(originals):
    assert pyramid_distance(originals, originals) == {64: 0, 32: 0, 16: 0}
    mixed = pyramid_distance(originals[::-1], originals)
    assert max(mixed.values()) == pytest.approx(0, abs=1e-3)


def test_a_shift_of_colour_counts_at_the_last_level_alone_and_in_closed_form(originals):
    darker = np.minimum(originals, 215)
    found = pyramid_distance(darker + 40, darker)
    assert found[64] < 1e-2
    assert found[32] < 1e-2
    # Each value of a patch moves by 40 over its channel's deviation; seen along a random direction
    # that is the length of the move over sqrt(147), times sqrt(2 / pi) but for a hundredth.
    patches = [cut_patches(list(laplacian_pyramid(pixels))[-1], 64) for pixels in darker]
    moves = 40 / np.concatenate(patches).std((0, 1, 2))
    expected = 1000 * math.sqrt(np.square(moves).mean() * 2 / math.pi)
    assert found[16] == pytest.approx(expected, rel=0.1)  # 512 directions: 3.3 %


def test_twice_the_contrast_is_one_mean_deviation_away_at_each_level(originals):
    doubled = (128 + 2 * (originals.astype(int) - 128)).clip(0, 255).astype(np.uint8)
    found = pyramid_distance(doubled, originals)
    # The level's noise is not white, so that a direction sees more or less of it: within a tenth.
    for value in found.values():
        assert value == pytest.approx(1000 * math.sqrt(2 / math.pi), rel=0.1)


def test_detail_removed_at_one_scale_shows_at_that_scale(originals):
    blurred = np.stack([cv2.GaussianBlur(pixels, (0, 0), 1.0) for pixels in originals])
    found = pyramid_distance(blurred, originals)
    assert found[64] > 2 * found[16]


def test_the_levels_are_those_of_patches_of_the_pyramid(originals, monkeypatch):
    calls = []

    def count(outputs, others, seed):
        calls.append((len(outputs), outputs[0].shape, seed))
        return distance_of_patches(outputs, others, seed)

    monkeypatch.setattr("srgan_gp.metrics.sliced_wasserstein.distance_of_patches", count)
    pyramid_distance(originals[:2, :32, :32], originals[2:4, :32, :32], 5)
    assert calls == [(2, (64, 7, 7, 3), 5)] * 2


def test_sets_of_different_sizes_and_small_images_are_refused(originals):
    with pytest.raises(ValueError, match="cannot compare"):
        pyramid_distance(originals[:3], originals)
    with pytest.raises(ValueError, match="cannot compare"):
        pyramid_distance(originals[:0], originals[:0])
    with pytest.raises(ValueError, match="at least 16"):
        pyramid_distance(originals[:, :15], originals[:, :15])
