import numpy as np
import pytest
from PIL import Image

from srgan_gp.images import mapped_arrays
from srgan_gp.inference.tiling import lanczos as resampling


def resample(plane, height, width):
    """Join the strips of the result."""
    result = np.full((height, width), np.nan, np.float32)
    for columns, part in resampling.resample(plane, height, width):
        result[:, slice(*columns)] = part
    return result


def test_resampling_keeps_a_flat_image_and_the_mean_of_a_ramp():
    flat = resample(np.full((8, 12), 0.7, np.float32), 5, 31)
    np.testing.assert_allclose(flat, 0.7, atol=1e-6)
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 64).repeat(16, axis=0)
    assert abs(resample(ramp, 8, 32).mean() - 0.5) < 1e-6


def test_downscaling_is_antialiased():
    stripes = np.tile(np.array([0, 1], np.float32), (16, 32))
    assert np.abs(resample(stripes, 4, 16) - 0.5).max() < 0.05


def test_resampling_keeps_more_than_8_bits():
    fine = np.linspace(0.5, 0.501, 400, dtype=np.float32).reshape(20, 20)
    assert len(np.unique(resample(fine, 10, 10))) > 50


@pytest.mark.parametrize("size", [(13, 60), (70, 11), (90, 131), (40, 7), (1, 1), (40, 50)])
@pytest.mark.parametrize("values", [1, 300, 10**6])
def test_bands_equal_one_resize_in_width_and_one_in_height(monkeypatch, rng, size, values):
    plane = rng.random((40, 50), dtype=np.float32)
    lanczos, height, width = Image.Resampling.LANCZOS, *size
    in_two_steps = Image.fromarray(plane).resize((width, 40), lanczos).resize(size[::-1], lanczos)
    at_once = resample(plane, height, width)
    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 100)
    monkeypatch.setattr(resampling, "BAND_VALUES", values)
    banded = resample(plane, height, width)
    np.testing.assert_array_equal(banded, np.asarray(in_two_steps))
    np.testing.assert_array_equal(banded, at_once)
