import numpy as np
import pytest
from torch import nn

from srgan_gp.losses.features import Features
from srgan_gp.metrics import feature_distances
from srgan_gp.metrics.feature_distances import frechet_distance, kernel_distance, pooled_features


@pytest.fixture
def points(rng):
    return rng.standard_normal((300, 8))


@pytest.fixture(scope="module")
def colour_features():
    """A network whose only map is the normalised colour."""
    return Features(nn.Sequential(nn.Identity()), (0,), 1)


def with_moments(points, deviations, mean):
    """Normalise points to exactly these standard deviations, no correlation, and this mean."""
    left, _, _ = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return left * np.sqrt(len(points) - 1) * deviations + mean


def test_a_shift_is_its_squared_length_away(points, rng):
    shift = rng.standard_normal(8)
    assert frechet_distance(points + shift, points) == pytest.approx(np.square(shift).sum())


def test_widths_differ_by_the_squared_difference_of_the_deviations(points, rng):
    one, other = rng.uniform(0.5, 3, (2, 8))
    wide, narrow = with_moments(points, one, 4.0), with_moments(points[:200], other, 6.0)
    expected = np.square(one - other).sum() + 8 * 2.0**2
    assert frechet_distance(wide, narrow) == pytest.approx(expected)


def test_covariances_that_do_not_commute_agree_with_the_eigenvalues_of_their_product(rng):
    one = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6))
    other = rng.standard_normal((60, 6)) @ rng.standard_normal((6, 6))
    first, second = np.cov(one.T), np.cov(other.T)
    root = np.sqrt(np.linalg.eigvals(first @ second).real).sum()
    shift = np.square(one.mean(0) - other.mean(0)).sum()
    expected = shift + np.trace(first + second) - 2 * root
    assert frechet_distance(one, other) == pytest.approx(expected)


def test_fewer_points_than_dimensions_still_have_a_distance(rng):
    points = rng.standard_normal((5, 40))
    assert frechet_distance(points, points) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(points + 1, points) == pytest.approx(40)


def test_a_set_against_itself_is_zero(points):
    assert frechet_distance(points, points[::-1]) == pytest.approx(0, abs=1e-9)
    # Unbiased: the diagonal is skipped on one side only, so it comes out below 0.
    size = points.shape[1]
    kernel = (points @ points.T / size + 1) ** 3
    expected = 2 * ((kernel.sum() - np.trace(kernel)) / (300 * 299) - kernel.mean())
    assert kernel_distance(points, points) == pytest.approx(expected)
    assert expected < 0


def test_the_kernel_distance_of_constants_is_the_squared_distance_in_the_kernels_space():
    ones, zeros = np.ones((4, 5)), np.zeros((3, 5))
    assert kernel_distance(ones, zeros) == pytest.approx(2**3 + 1 - 2)  # k(x, x) + k(y, y) - 2k


def test_the_kernel_distance_of_one_distribution_is_zero_on_average(rng):
    found = [kernel_distance(*rng.standard_normal((2, 12, 4))) for _ in range(2000)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    # The biased estimate, with the diagonal, would be well above.
    assert np.mean(found) < 0.05


def test_a_shift_raises_the_kernel_distance_to_its_closed_form(rng):
    shift = np.array([1.5, 0, 0, 0])
    points, others = rng.standard_normal((2, 3000, 4))
    # With D = 4, s = x.y / D of independent x, y: E s = |m|^2 / D within the shifted set and 0
    # between; E s^2 = (D + 2 |m|^2 + |m|^4) / D^2, and (D + |m|^2) / D^2 between;
    # E s^3 = (3 |m|^2 (D + 2) + 6 |m|^4 + |m|^6) / D^3 within, 0 between.
    d, m = 4, 1.5**2
    within = 1 + 3 * m / d + 3 * (d + 2 * m + m**2) / d**2
    within += (3 * m * (d + 2) + 6 * m**2 + m**3) / d**3
    alone, between = 1 + 3 / d, 1 + 3 * (d + m) / d**2
    found = kernel_distance(points + shift, others)
    assert found == pytest.approx(within + alone - 2 * between, rel=0.05)


def test_blocks_change_nothing(points, monkeypatch):
    whole = kernel_distance(points, points[:100] + 1)
    monkeypatch.setattr(feature_distances, "BLOCK", 7)
    assert kernel_distance(points, points[:100] + 1) == pytest.approx(whole, rel=1e-12)


def test_sets_may_change_sides_and_rows(points, rng):
    others = 2 * points[:120] + 1
    for distance in (frechet_distance, kernel_distance):
        found = distance(points, others)
        assert distance(rng.permutation(others), points) == pytest.approx(found)


def test_a_flat_image_is_its_normalised_colour_of_unit_mean_square(colour_features):
    colours = np.array([[255, 0, 0], [10, 200, 90]], np.uint8)
    flat = np.broadcast_to(colours[:, None, None], (2, 20, 20, 3)).copy()
    values = (colours / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = values / np.sqrt(np.square(values).mean(1, keepdims=True))
    found = pooled_features(colour_features, flat)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_batches_and_sizes_change_nothing(colour_features, rng, monkeypatch):
    small = rng.integers(0, 256, (5, 4, 4, 3), np.uint8)
    whole = pooled_features(colour_features, small)
    assert whole.shape == (5, 3)
    monkeypatch.setattr(feature_distances, "BATCH", 2)
    np.testing.assert_allclose(pooled_features(colour_features, small), whole, rtol=1e-6)
    halves = np.where(np.arange(128) < 64, 40, 220).astype(np.uint8)
    image = np.broadcast_to(halves[None, :, None], (1, 128, 128, 3)).copy()
    larger = image.repeat(2, 1).repeat(2, 2)
    one, other = (pooled_features(colour_features, p) for p in (image, larger))
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_invalid_or_too_small_sets_are_refused(colour_features, points):
    with pytest.raises(ValueError, match="got float64"):
        pooled_features(colour_features, np.zeros((2, 8, 8, 3)))
    with pytest.raises(ValueError, match="need uint8 images"):
        pooled_features(colour_features, np.zeros((0, 8, 8, 3), np.uint8))
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(ValueError, match=r"cannot compare \(1, 8\)"):
            distance(points[:1], points)
        with pytest.raises(ValueError, match="cannot compare"):
            distance(points, points[:, :7])
