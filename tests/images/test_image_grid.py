"""A grid of images of equal size."""

import numpy as np
import pytest

from srgan_gp.images.image_grid import join_in_grid


def test_images_are_placed_row_by_row():
    images = [np.full((2, 3, 3), number, np.uint8) for number in range(6)]
    grid = join_in_grid(images, columns=3, rows=2)
    assert (grid.shape, grid.dtype) == ((4, 9, 3), np.uint8)
    np.testing.assert_array_equal(grid[::2, ::3, 0], [[0, 1, 2], [3, 4, 5]])


def test_every_pixel_of_an_image_is_in_the_grid(rng):
    images = rng.integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)
    grid = join_in_grid(iter(images), columns=2, rows=2)
    np.testing.assert_array_equal(grid[5:, :7], images[2])
    np.testing.assert_array_equal(grid[:5, 7:], images[1])


@pytest.mark.parametrize("count", [0, 3, 5])
def test_another_number_of_images_is_an_error(count):
    with pytest.raises(ValueError, match=r"zip|shorter|longer"):
        join_in_grid([np.zeros((2, 2, 3))] * count, columns=2, rows=2)


@pytest.mark.parametrize("shape", [(3, 2, 3), (1, 2, 3), (1, 1, 3), (2, 2, 1)])
def test_images_of_two_sizes_are_an_error(shape):
    with pytest.raises(ValueError, match="equal shapes"):
        join_in_grid([np.zeros((2, 2, 3)), np.zeros(shape)], columns=1, rows=2)


def test_an_empty_grid_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        join_in_grid([], columns=0, rows=3)
