import numpy as np
import pytest

from srgan_gp.errors import PictureError
from srgan_gp.inference.pixel_values import check_pixels, quantise, to_pixels, to_planes


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_every_value_is_unchanged_after_a_round_trip(dtype, top):
    pixels = np.arange(top + 1, dtype=dtype).reshape(1, -1, 1)
    planes = to_planes(pixels)
    assert planes.shape == (1, 3, 1, top + 1)
    assert planes.max() == 1
    back = np.empty_like(pixels)
    to_pixels(planes[0, :1], back)
    np.testing.assert_array_equal(back, pixels)


def test_values_are_rounded_to_nearest_and_clipped():
    planes = np.array([[[-0.2, 0.4 / 255, 0.6 / 255, 99.51 / 255, 1.2]]], np.float32)
    np.testing.assert_array_equal(quantise(planes, np.dtype(np.uint8))[0, 0], [0, 0, 1, 100, 255])


def test_float_stays_float_and_is_clipped():
    planes = np.array([[[-0.2, 0.3, 1.2]]], np.float32)
    pixels = quantise(planes, np.dtype(np.float32))
    np.testing.assert_array_equal(pixels[0, 0], np.array([0, 0.3, 1], np.float32))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (4, 4, 4), (0, 4, 3), (4, 0, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        check_pixels(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.float64, np.int32, bool])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="uint8"):
        check_pixels(np.zeros((2, 2, 3), dtype))


@pytest.mark.parametrize("value", [-0.1, 1.1, 255])
def test_float_outside_0_to_1_is_refused(value):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        check_pixels(np.full((2, 2, 3), value, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_float_that_is_not_finite_is_a_picture_error(value):
    with pytest.raises(PictureError) as caught:
        check_pixels(np.full((2, 2, 3), value, np.float32))
    assert caught.value.code == "E_NOT_FINITE"
