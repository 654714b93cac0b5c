import numpy as np
import pytest

from srgan_gp.images import Picture, read_image
from srgan_gp.serving.results.comparison_images import MAX_SIDE, write_views


def flat(height, width, value, kind=np.uint8):
    return Picture(np.full((height, width, 3), value, kind))


@pytest.mark.parametrize(
    ("before", "after", "size"),
    [
        ((10, 20), (40, 80), (80, 40)),
        ((2, 1000), (8, 4000), (MAX_SIDE, 3)),
        ((1, 5000), (2, 10_000), (MAX_SIDE, 1)),
        ((4000, 10), (2000, 5), (4, MAX_SIDE)),
    ],
)
def test_views_have_equal_bounded_size_and_keep_flat_colours(tmp_path, before, after, size):
    paths = write_views(flat(*before, 10), flat(*after, 200), tmp_path)
    for path, value in zip(paths, (10, 200), strict=True):
        view = read_image(path)
        assert (view.width, view.height) == size
        assert (view.pixels == value).all()


def test_view_of_a_small_result_has_its_pixels(tmp_path, rng):
    after = Picture(
        rng.integers(0, 256, (8, 8, 3), np.uint8), rng.integers(0, 256, (8, 8), np.uint8)
    )
    _, path = write_views(flat(4, 4, 0), after, tmp_path)
    np.testing.assert_array_equal(read_image(path).pixels, after.pixels)
    np.testing.assert_array_equal(read_image(path).alpha, after.alpha)


@pytest.mark.parametrize(("kind", "value"), [(np.uint16, 200 * 257), (np.float32, 200 / 255)])
def test_views_of_16_bit_and_float_images_have_8_bits(tmp_path, kind, value):
    _, path = write_views(flat(4, 4, value, kind), flat(4, 9000, value, kind), tmp_path)
    view = read_image(path).pixels
    assert view.dtype == np.uint8
    assert np.abs(view.astype(int) - 200).max() == 0


def test_views_have_no_metadata(tmp_path):
    pixels = np.zeros((2, 2, 1), np.uint8)
    before = Picture(pixels, exif=b"MM\0*\0\0\0\x08\0\0\0\0\0\0", xmp=b"<x/>", dpi=(1.0, 1.0))
    path, _ = write_views(before, before, tmp_path)
    view = read_image(path)
    assert (view.exif, view.xmp, view.dpi, view.pixels.shape) == (None, None, None, (2, 2, 1))
