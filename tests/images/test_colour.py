import numpy as np
import pytest

from srgan_gp.images.colour import flatten_on_white, to_depth, unpremultiply


def test_8_bits_to_16_and_back_is_exact():
    levels = np.arange(256, dtype=np.uint8)
    wide = to_depth(levels, np.uint16)
    assert (wide[0], wide[255]) == (0, 65535)
    np.testing.assert_array_equal(wide, levels.astype(int) * 65535 // 255)
    np.testing.assert_array_equal(to_depth(wide, np.uint8), levels)


def test_16_bits_are_rounded_to_the_nearest_of_8():
    levels = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_depth(levels, np.uint8), np.rint(levels / 257))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_to_floats_and_back_is_exact(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    floats = to_depth(levels, np.float32)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (0, 1)
    np.testing.assert_array_equal(to_depth(floats, dtype), levels)


def test_floats_outside_0_to_1_are_clipped():
    np.testing.assert_array_equal(to_depth(np.float32([-1, 2]), np.uint8), [0, 255])


def test_the_same_depth_returns_the_same_array():
    values = np.zeros(3, np.uint16)
    assert to_depth(values, np.uint16) is values


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_compositing_over_white_follows_the_formula(rng, dtype):
    full = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (rng.random((20, 20, 3)) * full).astype(dtype)
    alpha = (rng.random((20, 20)) * full).astype(dtype)
    alpha[0], alpha[1] = 0, full
    pixels[2], alpha[2] = full, full
    share = alpha[..., np.newaxis].astype(np.float64) / full
    expected = pixels * share + full * (1 - share)
    flat = flatten_on_white(pixels, alpha)
    assert flat.dtype == dtype
    assert np.abs(flat - expected).max() <= (1e-6 if full == 1.0 else 0.5)
    assert (flat[0] == full).all()  # white only
    np.testing.assert_array_equal(flat[1], pixels[1])  # the image only


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_premultiplied_colours_are_recovered(rng, dtype):
    full = np.iinfo(dtype).max
    pixels = rng.integers(0, full, (20, 20, 3), dtype, endpoint=True)
    alpha = np.full((20, 20), full // 2 + 1, dtype)
    premultiplied = np.rint(pixels.astype(np.float64) * alpha[..., np.newaxis] / full).astype(dtype)
    difference = unpremultiply(premultiplied, alpha).astype(int) - pixels
    assert np.abs(difference).max() <= 1  # half a level, doubled
    assert (unpremultiply(premultiplied, np.zeros_like(alpha)) == 0).all()
