"""Row-wise PNG and TIFF: other readers see the same pixels, for images of any size."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from srgan_gp.images import (
    Picture,
    encode_image,
    format_limits,
    mapped_arrays,
    read_image,
    write_image,
)
from srgan_gp.images.codecs import deflate, png_filters, row_encoding, tiff_writer

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY = SRGB[:16] + b"GRAY" + SRGB[20:]
DEPTHS = [np.uint8, np.uint16]


@pytest.fixture
def tiny_limit(monkeypatch):
    """Images of more than 200 bytes are large, and bands have few rows."""
    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 200)
    monkeypatch.setattr(row_encoding, "_BAND_BYTES", 200)
    monkeypatch.setattr(tiff_writer, "_STRIP_SIZE", 200)


def join_channels(picture):
    alpha = [] if picture.alpha is None else [picture.alpha[..., None]]
    return np.concatenate([picture.pixels, *alpha], axis=2)


def picture_of(rng, dtype, channels, height=37, width=29):
    """A smooth image with noise, in a mapped array if it is large."""
    y, x = np.mgrid[:height, :width]
    top = np.iinfo(dtype).max
    smooth = (np.sin(x / 9)[..., None] + np.cos(y / 7)[..., None] + 2) / 4 * 0.9
    values = (smooth + rng.random((height, width, channels)) * 0.1) * top
    colours = channels - (channels in (2, 4))
    pixels = mapped_arrays.empty((height, width, colours), dtype)
    pixels[:] = values[..., :colours].astype(dtype)
    if channels == colours:
        return Picture(pixels)
    alpha = mapped_arrays.empty((height, width), dtype)
    alpha[:] = values[..., -1].astype(dtype)
    return Picture(pixels, alpha=alpha)


def seen_by_opencv(data):
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    seen = seen[..., None] if seen.ndim == 2 else seen
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[seen.shape[2]]
    return seen[..., order]


def seen_by_pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        seen = np.asarray(image)
    return seen[..., None] if seen.ndim == 2 else seen


@pytest.mark.usefixtures("tiny_limit")
@pytest.mark.parametrize("name", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DEPTHS)
def test_pillow_and_opencv_read_every_level_of_a_large_image(rng, name, dtype, channels):
    picture = picture_of(rng, dtype, channels)
    file = io.BytesIO()
    assert encode_image(picture, file, format=name) == ()
    data, expected = file.getvalue(), join_channels(picture)
    if dtype == np.uint8 or channels == 1:  # Pillow reduces other images to 8 bits
        np.testing.assert_array_equal(seen_by_pillow(data), expected)
    if channels == 2:
        expected = expected[..., [0, 0, 0, 1]]
    if (dtype, name) != (np.uint8, "tiff") or channels in (1, 3):  # multiplied by alpha there
        np.testing.assert_array_equal(seen_by_opencv(data), expected)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    st.integers(1, 25), st.integers(1, 40), st.sampled_from([1, 3]), st.sampled_from(DEPTHS),
    st.sampled_from([1, 300, 10**6]),
)  # fmt: skip
def test_the_pixels_do_not_depend_on_the_bands(height, width, channels, dtype, band_bytes):
    picture = picture_of(np.random.default_rng(1), dtype, channels, height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_encoding, "_BAND_BYTES", band_bytes)
        patch.setattr(tiff_writer, "_STRIP_SIZE", band_bytes)
        for name in ("png", "tiff"):
            file = io.BytesIO()
            encode_image(picture, file, format=name)
            np.testing.assert_array_equal(seen_by_opencv(file.getvalue()), picture.pixels)


# Filters of PNG.


def unfiltered(data, width, step):
    """Invert the filters byte by byte, as chapter 9 of the PNG specification defines them."""
    above, result = [0] * width, []
    for row in data:
        kind, values = int(row[0]), [int(value) for value in row[1:]]
        for i in range(width):
            a = values[i - step] if i >= step else 0
            b, c = above[i], above[i - step] if i >= step else 0
            nearest = min((a, b, c), key=lambda value: abs(a + b - c - value))
            values[i] = (values[i] + {0: 0, 4: nearest}[kind]) % 256
        result.append(values)
        above = values
    return np.array(result, np.uint8)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("cached_bytes", [1, 100, 10**6])
def test_paeth_is_inverted_by_the_specification(rng, monkeypatch, step, cached_bytes):
    monkeypatch.setattr(png_filters, "_CACHED_BYTES", cached_bytes)
    y, x = np.mgrid[:30, :24]
    noise = rng.integers(0, 256, (30, 24))
    for values in (noise, x * 9 + y, y * 8 + noise % 3, x * 7, noise % 2 * 255, noise % 3 * 127):
        data = values.astype(np.uint8)
        for rows, above in ((data[1:], data[0]), (data, np.zeros(24, np.uint8))):
            filtered = png_filters.filter_rows(rows, above, step)
            assert set(filtered[:, 0]) == {4}
            whole = unfiltered(np.vstack([[0, *above], filtered]), 24, step)
            np.testing.assert_array_equal(whole[1:], rows)


def test_paeth_chooses_as_the_specification_for_all_neighbours():
    levels = np.array([0, 1, 2, 3, 64, 126, 127, 128, 129, 192, 253, 254, 255])
    for a in levels:
        for b in levels:
            for c in levels:
                rows = np.array([[a, 0]], np.uint8)
                filtered = png_filters.filter_rows(rows, np.array([c, b], np.uint8), 1)
                nearest = min((a, b, c), key=lambda value: abs(int(a) + int(b) - int(c) - value))
                assert -int(filtered[0, 2]) % 256 == nearest


def test_a_photo_is_compressed_about_as_well_as_by_pillow():
    y, x = np.mgrid[:200, :300]
    smooth = 128 + 100 * np.sin(x / 37)[..., None] * np.cos(y / 29)[..., None]
    noise = np.random.default_rng(0).normal(0, 3, (200, 300, 3))
    photo = (smooth + noise).clip(0, 255).astype(np.uint8)
    assert size_of(photo) < 1.02 * size_by_pillow(photo)


def test_a_drawing_is_compressed_about_as_well_as_by_pillow():
    tile = np.random.default_rng(0).integers(0, 2, (8, 16, 1)).astype(np.uint8) * 255
    drawing = np.tile(tile, (30, 20, 3))
    assert size_of(drawing) < 1.1 * size_by_pillow(drawing)


def size_of(pixels):
    file = io.BytesIO()
    encode_image(Picture(pixels), file, format="png")
    return len(file.getvalue())


def size_by_pillow(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return len(file.getvalue())


# Parts of a stream.


def test_every_strategy_can_be_decompressed(rng):
    for data in (b"", b"a", bytes(1000), b"abcdefg" * 999, rng.bytes(5000)):
        for strategy in (deflate.HUFFMAN, deflate.RUNS, deflate.STRINGS):
            assert zlib.decompress(strategy.compress(data)) == data


def test_parts_are_joined_to_one_stream(rng):
    for count in (1, 2, 5):
        stream, checksum, whole = deflate.STREAM_START, deflate.EMPTY_CHECKSUM, b""
        for number in range(count):
            data = (rng.bytes(70_000), b"ab" * 9, b"", b"\xff" * 6000)[number % 4]
            strategy = (deflate.HUFFMAN, deflate.RUNS, deflate.STRINGS)[number % 3]
            stream += strategy.compress_part(data)
            checksum = deflate.join_checksums(checksum, zlib.adler32(data), len(data))
            whole += data
        assert checksum == zlib.adler32(whole)
        reader = zlib.decompressobj()  # checks the Adler-32
        assert reader.decompress(stream + deflate.stream_end(checksum)) == whole
        assert reader.eof
        assert reader.unused_data == b""


def test_the_strategy_follows_the_content(rng):
    noise = rng.normal(0, 3, 1 << 15).astype(np.int8).tobytes()
    sparse = np.zeros(1 << 15, np.uint8)
    sparse[rng.integers(0, 1 << 15, 1500)] = rng.integers(0, 256, 1500)
    text = b"".join(rng.choice([b"alpha", b"beta ", b"gamma", b"delta"], 8000))
    for data, expected in ((noise, deflate.HUFFMAN), (sparse.tobytes(), deflate.RUNS),
                           (text, deflate.STRINGS)):  # fmt: skip
        assert deflate.choose_strategy(data)[0] == expected


# BigTIFF.


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("strips", [1, 7])
def test_a_tiff_of_more_than_4_gib_is_a_bigtiff(rng, make, tmp_path, monkeypatch, dtype, strips):
    picture = picture_of(rng, dtype, 3, height=21)
    monkeypatch.setattr(tiff_writer, "_STRIP_SIZE", picture.pixels.nbytes // strips)
    monkeypatch.setattr(tiff_writer, "_MAX_CLASSIC_BYTES", picture.pixels.nbytes - 1)
    exif = make.exif({0x0112: 1, 0x010F: 77}, exif_entries={0x8827: 400})
    whole = Picture(picture.pixels, exif=exif, xmp=b"<x/>", dpi=(300.0, 72.0))
    path = tmp_path / "big.tif"
    write_image(whole, path)
    data = path.read_bytes()
    assert struct.unpack("<2sHHHQ", data[:16]) == (b"II", 43, 8, 0, 16)
    np.testing.assert_array_equal(seen_by_opencv(data), picture.pixels)
    seen = read_image(path)
    np.testing.assert_array_equal(seen.pixels, picture.pixels)
    assert (seen.xmp, seen.dpi) == (b"<x/>", (300.0, 72.0))
    loaded = Image.Exif()
    loaded.load(b"Exif\0\0" + seen.exif)
    assert loaded.get_ifd(0x8769)[0x8827] == 400


def test_a_smaller_tiff_is_a_classic_tiff(rng, monkeypatch):
    picture = picture_of(rng, np.uint8, 3)
    monkeypatch.setattr(tiff_writer, "_MAX_CLASSIC_BYTES", picture.pixels.nbytes)
    file = io.BytesIO()
    encode_image(picture, file, format="tiff")
    assert file.getvalue()[:4] == b"II*\0"


# Conversion to what a format can hold.


@pytest.mark.parametrize("name", ["png", "tiff", "jpeg", "webp", "bmp"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_bands_are_converted_as_the_whole_image(rng, monkeypatch, tmp_path, dtype, channels, name):
    values = (rng.random((23, 31, channels)) * (1 if dtype == np.float32 else 250)).astype(dtype)
    alpha = values[..., -1] if channels in (2, 4) else None
    if alpha is not None:
        alpha[:20] = 1 if dtype == np.float32 else np.iinfo(dtype).max
    profile = SRGB if channels >= 3 else GREY
    picture = Picture(values[..., : channels // 3 * 2 + 1], alpha=alpha, icc_profile=profile)
    small = write_image(picture, tmp_path / "small", format=name)
    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 200)
    monkeypatch.setattr(format_limits, "_BAND_PIXELS", 100)
    large = write_image(picture, tmp_path / "large", format=name)
    assert large == small
    assert (tmp_path / "large").read_bytes() == (tmp_path / "small").read_bytes()


def test_pixels_that_fit_are_not_copied(rng, monkeypatch):
    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 200)
    picture = picture_of(rng, np.uint16, 4)
    for name in ("PNG", "TIFF"):
        fitted, _ = format_limits.fit_to_format(picture, name, strip_metadata=True)
        assert fitted.pixels is picture.pixels
        assert fitted.alpha is picture.alpha


def test_converted_bands_are_dropped_from_memory(rng, monkeypatch):
    released = []
    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 200)
    monkeypatch.setattr(mapped_arrays, "release_memory", lambda array: released.append(id(array)))
    picture = picture_of(rng, np.uint16, 4)
    fitted, _ = format_limits.fit_to_format(picture, "WEBP", strip_metadata=True)
    arrays = (picture.pixels, picture.alpha, fitted.pixels, fitted.alpha)
    assert set(released) == {id(array) for array in arrays}


# Formats that need the whole image.


@pytest.mark.parametrize(("name", "channels"), [("jpeg", 1), ("jpeg", 3), ("webp", 3), ("webp", 4)])
@pytest.mark.parametrize("quality", [80, 95, 100])
def test_a_mapped_image_is_encoded_to_the_same_bytes(
    rng, monkeypatch, tmp_path, name, channels, quality
):
    options = {"icc_profile": None, "xmp": b"<x/>", "dpi": (300.0, 300.0)}
    values = picture_of(rng, np.uint8, channels, height=70, width=90)
    picture = Picture(values.pixels, alpha=values.alpha, **options)
    write_image(picture, tmp_path / "small", format=name, quality=quality)
    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 200)
    write_image(picture, tmp_path / "large", format=name, quality=quality)
    assert (tmp_path / "large").read_bytes() == (tmp_path / "small").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
