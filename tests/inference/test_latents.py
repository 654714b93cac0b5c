"""Random numbers of faces, and the arc from one to another."""

import numpy as np
import pytest

from srgan_gp.inference.latents import draw_latents, spherical_path


def angles(path):
    """Angles between neighbours, in radians."""
    unit = path.astype(float) / np.linalg.norm(path.astype(float), axis=1, keepdims=True)
    return np.arccos(np.clip((unit[1:] * unit[:-1]).sum(axis=1), -1, 1))


def test_the_latent_of_a_seed_is_numpys_own():
    expected = np.random.default_rng(7).standard_normal(128, dtype=np.float32)
    np.testing.assert_array_equal(draw_latents([7], 128)[0], expected)


def test_a_seed_has_the_same_latent_in_any_batch():
    batch = draw_latents([5, 3, 9, 3], 128)
    np.testing.assert_array_equal(batch[1], batch[3])
    np.testing.assert_array_equal(batch[1:2], draw_latents([3], 128))


def test_no_seeds_give_no_latents():
    assert draw_latents([], 128).shape == (0, 128)


def test_latents_are_standard_normal():
    latents = draw_latents(range(400), 128)
    # 51,200 draws: the standard errors of mean and deviation are 0.0044 and 0.0031.
    assert abs(latents.mean()) < 5 * 0.0044
    assert abs(latents.std() - 1) < 5 * 0.0031


def test_a_quarter_of_a_circle_is_gone_in_equal_angles():
    path = spherical_path(np.float32([2, 0]), np.float32([0, 2]), np.linspace(0, 1, 4))
    expected = 2 * np.array([[1, 0], [3**0.5 / 2, 0.5], [0.5, 3**0.5 / 2], [0, 1]])
    np.testing.assert_allclose(path, expected, atol=1e-7)


def test_the_ends_are_exact_and_the_steps_are_equal():
    first, second = draw_latents([1, 2], 128)
    path = spherical_path(first, second, np.linspace(0, 1, 9))
    np.testing.assert_array_equal(path[[0, -1]], [first, second])
    assert path.dtype == np.float32
    steps = angles(path)
    assert steps.max() < 1.2 * steps.min()  # equal but for the latents' lengths, which differ


def test_the_arc_keeps_the_length_that_a_straight_line_loses():
    first, second = (row / np.linalg.norm(row) for row in draw_latents([1, 2], 128))
    path = spherical_path(first, second, np.linspace(0, 1, 5))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, rtol=1e-6)
    assert np.linalg.norm((first + second) / 2) < 0.8


@pytest.mark.parametrize("factor", [1, 0.5, -1, 0])
def test_latents_on_one_line_are_joined_by_it(factor):
    first = draw_latents([1], 16)[0]
    path = spherical_path(first, np.float32(factor) * first, [0, 0.25, 1])
    expected = np.outer([1, 0.75 + 0.25 * factor, factor], first)
    np.testing.assert_allclose(path, expected, atol=1e-6)
