"""Large images: temporary files and bands, tested with limits so low that tiny images count."""

import numpy as np
import pytest

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture, mapped_arrays
from srgan_gp.inference.tiling import alpha as alpha_module
from srgan_gp.inference.tiling import lanczos
from srgan_gp.inference.upscaler import Upscaler


@pytest.fixture
def tiny_limit(monkeypatch):
    """Return a function after whose call every image of more than 200 bytes counts as large."""

    def lower():
        monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 200)
        monkeypatch.setattr(lanczos, "BAND_VALUES", 100)
        monkeypatch.setattr(alpha_module, "BAND_PIXELS", 100)

    return lower


def random_picture(rng, dtype, channels):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    values = (rng.random((23, 31, channels)) * top).astype(dtype)
    if channels in (1, 3):
        return Picture(values)
    values[:9, :12, -1], values[15:, :, -1] = 0, top
    return Picture(values[..., :-1], alpha=values[..., -1])


@pytest.mark.parametrize("scale", [None, 1.5, 3])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_large_image_gives_the_same_result_as_a_small_one(
    tiny_model, tiny_limit, rng, tmp_path, dtype, channels, scale
):
    picture = random_picture(rng, dtype, channels)
    upscaler = Upscaler.load(tiny_model(), device="cpu")
    small = upscaler.upscale_picture(picture, scale=scale, tile=8)
    tiny_limit()
    large = upscaler.upscale_picture(picture, scale=scale, tile=8, scratch_folder=tmp_path)
    assert small.pixels.flags.owndata
    assert not large.pixels.flags.owndata
    # Resampling in two steps may round float32 differently.
    tolerance = 1e-6 * (scale is not None and dtype == np.float32)
    np.testing.assert_allclose(large.pixels, small.pixels, rtol=0, atol=tolerance)
    if picture.alpha is not None:
        np.testing.assert_allclose(large.alpha, small.alpha, rtol=0, atol=tolerance)


def test_constant_alpha_of_a_large_image(tiny_limit, fake_session, rng):
    tiny_limit()
    pixels = random_picture(rng, np.uint8, 3).pixels
    alpha = np.full(pixels.shape[:2], 93, np.uint8)
    result = Upscaler(fake_session()).upscale_picture(Picture(pixels, alpha=alpha))
    assert result.alpha.shape == result.pixels.shape[:2]
    assert (result.alpha == 93).all()


def test_a_full_disk_is_one_message(tiny_limit, fake_session, rng, monkeypatch):
    tiny_limit()
    monkeypatch.setattr(mapped_arrays.tempfile, "gettempdir", lambda: "/nowhere")
    with pytest.raises(PictureError, match="no room in /nowhere") as caught:
        Upscaler(fake_session()).upscale_picture(random_picture(rng, np.uint8, 3))
    assert caught.value.code == "E_DISK_FULL"


class OutOfMemory:
    """Doubles images, and raises MemoryError at the given calls."""

    def __init__(self, *calls):
        self.calls, self.count = calls, 0

    def __call__(self, images):
        self.count += 1
        if self.count in self.calls:
            raise MemoryError
        return images.repeat(2, axis=2).repeat(2, axis=3) * np.float32(0.9)


@pytest.mark.parametrize("scale", [None, 1.5])
def test_running_out_of_memory_at_any_tile_of_colour_or_alpha_changes_no_bit(
    fake_session, rng, scale
):
    picture = random_picture(rng, np.uint8, 4)

    def upscale(*calls):
        upscaler = Upscaler(fake_session(OutOfMemory(*calls)))
        return upscaler.upscale_picture(picture, scale=scale, tile=8), upscaler.report

    whole, report = upscale()
    assert report.tiles == 2 * 3 * 4
    single = [(call,) for call in range(1, report.tiles + 1)]
    for calls in (*single, (1, 2, 3), (9, 10), (16, 17)):
        result, report = upscale(*calls)
        assert "memory ran out" in report.warnings[-1]
        np.testing.assert_array_equal(result.pixels, whole.pixels)
        np.testing.assert_array_equal(result.alpha, whole.alpha)


@pytest.mark.parametrize("call", [1, 13, 24])
def test_one_value_that_is_not_finite_is_detected_in_any_tile(fake_session, tiny_limit, rng, call):
    tiny_limit()
    network = OutOfMemory()

    def broken(images):
        result = network(images)
        if network.count == call:
            result[0, 2, -1, 0] = np.inf
        return result

    with pytest.raises(PictureError, match="not finite") as caught:
        Upscaler(fake_session(broken)).upscale_picture(random_picture(rng, np.uint8, 4), tile=8)
    assert caught.value.code == "E_MODEL_OUTPUT"
