"""Latents of seeds, and spherical interpolation between two of them."""

import numpy as np
import pytest

from srgan_gp.inference.latents import check_latents, draw_latents, spherical_path


def angles(path):
    """Angles between successive latents, in radians."""
    unit = path.astype(float) / np.linalg.norm(path.astype(float), axis=1, keepdims=True)
    return np.arccos(np.clip((unit[1:] * unit[:-1]).sum(axis=1), -1, 1))


def test_the_latent_of_a_seed_equals_that_of_numpy():
    expected = np.random.default_rng(7).standard_normal(128, dtype=np.float32)
    np.testing.assert_array_equal(draw_latents([7], 128)[0], expected)


def test_the_latent_of_a_seed_does_not_depend_on_the_batch():
    batch = draw_latents([5, 3, 9, 3], 128)
    np.testing.assert_array_equal(batch[1], batch[3])
    np.testing.assert_array_equal(batch[1:2], draw_latents([3], 128))


def test_zero_seeds_give_an_empty_array():
    assert draw_latents([], 128).shape == (0, 128)


def test_latents_are_standard_normal():
    latents = draw_latents(range(400), 128)
    # 51,200 draws: the standard errors of mean and deviation are 0.0044 and 0.0031.
    assert abs(latents.mean()) < 5 * 0.0044
    assert abs(latents.std() - 1) < 5 * 0.0031


def test_a_quarter_of_a_circle_has_equal_angles():
    path = spherical_path(np.float32([2, 0]), np.float32([0, 2]), np.linspace(0, 1, 4))
    expected = 2 * np.array([[1, 0], [3**0.5 / 2, 0.5], [0.5, 3**0.5 / 2], [0, 1]])
    np.testing.assert_allclose(path, expected, atol=1e-7)


def test_the_ends_are_exact_and_the_steps_are_equal():
    first, second = draw_latents([1, 2], 128)
    path = spherical_path(first, second, np.linspace(0, 1, 9))
    np.testing.assert_array_equal(path[[0, -1]], [first, second])
    assert path.dtype == np.float32
    steps = angles(path)
    assert steps.max() < 1.2 * steps.min()  # not exactly equal, because the latents' lengths differ


def test_the_arc_keeps_the_length_unlike_a_straight_line():
    first, second = (row / np.linalg.norm(row) for row in draw_latents([1, 2], 128))
    path = spherical_path(first, second, np.linspace(0, 1, 5))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, rtol=1e-6)
    assert np.linalg.norm((first + second) / 2) < 0.8


@pytest.mark.parametrize("factor", [1, 0.5, -1, 0])
def test_parallel_latents_are_interpolated_linearly(factor):
    first = draw_latents([1], 16)[0]
    path = spherical_path(first, np.float32(factor) * first, [0, 0.25, 1])
    expected = np.outer([1, 0.75 + 0.25 * factor, factor], first)
    np.testing.assert_allclose(path, expected, atol=1e-6)


def test_the_advice_on_a_tensor_with_a_gradient_works():
    import torch

    latents = torch.zeros(1, 4, requires_grad=True)
    with pytest.raises(TypeError) as caught:
        check_latents(latents, 4)
    advice = str(caught.value).rpartition("; pass ")[2]
    assert advice == "latents.detach().numpy()"
    assert check_latents(eval(advice, {"latents": latents}), 4).shape == (1, 4)
