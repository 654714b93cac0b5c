import numpy as np
import pytest

from srgan_gp.inference.tiling import alpha as alpha_module
from srgan_gp.inference.tiling.alpha import fill_hidden_colours, keep_flat_alpha


@pytest.fixture
def sprite(rng):
    """Random colours, of which a disc is visible: pixels, alpha."""
    y, x = np.mgrid[:45, :38]
    alpha = np.where((y - 20) ** 2 + (x - 17) ** 2 < 100, 255, 0).astype(np.uint8)
    return rng.integers(0, 256, (45, 38, 3), dtype=np.uint8), alpha


def test_visible_pixels_are_kept_and_hidden_ones_have_no_effect(sprite, rng):
    pixels, alpha = sprite
    filled = fill_hidden_colours(pixels, alpha)
    other = np.where(alpha[..., None] > 0, pixels, rng.integers(0, 256, pixels.shape, np.uint8))
    np.testing.assert_array_equal(filled[alpha > 0], pixels[alpha > 0])
    np.testing.assert_array_equal(fill_hidden_colours(other, alpha), filled)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_single_visible_colour_fills_all_hidden_pixels(dtype):
    pixels = np.zeros((13, 21, 3), dtype)
    alpha = np.zeros((13, 21), dtype)
    pixels[4, 6] = np.array([200, 100, 50]) if dtype != np.float32 else [0.75, 0.5, 0.25]
    alpha[4, 6] = 1
    filled = fill_hidden_colours(pixels, alpha)
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled, np.broadcast_to(pixels[4, 6], pixels.shape))


def test_hidden_pixels_next_to_visible_ones_take_their_colour():
    pixels = np.zeros((9, 30, 1), np.uint8)
    pixels[:, :10], pixels[:, 20:] = 40, 240
    alpha = np.full((9, 30), 255, np.uint8)
    alpha[:, 10:20] = 0
    row = fill_hidden_colours(pixels, alpha)[4, :, 0]
    assert (row[10:14] == 40).all()
    assert (row[16:20] == 240).all()


@pytest.mark.parametrize("value", [0, 255])
def test_nothing_is_filled_if_all_or_no_pixels_are_visible(sprite, value):
    pixels, _ = sprite
    assert fill_hidden_colours(pixels, np.full(pixels.shape[:2], value, np.uint8)) is pixels


def keep_flat(alpha, upscaled):
    keep_flat_alpha(alpha, upscaled, (0, upscaled.shape[0]), (0, upscaled.shape[1]), upscaled.shape)
    return upscaled


@pytest.mark.parametrize(("dtype", "top"), [(np.float32, 1), (np.uint8, 255), (np.uint16, 65535)])
def test_flat_areas_of_alpha_stay_exactly_flat(dtype, top):
    alpha = np.zeros((10, 10), dtype)
    alpha[:, 5:] = top
    kept = keep_flat(alpha, np.full((30, 30), 0.4, np.float32))
    assert (kept[:, :12] == 0).all()
    assert (kept[:, 18:] == 1).all()
    assert (kept[:, 12:18] == np.float32(0.4)).all()


def test_flat_alpha_is_kept_at_any_size():
    kept = keep_flat(np.ones((7, 5), np.float32), np.zeros((3, 11), np.float32))
    assert (kept == 1).all()


@pytest.mark.parametrize("size", [(45 * 4, 38 * 4), (31, 77)])
def test_parts_of_alpha_are_kept_flat_as_the_whole(sprite, rng, size):
    _, alpha = sprite
    upscaled = rng.random(size, dtype=np.float32)
    whole = keep_flat(alpha, upscaled.copy())
    assert not (whole == upscaled).all()
    for rows in ((0, 7), (7, 8), (8, size[0])):
        for columns in ((0, 50), (50, size[1])):
            part = upscaled[slice(*rows), slice(*columns)]
            keep_flat_alpha(alpha, part, rows, columns, size)
    np.testing.assert_array_equal(upscaled, whole)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("rows", [2, 4, 22])
def test_bands_of_rows_do_not_change_the_fill(sprite, monkeypatch, dtype, rows):
    pixels, alpha = sprite[0].astype(dtype), sprite[1]
    whole = fill_hidden_colours(pixels, alpha)
    monkeypatch.setattr(alpha_module, "BAND_PIXELS", rows * pixels.shape[1])
    np.testing.assert_array_equal(fill_hidden_colours(pixels, alpha), whole)
