import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageCms

from srgan_gp.images import Picture, format_limits, read_image, write_image

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" dc:title="gull"/></x:xmpmeta>'

# Its second directory names everything from byte 8 up to the end as the thumbnail.
EXIF_OF_THUMBNAIL = b"MM\0*" + struct.pack(
    ">IHHHIHHIHHHIIHHIII",
    *(8, 1, 0x0112, 3, 1, 6, 0, 26),
    *(2, 0x0201, 4, 1, 8, 0x0202, 4, 1, 48, 0),
)


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


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_metadata_is_kept_and_updated(rng, make, tmp_path, name):
    exif = make.exif(
        {0x0112: 6, 0x0100: 40, 0x0101: 30, 0x010F: 77},
        exif_entries={0xA002: 40, 0xA003: 30, 0x8827: 400},
        thumbnail=b"\xff\xd8thumbnail\xff\xd9",
    )
    picture = picture_of(rng, np.uint8, 3, icc_profile=SRGB, exif=exif, xmp=XMP, dpi=(300.0, 150.0))
    path = tmp_path / "picture"
    assert write_image(picture, path, format=name) == ()
    assert b"thumbnail" not in path.read_bytes()
    with Image.open(path) as image:
        image.load()
        tags = image.getexif()
        details = tags.get_ifd(0x8769)
        assert image.info["icc_profile"] == SRGB
        assert image.info["xmp"] == XMP.replace(b'"6"', b'"1"')
        if name != "WEBP":  # which has a resolution in EXIF only
            assert [round(float(value)) for value in image.info["dpi"]] == [300, 150]
    assert tags.get(0x0112, 1) == 1
    assert (details[0xA002], details[0xA003]) == (9, 6)
    assert details[0x8827] == 400
    seen = read_image(path)
    assert (seen.width, seen.height) == (9, 6)
    assert seen.icc_profile == SRGB
    assert [round(value) for value in seen.dpi] == [300, 150]


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_metadata_is_kept_with_16_bits(rng, make, tmp_path, name, channels):
    profile = SRGB if channels >= 3 else SRGB[:16] + b"GRAY" + SRGB[20:]
    exif = make.exif({0x0112: 8, 0x010F: 77}, exif_entries={0x8827: 400})
    picture = picture_of(
        rng, np.uint16, channels, icc_profile=profile, exif=exif, xmp=XMP, dpi=(72.0, 72.0)
    )
    path = tmp_path / "picture"
    write_image(picture, path, format=name)
    seen = read_image(path)
    assert_same_pixels(seen, picture)
    assert seen.icc_profile == profile
    assert seen.xmp == XMP.replace(b'"6"', b'"1"')
    assert seen.dpi == pytest.approx((72.0, 72.0), abs=0.1)
    loaded = Image.Exif()
    loaded.load(b"Exif\0\0" + seen.exif)
    assert loaded.get_ifd(0x8769)[0x8827] == 400


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_strip_metadata_keeps_only_the_icc_profile(rng, make, tmp_path, name):
    exif = make.exif({0x0112: 1}, tail=b"secret exif")
    picture = picture_of(
        rng, np.uint8, 3, icc_profile=SRGB, exif=exif, xmp=b"<secret/>", dpi=(300.0, 300.0)
    )
    path = tmp_path / "picture"
    write_image(picture, path, format=name, strip_metadata=True)
    assert b"secret" not in path.read_bytes()
    seen = read_image(path)
    assert seen.exif is None
    assert seen.xmp is None
    assert seen.icc_profile == (None if name == "BMP" else SRGB)
    assert seen.dpi is None or seen.dpi != (300.0, 300.0)


def test_there_is_a_warning_for_each_loss(rng, make, tmp_path):
    everything = {"icc_profile": SRGB, "exif": make.exif({0x0112: 1}), "xmp": XMP}
    deep = picture_of(rng, np.uint16, 4, **everything)
    warnings = write_image(deep, tmp_path / "picture.bmp")
    assert len(warnings) == 5
    for word, sentence in zip(["white", "8 bits", "ICC", "EXIF", "XMP"], warnings, strict=True):
        assert word in sentence
        assert "BMP" in sentence


def test_metadata_too_long_for_a_jpeg_is_removed_with_a_warning(make, tmp_path):
    long = b" " * 70_000
    picture = Picture(
        np.zeros((8, 8, 3), np.uint8), exif=make.exif({0x0112: 1}, tail=long), xmp=XMP + long
    )
    warnings = write_image(picture, tmp_path / "a.jpg")
    assert len(warnings) == 2
    assert read_image(tmp_path / "a.jpg").xmp is None
    assert write_image(picture, tmp_path / "a.png") == ()
    assert read_image(tmp_path / "a.png").exif == picture.exif


def test_damaged_exif_is_removed_with_a_warning(tmp_path):
    picture = Picture(np.zeros((8, 8, 3), np.uint8), exif=b"no exif")
    (warning,) = write_image(picture, tmp_path / "a.png")
    assert warning == "the EXIF data is damaged: it was removed"


