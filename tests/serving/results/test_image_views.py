"""Tiles of a view against the whole image."""

import io

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import OutputError
from srgan_gp.images import Picture
from srgan_gp.serving.results import image_views
from srgan_gp.serving.results.image_views import TILE, write_view


def random_picture(rng, width, height, channels=3, dtype=np.uint8, **fields):
    limit = 256 if dtype == np.uint8 else 65536
    pixels = rng.integers(0, limit, (height, width, channels)).astype(dtype)
    return Picture(pixels, **fields)


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def assembled(view, layer, level):
    """Put all tiles of a level together."""
    width, height = view.level_size(level)
    rows = []
    for row in range(-(-height // TILE)):
        columns = range(-(-width // TILE))
        rows.append(np.hstack([decoded(view.tile(layer, level, c, row)) for c in columns]))
    return np.vstack(rows)


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_of_level_0_are_the_pixels_of_the_result(rng, tmp_path, channels):
    before, after = (random_picture(rng, *s, channels) for s in ((140, 80), (1120, 640)))
    view = write_view(before, after, tmp_path)
    shown = assembled(view, "after", 0)
    assert np.array_equal(shown.reshape(after.pixels.shape), after.pixels)


def test_input_is_enlarged_as_pillow_enlarges_the_whole(rng, tmp_path):
    before, after = random_picture(rng, 333, 250), random_picture(rng, 1332, 1000)
    view = write_view(before, after, tmp_path)
    whole = Image.fromarray(before.pixels)
    enlarged = np.asarray(whole.resize((1332, 1000), Image.Resampling.BICUBIC))
    assert np.array_equal(assembled(view, "before", 0), enlarged)
    halved = np.asarray(whole.resize((666, 500), Image.Resampling.BICUBIC))
    assert np.array_equal(assembled(view, "before", 1), halved)


def test_levels_are_averages_and_end_at_the_size_of_a_tile(rng, tmp_path):
    before, after = random_picture(rng, 300, 200), random_picture(rng, 1201, 801)
    view = write_view(before, after, tmp_path)
    assert [view.level_size(level) for level in range(view.levels)] == [
        (1201, 801), (600, 400), (300, 200)]  # fmt: skip
    blocks = after.pixels[:800, :1200].reshape(400, 2, 600, 2, 3).mean((1, 3))
    assert np.array_equal(assembled(view, "after", 1), np.rint(blocks))
    assert view.level_size(view.levels - 1) == decoded(view.tile("before", 2, 0, 0)).shape[1::-1]


@pytest.mark.parametrize("place", [(0, 3, 0), (0, -1, 0), (0, 0, 2), (9, 0, 0), (-1, 0, 0)])
def test_there_are_no_tiles_outside_of_the_image(rng, tmp_path, place):
    view = write_view(random_picture(rng, 300, 200), random_picture(rng, 1200, 800), tmp_path)
    assert view.tile("after", *place) is view.tile("before", *place) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (513, 2)])
def test_extreme_shapes_have_all_levels(rng, tmp_path, size):
    view = write_view(random_picture(rng, 1, 1), random_picture(rng, *size), tmp_path)
    for level in range(view.levels):
        for layer in ("before", "after"):
            assert assembled(view, layer, level).shape[1::-1] == view.level_size(level)
    assert all(0 <= place <= side for place, side in zip(view.detail, size, strict=True))


def test_alpha_profile_and_16_bit(rng, tmp_path):
    alpha = rng.integers(0, 65536, (80, 90)).astype(np.uint16)
    after = random_picture(rng, 90, 80, 3, np.uint16, alpha=alpha, icc_profile=b"p" * 200)
    view = write_view(random_picture(rng, 45, 40), after, tmp_path)
    data = view.tile("after", 0, 0, 0)
    image = Image.open(io.BytesIO(data))
    assert (image.mode, image.info["icc_profile"]) == ("RGBA", b"p" * 200)
    assert np.abs(decoded(data)[..., 3] - alpha / 257.0).max() <= 0.5


def test_the_detail_is_where_the_structure_is(rng, tmp_path):
    pixels = np.full((800, 1000, 3), 90, np.uint8)
    pixels[600:700, 100:200] = rng.integers(0, 256, (100, 100, 3))
    view = write_view(random_picture(rng, 250, 200), Picture(pixels), tmp_path)
    assert 90 <= view.detail[0] <= 210 and 590 <= view.detail[1] <= 710


@pytest.mark.parametrize("channels", [1, 3])
def test_the_detail_is_one_of_the_colours_not_of_the_alpha(rng, tmp_path, channels):
    pixels = np.full((800, 1000, channels), 90, np.uint8)
    pixels[600:700, 100:200] = rng.integers(80, 101, (100, 100, 1))
    alpha = np.full((800, 1000), 255, np.uint8)
    alpha[100:200, 800:900] = rng.integers(0, 256, (100, 100))
    view = write_view(random_picture(rng, 250, 200), Picture(pixels, alpha), tmp_path)
    assert 90 <= view.detail[0] <= 210 and 590 <= view.detail[1] <= 710


def test_bands_bound_the_memory_and_change_nothing(rng, tmp_path, monkeypatch):
    before, after = random_picture(rng, 300, 200), random_picture(rng, 1200, 800)
    whole = write_view(before, after, tmp_path)
    monkeypatch.setattr(image_views, "_BAND_VALUES", 5000)
    (tmp_path / "again").mkdir()
    banded = write_view(before, after, tmp_path / "again")
    for path in whole.folder.iterdir():
        assert path.read_bytes() == (banded.folder / path.name).read_bytes(), path.name


def test_a_thumbnail_fits_and_keeps_the_aspect(rng, tmp_path):
    view = write_view(random_picture(rng, 300, 200), random_picture(rng, 1200, 800), tmp_path)
    assert decoded(view.thumbnail(120)).shape == (80, 120, 3)


def test_a_missing_directory_is_an_output_error(rng, tmp_path):
    picture = random_picture(rng, 4, 4)
    with pytest.raises(OutputError):
        write_view(picture, picture, tmp_path / "missing")
