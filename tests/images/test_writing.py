import errno
import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, JpegImagePlugin

from srgan_gp.errors import OutputError, PictureError, UsageError
from srgan_gp.images import (
    FORMATS,
    Picture,
    check_encodable,
    encode_image,
    find_format,
    formats,
    read_image,
    write_image,
)

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" dc:title="gull"/></x:xmpmeta>'


def picture_of(rng, dtype, channels, height=6, width=9, **rest):
    full = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    values = (rng.random((height, width, channels)) * full).astype(dtype)
    colours = channels - (channels in (2, 4))
    alpha = values[..., -1] if channels in (2, 4) else None
    return Picture(values[..., :colours], alpha=alpha, **rest)


def assert_same_pixels(actual, expected):
    np.testing.assert_array_equal(actual.pixels, expected.pixels)
    assert actual.pixels.dtype == expected.pixels.dtype
    assert (actual.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        np.testing.assert_array_equal(actual.alpha, expected.alpha)


LOSSLESS = [
    (suffix, dtype, channels)
    for suffix in (".png", ".tiff", ".webp", ".bmp")
    for dtype in (np.uint8, np.uint16)
    for channels in (1, 2, 3, 4)
    if not (dtype is np.uint16 and suffix in (".webp", ".bmp"))
    if not (channels in (2, 4) and suffix == ".bmp")
    if not (channels in (1, 2) and suffix == ".webp")
    if not (channels == 2 and dtype is np.uint16 and suffix == ".tiff")
]


@pytest.mark.parametrize(("suffix", "dtype", "channels"), LOSSLESS)
def test_a_lossless_file_keeps_every_level(rng, tmp_path, suffix, dtype, channels):
    picture = picture_of(rng, dtype, channels)
    if picture.alpha is not None:
        picture.alpha[:2] = 0  # invisible colours are kept too
    path = tmp_path / ("picture" + suffix)
    assert write_image(picture, path, quality=100) == ()
    assert_same_pixels(read_image(path), picture)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_opencv_reads_the_same_16_bits(rng, tmp_path, suffix, channels):
    picture = picture_of(rng, np.uint16, channels)
    write_image(picture, tmp_path / ("picture" + suffix))
    seen = cv2.imdecode(
        np.frombuffer((tmp_path / ("picture" + suffix)).read_bytes(), np.uint8),
        cv2.IMREAD_UNCHANGED,
    )
    if channels == 1:
        np.testing.assert_array_equal(seen, picture.pixels[..., 0])
    else:
        np.testing.assert_array_equal(seen[..., 2::-1], picture.pixels)
    if channels == 4:
        np.testing.assert_array_equal(seen[..., 3], picture.alpha)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_16_bit_ramp_keeps_all_its_levels(tmp_path, suffix, channels):
    ramp = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64, 1).repeat(channels, axis=2)
    write_image(Picture(ramp), tmp_path / ("ramp" + suffix))
    assert len(np.unique(read_image(tmp_path / ("ramp" + suffix)).pixels)) == 4096


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(
    st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 2, 3, 4]),
    st.sampled_from([np.uint8, np.uint16]), st.sampled_from([".png", ".tif"]),
)  # fmt: skip
def test_every_size_is_written_and_read(tmp_path_factory, height, width, channels, dtype, suffix):
    picture = picture_of(np.random.default_rng(0), dtype, channels, height, width)
    path = tmp_path_factory.mktemp("sizes") / ("picture" + suffix)
    write_image(picture, path)
    seen = read_image(path)
    np.testing.assert_array_equal(seen.pixels[..., : picture.pixels.shape[2]], picture.pixels)


def test_an_image_of_many_strips_is_written_and_read(rng, tmp_path):
    picture = picture_of(rng, np.uint16, 3, height=700, width=300)  # 1.2 MB of pixels
    for suffix in (".png", ".tif"):
        write_image(picture, tmp_path / ("big" + suffix))
        assert_same_pixels(read_image(tmp_path / ("big" + suffix)), picture)


def test_16_bit_grey_with_alpha_becomes_colour_in_tiff(rng, tmp_path):
    picture = picture_of(rng, np.uint16, 2)
    write_image(picture, tmp_path / "picture.tif")
    seen = read_image(tmp_path / "picture.tif")
    np.testing.assert_array_equal(seen.pixels, picture.pixels.repeat(3, axis=2))
    np.testing.assert_array_equal(seen.alpha, picture.alpha)