@pytest.mark.parametrize("convert", [lambda exif: exif, lambda exif: exif.tobytes()])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_exif_of_pillow_is_written(tmp_path, convert, suffix):
    exif = Image.Exif()
    exif[0x013B] = "Ada"  # the artist
    picture = Picture(np.zeros((8, 8, 3), np.uint8), exif=convert(exif))
    assert picture.exif.startswith((b"II*", b"MM"))  # no prefix
    assert write_image(picture, tmp_path / f"a{suffix}") == ()
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.getexif()[0x013B] == "Ada"


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"dpi": 300}, TypeError, "dpi must be two numbers, such as (300, 300), got 300"),
        ({"dpi": "300"}, TypeError, "dpi must be two numbers, such as (300, 300), got '300'"),
        ({"dpi": (-1, 0)}, ValueError, "dpi must be above 0 and at most 65535, got (-1, 0)"),
        ({"xmp": "<x/>"}, TypeError, "xmp must be bytes, got str"),
        ({"exif": {1: 2}}, TypeError, "exif must be bytes, got dict"),
        ({"icc_profile": "a.icc"}, TypeError, "icc_profile must be bytes, got str"),
    ],
)
def test_metadata_of_a_wrong_type_is_refused_at_construction(fields, error, message):
    with pytest.raises(error) as caught:
        Picture(np.zeros((8, 8, 3), np.uint8), **fields)
    assert str(caught.value) == message


def test_a_tiff_keeps_the_exif_tags_that_can_be_read(make, tmp_path):
    # 0x0132 is a date, which is text; the GPS directory lies outside the block.
    exif = make.exif({0x010F: 77, 0x0132: 5, 0x8825: 60_000, 0x0112: 1})
    picture = Picture(np.zeros((8, 8, 3), np.uint8), exif=exif)
    write_image(picture, tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif").pixels.shape == (8, 8, 3)


def test_a_resolution_that_is_lost_is_a_warning(rng, tmp_path):
    picture = picture_of(rng, np.uint8, 3, dpi=(300.0, 300.0))
    text = "cannot hold the resolution, 300 x 300 dpi"
    warnings = write_image(picture, tmp_path / "a.gif")
    assert [warning for warning in warnings if warning.endswith(text)]
    for dpi in ((72.0, 72.0), (95.99, 95.99), None):
        warnings = write_image(replace(picture, dpi=dpi), tmp_path / "a.gif")
        assert not [warning for warning in warnings if "resolution" in warning]


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
@pytest.mark.parametrize("has_exif", [False, True])
def test_a_resolution_is_written_to_exif_where_the_format_has_no_field(tmp_path, suffix, has_exif):
    exif = Image.Exif()
    exif[0x013B] = "Ada"  # the artist
    picture = Picture(
        np.zeros((8, 8, 3), np.uint8), exif=exif if has_exif else None, dpi=(300, 118.11)
    )
    assert write_image(picture, tmp_path / f"a{suffix}") == ()
    assert read_image(tmp_path / f"a{suffix}").dpi == pytest.approx((300, 118.11))
    with Image.open(tmp_path / f"a{suffix}") as image:  # the facts, read by Pillow
        tags = image.getexif()
    assert (tags[282], float(tags[283]), tags[296]) == (300, pytest.approx(118.11), 2)
    assert tags.get(0x013B) == ("Ada" if has_exif else None)


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_a_resolution_of_screens_adds_no_exif(tmp_path, suffix):
    picture = Picture(np.zeros((8, 8, 3), np.uint8), dpi=(72, 72))
    assert write_image(picture, tmp_path / f"a{suffix}") == ()
    assert read_image(tmp_path / f"a{suffix}").exif is None


def test_a_resolution_of_screens_replaces_another_one(tmp_path):
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = 300.0, 300.0, 2
    picture = Picture(np.zeros((8, 8, 3), np.uint8), exif=exif, dpi=(72, 72))
    assert write_image(picture, tmp_path / "a.webp") == ()
    assert read_image(tmp_path / "a.webp").dpi == (72, 72)


def test_a_resolution_replaces_damaged_exif(tmp_path):
    picture = Picture(np.zeros((8, 8, 3), np.uint8), exif=b"no exif", dpi=(300, 300))
    assert write_image(picture, tmp_path / "a.webp") == (
        "the EXIF data is damaged: it was removed",
    )
    assert read_image(tmp_path / "a.webp").dpi == (300, 300)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp", ".avif"])
def test_a_resolution_that_is_kept_is_no_warning(rng, tmp_path, suffix):
    picture = picture_of(rng, np.uint8, 3, dpi=(300.0, 300.0))
    assert write_image(picture, tmp_path / f"a{suffix}") == ()
    assert [round(value) for value in read_image(tmp_path / f"a{suffix}").dpi] == [300, 300]


@pytest.mark.parametrize("suffix", ["webp", "avif"])
def test_the_resolution_is_written_to_exif_with_a_damaged_thumbnail(tmp_path, suffix):
    """The removal of its thumbnail would remove its first directory, which gets the resolution."""
    picture = Picture(np.zeros((2, 2, 3), np.uint8), exif=EXIF_OF_THUMBNAIL, dpi=(300, 300))
    path = tmp_path / f"a.{suffix}"
    write_image(picture, path)
    assert read_image(path).dpi == (300, 300)


def test_exif_whose_directory_has_no_room_is_replaced_with_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(format_limits, "update_exif", lambda exif, **_: exif)
    exif = b"MM\0*" + struct.pack(">IH", 8, 5) + bytes(12)  # one of five entries
    picture = Picture(np.zeros((2, 2, 3), np.uint8), exif=exif, dpi=(300, 300))
    path = tmp_path / "a.webp"
    assert write_image(picture, path) == ("the EXIF data is damaged: it was removed",)
    assert read_image(path).dpi == (300, 300)
