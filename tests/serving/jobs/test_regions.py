import numpy as np
import pytest

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture, encode_image, read_image
from srgan_gp.serving.jobs.job_requests import UpscaleRequest
from srgan_gp.serving.jobs.regions import enlarged_region, region_of, with_margin

SOON = 60  # seconds; a busy machine is slow


@pytest.fixture
def picture(rng):
    """A picture of 90 x 80 pixels, with a region far from its sides."""
    pixels = rng.integers(0, 256, (80, 90, 3), np.uint8)
    return Picture(pixels, rng.integers(0, 256, (80, 90), np.uint8))


@pytest.fixture
def upload(picture, tmp_path):
    with (tmp_path / "upload.png").open("wb") as file:
        encode_image(picture, file, format="png")
    return tmp_path / "upload.png"


@pytest.mark.parametrize(
    ("asked", "region"),
    [
        (None, (0, 0, 90, 80)),
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        (20, (35, 30, 20, 20)),
        (85, (2, 0, 85, 80)),
        ((-10, -10, 30, 40), (0, 0, 20, 30)),
        ((80, 70, 100, 100), (80, 70, 10, 10)),
    ],
)
def test_a_region_is_cut_off_at_the_sides_of_the_picture(picture, asked, region):
    assert region_of(picture, asked) == region


@pytest.mark.parametrize("asked", [(90, 0, 5, 5), (0, 80, 5, 5), (-5, 0, 5, 5), (0, 0, 0, 5),
                                   (10, 10, -5, 5)])  # fmt: skip
def test_a_region_outside_of_the_picture_is_refused(picture, asked):
    with pytest.raises(PictureError, match="outside") as raised:
        region_of(picture, asked)
    assert raised.value.code == "E_NO_PIXELS"


def test_the_margin_ends_at_the_sides_and_the_region_is_found_again(picture):
    region = (40, 10, 20, 30)
    around = with_margin(picture, region)
    assert around == (8, 0, 82, 72)
    result = Picture(np.zeros((144, 164, 3), np.uint8))
    assert enlarged_region(region, around, result) == (64, 20, 40, 60)


def test_a_region_never_reaches_out_of_the_result(rng):
    for scale in (0.1, 0.6, 1.3, 2.5):
        for _ in range(200):
            width, height = rng.integers(10, 120, 2).tolist()
            picture = Picture(np.zeros((height, width, 1), np.uint8))
            asked = (*rng.integers(0, (width - 9, height - 9)).tolist(), 9, 9)
            around = with_margin(picture, asked)
            size = round(around[3] * scale), round(around[2] * scale), 1
            left, top, *lengths = enlarged_region(asked, around, Picture(np.zeros(size, np.uint8)))
            assert min(left, top) >= 0
            assert left + lengths[0] <= size[1] and top + lengths[1] <= size[0]


@pytest.mark.parametrize("scale", [None, 1])
def test_the_result_of_a_region_is_that_part_of_the_whole_result(real_service, upload, scale):
    left, top, width, height = region = (40, 30, 12, 10)
    wanted = {"data": upload, "name": "a.png", "scale": scale, "wants_view": True}
    whole, part = (
        read_image(real_service.submit("a", UpscaleRequest(**wanted, region=one)).wait(SOON).path)
        for one in (None, region)
    )
    s = scale or 2
    rows, columns = slice(top * s, (top + height) * s), slice(left * s, (left + width) * s)
    np.testing.assert_array_equal(part.pixels, whole.pixels[rows, columns])
    np.testing.assert_array_equal(part.alpha, whole.alpha[rows, columns])


def test_the_view_of_a_region_shows_it_before_and_after(real_service, upload, picture):
    request = UpscaleRequest(upload, "a.png", scale=1, region=(5, 6, 7, 8), wants_view=True)
    result = real_service.submit("a", request).wait(SOON)
    before, after = map(read_image, result.view)
    np.testing.assert_array_equal(before.pixels, picture.pixels[6:14, 5:12])
    np.testing.assert_array_equal(after.pixels, read_image(result.path).pixels)
    assert (result.report["size"], result.report["result_size"]) == ((7, 8), (7, 8))