def test_alpha_is_composited_over_white_in_a_jpeg(tmp_path):
    black = np.zeros((16, 16, 3), np.uint8)
    alpha = np.full((16, 16), 64, np.uint8)
    (warning,) = write_image(Picture(black, alpha=alpha), tmp_path / "picture.jpg")
    assert "white" in warning
    seen = read_image(tmp_path / "picture.jpg").pixels.astype(int)
    assert np.abs(seen - 191).max() <= 1  # 255 * (1 - 64 / 255)


def test_opaque_alpha_is_removed_without_a_warning(tmp_path):
    picture = Picture(np.zeros((4, 4, 3), np.uint8), alpha=np.full((4, 4), 255, np.uint8))
    assert write_image(picture, tmp_path / "picture.jpg") == ()


def test_16_bits_are_rounded_to_nearest_in_an_8_bit_format(tmp_path):
    deep = np.array([[[0], [128], [129], [257 * 200 + 100], [65535]]], np.uint16)
    (warning,) = write_image(Picture(deep), tmp_path / "picture.bmp")
    assert "8 bits" in warning
    seen = read_image(tmp_path / "picture.bmp").pixels
    np.testing.assert_array_equal(seen[0, :, 0], [0, 0, 1, 200, 255])


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_floats_are_written_with_16_bits(rng, tmp_path, suffix, channels):
    picture = picture_of(rng, np.float32, channels)
    (warning,) = write_image(picture, tmp_path / ("picture" + suffix))
    assert "16 bits" in warning
    seen = read_image(tmp_path / ("picture" + suffix))
    assert seen.pixels.dtype == np.uint16
    difference = np.abs(seen.pixels / 65535 - picture.pixels).max()
    assert difference <= 0.51 / 65535  # half a level, and the rounding of float32


def test_a_jpeg_has_no_chroma_subsampling_from_quality_90_on(rng, tmp_path):
    picture = picture_of(rng, np.uint8, 3, height=32, width=32)
    samplings = {}
    for quality in (None, 90, 89):
        path = tmp_path / f"{quality}.jpg"
        write_image(picture, path, quality=quality)
        with Image.open(path) as image:
            samplings[quality] = JpegImagePlugin.get_sampling(image)
    assert samplings == {None: 0, 90: 0, 89: 2}  # 0 is 4:4:4, 2 is 4:2:0


def test_a_higher_quality_gives_a_smaller_error(rng, tmp_path):
    picture = picture_of(rng, np.uint8, 3, height=32, width=32)
    for suffix in (".jpg", ".webp"):
        errors = []
        for quality in (30, 95):
            path = tmp_path / f"{quality}{suffix}"
            write_image(picture, path, quality=quality)
            seen = read_image(path).pixels.astype(int)
            errors.append(np.abs(seen - picture.pixels).mean())
        assert errors[1] < errors[0]


def test_each_format_can_have_its_own_quality(rng, tmp_path):
    picture = Picture(rng.integers(0, 256, (32, 32, 3), np.uint8))
    both = {"JPEG": 50, "WEBP": 100}
    for suffix, quality in (("jpg", 50), ("webp", 100), ("avif", 95)):
        write_image(picture, tmp_path / f"one.{suffix}", quality=quality)
        write_image(picture, tmp_path / f"each.{suffix}", quality=both)
        one, each = (tmp_path / f"{name}.{suffix}" for name in ("one", "each"))
        assert one.read_bytes() == each.read_bytes()


@pytest.mark.parametrize(
    ("text", "name"),
    [("png", "PNG"), (".JPG", "JPEG"), ("jpeg", "JPEG"), ("tif", "TIFF"), ("TIFF", "TIFF"),
     ("webp", "WEBP"), (".bmp", "BMP")],
)  # fmt: skip
def test_a_format_is_found_by_name_and_by_suffix(text, name):
    assert find_format(text) == name


@pytest.mark.parametrize("text", ["heic", "", ".", "pn", "png "])
def test_an_unknown_format_lists_the_known_ones(text):
    with pytest.raises(UsageError, match="PNG, JPEG, WEBP, TIFF, BMP"):
        find_format(text)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_a_quality_out_of_range_is_refused(tmp_path, quality):
    with pytest.raises(UsageError, match=str(quality)):
        write_image(Picture(np.zeros((2, 2, 3), np.uint8)), tmp_path / "a.jpg", quality=quality)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "height", "width", "is_refused"),
    [("WEBP", 16383, 16383, False), ("WEBP", 16384, 1, True), ("JPEG", 1, 65500, False),
     ("JPEG", 1, 65501, True), ("TIFF", 40_000, 40_000, False), ("BMP", 1, 70_000, False),
     ("PNG", 65501, 65501, False), ("TIFF", 1, 2**31 - 1, False), ("TIFF", 1, 2**31, True),
     ("BMP", 1 << 15, 43_690, False), ("BMP", 1 << 15, 43_691, True)],
)  # fmt: skip
def test_the_limits_of_an_encoder_are_checked_first(name, height, width, is_refused):
    if is_refused:
        with pytest.raises(PictureError, match=f"{width} x {height}") as caught:
            check_encodable(height, width, name)
        assert caught.value.code == "E_ENCODER_LIMIT"
    else:
        check_encodable(height, width, name)


