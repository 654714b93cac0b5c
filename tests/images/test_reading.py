import io
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images import read_image
from srgan_gp.images.reading import decode_picture

WHITE_TO_BLACK = np.array([[[255, 255, 255], [0, 0, 0]]], np.uint8)


def read(data, max_pixels=1_000_000):
    return decode_picture(io.BytesIO(data), max_pixels=max_pixels)


def saved(image, name, **options):
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def assert_same(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_samples_are_read_exactly(rng, make, channels, dtype):
    samples = rng.integers(0, np.iinfo(dtype).max, (5, 7, channels), dtype, endpoint=True)
    picture = read(make.png(samples))
    colours = channels - (channels in (2, 4))
    assert_same(picture.pixels, samples[..., :colours])
    if channels in (2, 4):
        assert_same(picture.alpha, samples[..., -1])
    else:
        assert picture.alpha is None
    assert picture.source_format == "PNG"


@pytest.mark.parametrize("channels", [1, 3])
def test_a_dark_16_bit_image_keeps_16_bits(make, channels):
    samples = np.arange(20, dtype=np.uint16).reshape(4, 5, 1).repeat(channels, axis=2)
    assert_same(read(make.png(samples)).pixels, samples)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_tiff_samples_are_read_exactly(rng, make, channels, order):
    samples = rng.integers(0, 65535, (5, 7, channels), np.uint16, endpoint=True)
    tags = [(338, 3, [2])] if channels == 4 else []
    picture = read(make.tiff(samples, order=order, tags=tags))
    assert_same(picture.pixels, samples[..., :3])
    if channels == 4:
        assert_same(picture.alpha, samples[..., 3])


def test_an_unspecified_fourth_tiff_channel_is_not_alpha(rng, make):
    samples = rng.integers(0, 65535, (5, 7, 4), np.uint16)
    picture = read(make.tiff(samples, tags=[(338, 3, [0])]))
    assert_same(picture.pixels, samples[..., :3])
    assert picture.alpha is None


def test_a_planar_16_bit_tiff_is_refused(make):
    samples = np.arange(12, dtype=np.uint16).reshape(2, 2, 3)
    with pytest.raises(PictureError, match="plane by plane") as refused:
        read(make.tiff(samples, tags=[(284, 3, [2])]))
    assert refused.value.code == "E_FORMAT_NOT_ALLOWED"


def test_16_bit_cmyk_is_read_as_8_bits_with_a_note(make):
    picture = read(make.tiff(np.zeros((2, 2, 4), np.uint16), photometric=5))
    assert picture.pixels.dtype == np.uint8
    assert "8-bit" in picture.notes[0]


def test_premultiplied_16_bit_colours_are_divided_by_alpha(make):
    # half, none and all of: full red, at 16 bits
    samples = np.array([[[32768, 0, 0, 32768], [0, 0, 0, 0], [65535, 0, 0, 65535]]], np.uint16)
    picture = read(make.tiff(samples, tags=[(338, 3, [1])]))
    assert_same(picture.pixels[0, :, 0], np.array([65535, 0, 65535], np.uint16))
    assert_same(picture.alpha, samples[..., 3])


def test_white_is_zero_16_bit_grey_is_inverted(make):
    samples = np.array([[[0], [65535], [1000]]], np.uint16)
    assert_same(read(make.tiff(samples, photometric=0)).pixels, 65535 - samples)


def test_12_bit_grey_is_scaled_to_16_bits(make):
    # 12-bit samples 0x000 and 0xFFF, packed into three bytes
    packed = np.array([[[0x00], [0x0F], [0xFF]]], np.uint8)
    data = make.tiff(packed, tags=[(256, 4, [2]), (258, 3, [12])])
    assert_same(read(data).pixels, np.array([[[0], [65535]]], np.uint16))


def test_floats_from_0_to_1_are_kept(rng, make):
    samples = rng.random((5, 7, 1), np.float32)
    assert_same(read(make.tiff(samples, sample_format=3)).pixels, samples)


@pytest.mark.parametrize(
    ("value", "code"),
    [(np.nan, "E_NOT_FINITE"), (np.inf, "E_NOT_FINITE"), (1.5, "E_OUT_OF_RANGE"),
     (-0.5, "E_OUT_OF_RANGE")],
)  # fmt: skip
def test_floats_outside_0_to_1_are_refused(make, value, code):
    samples = np.array([[[0.5], [value]]], np.float32)
    with pytest.raises(PictureError) as caught:
        read(make.tiff(samples, sample_format=3))
    assert caught.value.code == code


def test_32_bit_integers_are_read_as_16_bits_when_they_fit(make):
    samples = np.array([[[0], [65535], [300]]], np.int32)
    data = make.tiff(samples, sample_format=2)
    assert_same(read(data).pixels, samples.astype(np.uint16))


@pytest.mark.parametrize("value", [-1, 65536])
def test_32_bit_integers_that_do_not_fit_are_refused_with_their_range(make, value):
    with pytest.raises(PictureError, match=str(value)) as caught:
        read(make.tiff(np.array([[[0], [value]]], np.int32), sample_format=2))
    assert caught.value.code == "E_OUT_OF_RANGE"


def test_one_bit_becomes_0_and_255():
    bits = np.array([[True, False, True]])
    picture = read(saved(Image.fromarray(bits), "PNG"))
    assert_same(picture.pixels[..., 0], np.array([[255, 0, 255]], np.uint8))


def test_a_palette_becomes_its_colours_and_transparency():
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert_same(read(saved(image, "PNG")).pixels, colours)
    by_bytes = read(saved(image, "PNG", transparency=b"\x80\x00\xff"))
    assert_same(by_bytes.pixels, colours)
    assert_same(by_bytes.alpha, np.array([[128, 0, 255]], np.uint8))
    by_index = read(saved(image, "GIF", transparency=1))
    assert_same(by_index.alpha, np.array([[255, 0, 255]], np.uint8))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_png_colour_becomes_alpha(rng, make, dtype, channels):
    samples = rng.integers(0, np.iinfo(dtype).max, (4, 5, channels), dtype)
    key = samples[1, 2].astype(">u2").tobytes()
    picture = read(make.png(samples, chunks=[(b"tRNS", key)]))
    expected = np.where((samples == samples[1, 2]).all(axis=2), 0, np.iinfo(dtype).max)
    assert_same(picture.pixels, samples)
    assert_same(picture.alpha, expected.astype(dtype))


def test_cmyk_without_a_profile_is_not_inverted():
    cyan_white_black = np.array([[[255, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    image = Image.fromarray(cyan_white_black.repeat(16, axis=1).repeat(16, axis=0), "CMYK")
    for name in ("JPEG", "TIFF"):
        picture = read(saved(image, name))
        middle = picture.pixels[8, [8, 24, 40]].astype(int)
        expected = [[0, 255, 255], [255, 255, 255], [0, 0, 0]]
        assert np.abs(middle - expected).max() <= 4  # JPEG is not exact
        assert "sRGB" in picture.notes[0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png8", "png16", "tiff8", "tiff16", "tiff16grey",
                                  "tiff16big", "webp", "jpeg"])  # fmt: skip
def test_exif_orientation_is_applied_once(rng, make, turned, orientation, kind):
    dtype = np.uint16 if "16" in kind else np.uint8
    stored = rng.integers(0, np.iinfo(dtype).max, (16, 24, 1 if "grey" in kind else 3), dtype)
    if kind == "jpeg":
        stored = np.kron(
            rng.integers(0, 2, (2, 3, 3), np.uint8) * 255, np.ones((8, 8, 1), np.uint8)
        )
    exif = make.exif({0x0112: orientation})
    if kind.startswith("png"):
        data = make.png(stored, chunks=[(b"eXIf", exif)])
    elif kind.startswith("tiff"):
        data = make.tiff(stored, tags=[(274, 3, [orientation])], is_big=kind.endswith("big"))
    elif kind == "webp":
        data = saved(Image.fromarray(stored), "WEBP", lossless=True, exif=exif)
    else:
        data = saved(Image.fromarray(stored), "JPEG", quality=100, subsampling=0,
                     exif=b"Exif\0\0" + exif)  # fmt: skip
    picture = read(data)
    expected = turned[orientation](stored)
    assert picture.pixels.shape == expected.shape
    difference = np.abs(picture.pixels.astype(int) - expected.astype(int))
    assert difference.max() <= (2 if kind == "jpeg" else 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_orientation_is_applied_to_alpha(rng, make, turned, dtype):
    stored = rng.integers(0, 255, (4, 6, 4), dtype)
    picture = read(make.png(stored, chunks=[(b"eXIf", make.exif({0x0112: 6}))]))
    expected = turned[6](stored)
    assert_same(picture.pixels, expected[..., :3])
    assert_same(picture.alpha, expected[..., 3])


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_does_not_exist_is_ignored(make, orientation):
    data = make.png(WHITE_TO_BLACK, chunks=[(b"eXIf", make.exif({0x0112: orientation}))])
    assert_same(read(data).pixels, WHITE_TO_BLACK)


@pytest.mark.parametrize("cut", range(1, 22, 3))
def test_broken_exif_is_dropped_and_noted(make, cut):
    block = make.exif({0x0112: 6})[:cut]
    picture = read(make.png(WHITE_TO_BLACK, chunks=[(b"eXIf", block)]))
    assert picture.exif is None
    assert any("EXIF" in note for note in picture.notes)
    assert picture.pixels.size == WHITE_TO_BLACK.size


def test_an_orientation_in_xmp_alone_is_applied(make, turned):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
    picture = read(make.png(WHITE_TO_BLACK, chunks=[(b"iTXt", text)]))
    assert_same(picture.pixels, turned[6](WHITE_TO_BLACK))
    assert picture.xmp == xmp


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames_is_read_with_a_note(name):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    data = saved(frames[0], name, save_all=True, append_images=frames[1:],
                 **({"lossless": True} if name == "WEBP" else {}))  # fmt: skip
    picture = read(data)
    assert_same(picture.pixels, np.full((3, 4, 3), [255, 0, 0], np.uint8))
    assert any("first" in note for note in picture.notes)


def test_a_plain_image_has_no_notes(make):
    assert read(make.png(WHITE_TO_BLACK)).notes == ()


def test_a_profile_that_does_not_match_the_pixels_is_noted(make):
    rgb, grey, not_icc = _icc(b"RGB "), _icc(b"GRAY"), b"no profile"
    grey_pixels = WHITE_TO_BLACK[..., :1]
    for pixels, profile, is_kept in [
        (WHITE_TO_BLACK, rgb, True), (grey_pixels, grey, True), (WHITE_TO_BLACK, grey, False),
        (grey_pixels, rgb, False), (WHITE_TO_BLACK, not_icc, False),
    ]:  # fmt: skip
        image = Image.fromarray(pixels.squeeze() if pixels.shape[2] == 1 else pixels)
        picture = read(saved(image, "JPEG", icc_profile=profile))
        assert picture.icc_profile == (profile if is_kept else None)
        assert any("ICC" in note for note in picture.notes) is not is_kept


def _icc(space):
    return b"\0" * 16 + space + b"\0" * 16 + b"acsp" + b"\0" * 100


def test_a_png_gamma_is_noted(make):
    linear = (100_000).to_bytes(4, "big")
    (note,) = read(make.png(WHITE_TO_BLACK, chunks=[(b"gAMA", linear)])).notes
    assert "gamma" in note


def test_the_resolution_is_read(make):
    image = Image.fromarray(WHITE_TO_BLACK)
    assert read(saved(image, "JPEG", dpi=(300, 150))).dpi == (300, 150)
    assert read(saved(image, "TIFF", dpi=(300, 150))).dpi == (300, 150)
    assert read(make.tiff(WHITE_TO_BLACK)).dpi is None
    nonsense = make.png(WHITE_TO_BLACK, chunks=[(b"pHYs", b"\0" * 8 + b"\1")])
    assert read(nonsense).dpi is None
    beyond_any_jpeg = make.png(WHITE_TO_BLACK, chunks=[(b"pHYs", b"\xff" * 8 + b"\1")])
    assert read(beyond_any_jpeg).dpi is None


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_resolution_in_exif_is_read(name):
    image, exif = Image.fromarray(WHITE_TO_BLACK), Image.Exif()
    exif[282], exif[283], exif[296] = 300.0, 150.0, 2
    assert read(saved(image, name, exif=exif.tobytes())).dpi == (300, 150)
    del exif[282]
    assert read(saved(image, name, exif=exif.tobytes())).dpi is None
    assert read(saved(image, name)).dpi is None


def test_the_resolution_of_the_format_has_priority_over_exif():
    image, exif = Image.fromarray(WHITE_TO_BLACK), Image.Exif()
    exif[282], exif[283], exif[296] = 72.0, 72.0, 2
    assert read(saved(image, "JPEG", dpi=(300, 150), exif=exif.tobytes())).dpi == (300, 150)


def test_a_wrong_suffix_is_ignored_with_a_note(make, tmp_path):
    path = tmp_path / "picture.JPG"
    path.write_bytes(make.png(WHITE_TO_BLACK))
    picture = read_image(path)
    assert picture.source_format == "PNG"
    assert picture.notes == ("its format is PNG although its suffix is .JPG",)


def test_16_bit_colour_without_opencv_names_the_packages_to_install(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(PictureError, match="apt install libgl1 ") as caught:
        read(make.png(np.zeros((2, 2, 3), np.uint16)))
    assert caught.value.code == "E_MISSING_LIBRARY"
    assert read(make.png(WHITE_TO_BLACK)).pixels.dtype == np.uint8
    assert read(make.png(np.zeros((2, 2, 1), np.uint16))).pixels.dtype == np.uint16


def test_reading_restores_the_warning_filters(make):
    before = list(warnings.filters)
    read(make.png(WHITE_TO_BLACK))
    with pytest.raises(PictureError):
        read(make.png(WHITE_TO_BLACK)[:40])
    assert list(warnings.filters) == before
