"""Pictures of one size on one sheet."""

import numpy as np
import pytest

from srgan_gp.images.image_grid import tiled


def test_pictures_are_laid_out_row_by_row():
    pictures = [np.full((2, 3, 3), number, np.uint8) for number in range(6)]
    sheet = tiled(pictures, columns=3, rows=2)
    assert (sheet.shape, sheet.dtype) == ((4, 9, 3), np.uint8)
    np.testing.assert_array_equal(sheet[::2, ::3, 0], [[0, 1, 2], [3, 4, 5]])


def test_every_pixel_of_a_picture_is_on_the_sheet(rng):
    pictures = rng.integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)
    sheet = tiled(iter(pictures), columns=2, rows=2)
    np.testing.assert_array_equal(sheet[5:, :7], pictures[2])
    np.testing.assert_array_equal(sheet[:5, 7:], pictures[1])


@pytest.mark.parametrize("count", [0, 3, 5])
def test_as_many_pictures_as_places_are_needed(count):
    with pytest.raises(ValueError, match=r"zip|shorter|longer"):
        tiled([np.zeros((2, 2, 3))] * count, columns=2, rows=2)


def test_pictures_of_two_sizes_are_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="broadcast"):
        tiled([np.zeros((2, 2, 3)), np.zeros((3, 2, 3))], columns=1, rows=2)


def test_a_sheet_without_places_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="at least one"):
        tiled([], columns=0, rows=3)