@pytest.mark.parametrize(
    ("name", "side", "advice"),
    [("WEBP", 16_384, "a smaller scale, or PNG"), ("PNG", 1_000_001, "a smaller scale"),
     ("WEBP", 1_000_001, "a smaller scale")],
)  # fmt: skip
def test_png_is_advised_where_it_can_hold_the_image(name, side, advice):
    with pytest.raises(PictureError, match=f"choose {advice}$"):
        check_encodable(1, side, name)


@pytest.mark.parametrize(
    "typed",
    [
        "xyz", "mp4", "mpg", "jp2", "jpc", "jpx", "jpf", "jpm", "jng", "avi", "pgm", "pnm", "webm",
    ],
)  # fmt: skip
def test_no_format_is_suggested_for_another_one(typed):
    with pytest.raises(UsageError, match=f"cannot write '{typed}': choose one of [A-Z, ]*$"):
        find_format(typed)


@pytest.mark.parametrize(("typed", "similar"), [("gfi", "gif"), ("pgn", "png"), ("jepg", "jpg")])
def test_a_similar_format_is_suggested(typed, similar):
    hint = rf"; did you mean {similar}\?"
    with pytest.raises(UsageError, match=f"cannot write '{typed}': choose one of [A-Z, ]*{hint}$"):
        find_format(typed)


def test_a_missing_suffix_is_not_quoted_as_a_name():
    with pytest.raises(UsageError, match="cannot write a file without a suffix: choose"):
        find_format("")


def test_an_image_too_large_for_its_format_leaves_no_file(tmp_path):
    with pytest.raises(PictureError, match="16,383"):
        write_image(Picture(np.zeros((1, 16384, 3), np.uint8)), tmp_path / "a.webp")
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_replaced_and_nothing_else_is_left(rng, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    picture = picture_of(rng, np.uint8, 3)
    write_image(picture, path)
    assert_same_pixels(read_image(path), picture)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="folder does not exist"):
        write_image(Picture(np.zeros((2, 2, 3), np.uint8)), tmp_path / "none" / "a.png")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (OSError("encoder error 6"), "E_ENCODER_LIMIT"),
        (OverflowError("int too big"), "E_ENCODER_LIMIT"),
        (MemoryError(), "E_OUT_OF_MEMORY"),
    ],
)
def test_an_encoder_that_fails_leaves_the_old_file(tmp_path, monkeypatch, failure, code):
    def fail(picture, file, quality):
        raise failure

    monkeypatch.setitem(formats.FORMATS, "WEBP", formats.Format((".webp",), fail, max_side=9))
    path = tmp_path / "a.webp"
    path.write_bytes(b"old")
    with pytest.raises(PictureError) as caught:
        write_image(Picture(np.zeros((2, 2, 3), np.uint8)), path)
    assert caught.value.code == code
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", FORMATS)
def test_encode_image_and_write_image_write_the_same_bytes(rng, tmp_path, name):
    picture = picture_of(rng, np.uint16, 4, dpi=(300.0, 300.0))
    options = {"format": name, "quality": 80, "strip_metadata": True}
    warnings = write_image(picture, tmp_path / "picture", **options)
    buffer = io.BytesIO()
    assert encode_image(picture, buffer, **options) == warnings
    assert buffer.getvalue() == (tmp_path / "picture").read_bytes()


def test_a_full_disk_is_raised_as_an_oserror(rng):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        encode_image(picture_of(rng, np.uint8, 3), Full(), format="png")


def test_every_row_of_the_formats_works():
    for name, row in FORMATS.items():
        assert find_format(name) == name
        for suffix in row.suffixes:
            assert find_format(suffix) == name
        file = io.BytesIO()
        row.encode(Picture(np.zeros((4, 4, 3), np.uint8)), file, row.default_quality)
        with Image.open(file) as image:
            assert image.format == name


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [(np.zeros((4, 4), np.uint8), None), (np.zeros((4, 4, 2), np.uint8), None),
     (np.zeros((0, 4, 3), np.uint8), None), (np.zeros((4, 4, 3)), None),
     (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8)),
     (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16))],
)  # fmt: skip
def test_a_wrong_shape_or_dtype_is_a_value_error(pixels, alpha):
    with pytest.raises(ValueError, match="must be"):
        Picture(pixels, alpha=alpha)
