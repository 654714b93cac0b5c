import io

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture, encode_image, read_image
from srgan_gp.serving.jobs.job_requests import UpscaleRequest
from srgan_gp.serving.jobs.loaded_models import LoadedModels
from srgan_gp.serving.jobs.model_speeds import ModelSpeeds
from srgan_gp.serving.jobs.regions import add_margin, region_in_result, region_of

TIMEOUT = 60  # seconds, for slow machines


@pytest.fixture
def picture(rng):
    """Return an image of 90 x 80 pixels."""
    pixels = rng.integers(0, 256, (80, 90, 3), np.uint8)
    return Picture(pixels, rng.integers(0, 256, (80, 90), np.uint8))


@pytest.fixture
def upload(picture, tmp_path):
    with (tmp_path / "upload.png").open("wb") as file:
        encode_image(picture, file, format="png")
    return tmp_path / "upload.png"


@pytest.mark.parametrize(
    ("requested", "region"),
    [
        (None, (0, 0, 90, 80)),
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        (100, (0, 0, 90, 80)),
        ((-10, -10, 30, 40), (0, 0, 20, 30)),
        ((80, 70, 100, 100), (80, 70, 10, 10)),
    ],
)
def test_region_is_clipped_to_the_image(picture, requested, region):
    assert region_of(picture, requested) == region


def test_a_square_lies_around_the_details(rng):
    pixels = np.full((80, 90, 3), 128, np.uint8)
    pixels[50:60, 70:80] = rng.integers(0, 256, (10, 10, 3), np.uint8)
    assert region_of(Picture(pixels), 20) == (65, 45, 20, 20)
    pixels[50:60, 70:80] = 128
    pixels[:10, :10] = rng.integers(0, 256, (10, 10, 3), np.uint8)
    assert region_of(Picture(pixels), 20) == (0, 0, 20, 20), "moved into the image"


@pytest.mark.parametrize("requested", [(90, 0, 5, 5), (0, 80, 5, 5), (-5, 0, 5, 5), (0, 0, 0, 5),
                                   (10, 10, -5, 5)])  # fmt: skip
def test_region_outside_of_the_image_is_refused(picture, requested):
    with pytest.raises(PictureError, match="outside") as raised:
        region_of(picture, requested)
    assert raised.value.code == "E_NO_PIXELS"


def test_margin_is_clipped_and_region_is_mapped_to_the_result(picture):
    region = (40, 10, 20, 30)
    outer = add_margin(picture, region)
    assert outer == (8, 0, 82, 72)
    result = Picture(np.zeros((144, 164, 3), np.uint8))
    assert region_in_result(region, outer, result) == (64, 20, 40, 60)


def test_mapped_region_lies_inside_the_result(rng):
    for scale in (0.1, 0.6, 1.3, 2.5):
        for _ in range(200):
            width, height = rng.integers(10, 120, 2).tolist()
            picture = Picture(np.zeros((height, width, 1), np.uint8))
            region = (*rng.integers(0, (width - 9, height - 9)).tolist(), 9, 9)
            outer = add_margin(picture, region)
            size = round(outer[3] * scale), round(outer[2] * scale), 1
            left, top, *lengths = region_in_result(region, outer, Picture(np.zeros(size, np.uint8)))
            assert min(left, top) >= 0
            assert left + lengths[0] <= size[1] and top + lengths[1] <= size[0]


@pytest.mark.parametrize("scale", [None, 1])
def test_result_of_a_region_equals_that_part_of_the_whole_result(real_service, upload, scale):
    left, top, width, height = region = (40, 30, 12, 10)
    fields = {"data": upload, "name": "a.png", "scale": scale, "needs_viewer_tiles": True}
    whole, part = (
        read_image(
            real_service.submit("a", UpscaleRequest(**fields, region=one)).wait(TIMEOUT).path
        )
        for one in (None, region)
    )
    s = scale or 2
    rows, columns = slice(top * s, (top + height) * s), slice(left * s, (left + width) * s)
    np.testing.assert_array_equal(part.pixels, whole.pixels[rows, columns])
    np.testing.assert_array_equal(part.alpha, whole.alpha[rows, columns])


@pytest.mark.parametrize(("precision", "key"), [("auto", "tiny"), ("int8", "tiny int8")])
def test_speed_is_recorded_by_mode_for_all_pixels_that_the_network_computes(
    real_service, upload, monkeypatch, precision, key
):
    recorded = []
    monkeypatch.setattr(ModelSpeeds, "record", lambda _, *values: recorded.append(values[:2]))
    without_precision = LoadedModels.upscaler

    def upscaler(self, name, fidelity, cancellation, _precision="auto", _faces=None):
        return without_precision(self, name, fidelity, cancellation)  # it has no int8 network

    monkeypatch.setattr(LoadedModels, "upscaler", upscaler)
    request = UpscaleRequest(upload, "a.png", region=(40, 10, 20, 30), precision=precision)
    real_service.submit("a", request).wait(TIMEOUT)
    assert recorded == [(key, 82 * 72)]


def test_view_of_a_region_shows_input_and_result(real_service, upload, picture):
    request = UpscaleRequest(upload, "a.png", scale=1, region=(5, 6, 7, 8), needs_viewer_tiles=True)
    result = real_service.submit("a", request).wait(TIMEOUT)
    before, after = (
        np.asarray(Image.open(io.BytesIO(result.view.tile(layer, 0, 0, 0))))
        for layer in ("before", "after")
    )
    np.testing.assert_array_equal(before[..., :3], picture.pixels[6:14, 5:12])
    np.testing.assert_array_equal(after[..., :3], read_image(result.path).pixels)
    assert result.report["region"] == (5, 6, 7, 8)
    assert (result.report["size"], result.report["result_size"]) == ((7, 8), (7, 8))
