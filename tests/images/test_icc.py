import io
import struct

import numpy as np
import pytest
from PIL import Image

from srgan_gp.images import Picture, read_image, write_image
from srgan_gp.images.colour import split_channels
from srgan_gp.images.icc import cmyk_to_srgb, srgb_pixels

WHITE = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)  # of D50


def profile_of(tags, space, connection=b"XYZ "):
    """A profile of version 2.1 with these tags, a list of (name, content)."""
    start = 128 + 4 + 12 * len(tags)
    table, contents = struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += struct.pack(">4sII", name, start + len(contents), len(content))
        contents += content
    header = bytearray(128)
    header[:4] = struct.pack(">I", start + len(contents))
    header[8:12] = bytes([2, 0x10, 0, 0])
    header[12:24] = b"scnr" + space + connection
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + table + contents


def curve(gamma):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def grey_profile(gamma):
    return profile_of([(b"kTRC", curve(gamma)), (b"wtpt", WHITE)], b"GRAY")


def rgb_profile(gamma):
    """sRGB's primaries, seen by D50, with another curve."""
    primaries = {b"r": (0.4361, 0.2225, 0.0139), b"g": (0.3851, 0.7169, 0.0971),
                 b"b": (0.1431, 0.0606, 0.7141)}  # fmt: skip
    tags = [(b"wtpt", WHITE)]
    for name, values in primaries.items():
        numbers = struct.pack(">3i", *(round(value * 65536) for value in values))
        tags += [(name + b"XYZ", b"XYZ " + bytes(4) + numbers), (name + b"TRC", curve(gamma))]
    return profile_of(tags, b"RGB ")


def srgb_of_linear(linear):
    """IEC 61966-2-1, of numbers above 0.0031308."""
    return 1.055 * linear ** (1 / 2.4) - 0.055


def test_linear_grey_becomes_srgb():
    pixels = np.array([[[0], [55], [128], [255]]], np.uint8)
    converted = srgb_pixels(pixels, grey_profile(1.0))
    assert converted.shape == (1, 4, 3)
    expected = [0, *(255 * srgb_of_linear(np.array([55, 128]) / 255)), 255]
    assert np.abs(converted[0].astype(int) - np.array(expected)[:, None]).max() <= 1


def test_linear_grey_of_16_bits_becomes_srgb_of_16_bits():
    pixels = np.array([[[0], [14_000], [32_896], [65_535]]], np.uint16)
    converted = srgb_pixels(pixels, grey_profile(1.0))
    assert converted.dtype == np.uint16
    expected = [0, *(65_535 * srgb_of_linear(np.array([14_000, 32_896]) / 65_535)), 65_535]
    assert np.abs(converted[0].astype(int) - np.array(expected)[:, None]).max() <= 200


def test_linear_colours_become_srgb():
    pixels = np.array([[[128, 128, 128], [255, 255, 255], [255, 0, 0]]], np.uint8)
    converted = srgb_pixels(pixels, rgb_profile(1.0)).astype(int)
    assert np.abs(converted - [[[188] * 3, [255] * 3, [255, 0, 0]]]).max() <= 2


def test_a_damaged_profile_gives_none():
    pixels = np.zeros((1, 1, 1), np.uint8)
    assert srgb_pixels(pixels, grey_profile(1.0)[:140]) is None
    assert srgb_pixels(np.zeros((1, 1, 3), np.float32), rgb_profile(1.0)) is None


@pytest.mark.parametrize(
    ("suffix", "channels", "is_kept"),
    [("png", 1, True), ("jpg", 1, True), ("tif", 1, True), ("webp", 1, False), ("avif", 1, False),
     ("bmp", 1, False), ("gif", 1, False), ("webp", 3, True), ("avif", 3, True), ("bmp", 3, False),
     ("gif", 3, False)],
)  # fmt: skip
def test_a_profile_is_kept_or_its_colours_are_converted(tmp_path, suffix, channels, is_kept):
    profile = grey_profile(1.0) if channels == 1 else rgb_profile(1.0)
    picture = Picture(np.full((9, 9, channels), 128, np.uint8), icc_profile=profile)
    warnings = write_image(picture, tmp_path / f"a.{suffix}")
    back = read_image(tmp_path / f"a.{suffix}")
    assert back.icc_profile == (profile if is_kept else None)
    assert np.abs(back.pixels.astype(int) - (128 if is_kept else 188)).max() <= 2
    assert any("converted to sRGB" in warning for warning in warnings) == (not is_kept)


def cmyk_profile(darkest=0):
    """A profile whose lightness falls from 255 to `darkest` with K, whatever the inks are."""
    ramp = bytes(range(256))
    corners = b"".join(
        bytes([darkest if corner & 1 else 255, 128, 128])
        for corner in range(16)  # L*, a*, b*
    )
    matrix = struct.pack(">9i", *[65536 if i % 4 == 0 else 0 for i in range(9)])
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + corners + ramp * 3
    # Perceptual and relative intent have tables of their own.
    return profile_of([(b"A2B0", table), (b"A2B1", table), (b"wtpt", WHITE)], b"CMYK", b"Lab ")


def test_cmyk_is_converted_with_its_own_profile():
    image = Image.new("CMYK", (2, 1), (0, 0, 0, 128))
    image.putpixel((1, 0), (0, 0, 0, 0))
    converted = np.asarray(cmyk_to_srgb(image, cmyk_profile())).astype(int)
    # L* = 49.8 is grey 118 or 119 in sRGB; the plain formula gives 127.
    assert np.abs(converted[0, 0] - 118.5).max() <= 2
    assert converted[0, 1].min() >= 253
    assert (np.asarray(cmyk_to_srgb(image, None))[0, 0] == 127).all()


def test_the_darkest_ink_becomes_black():
    image = Image.new("CMYK", (1, 1), (0, 0, 0, 255))
    assert np.asarray(cmyk_to_srgb(image, cmyk_profile(darkest=40))).max() <= 2


def test_a_damaged_cmyk_profile_is_ignored():
    image = Image.new("CMYK", (1, 1), (0, 0, 0, 128))
    profile = cmyk_profile()
    for damaged in (profile[:200], profile[:12] + b"junk" + profile[16:], b"short"):
        assert (np.asarray(cmyk_to_srgb(image, damaged)) == 127).all()


def test_lab_becomes_srgb(make):
    # L* of 100, 0 and 50 without colour, and the red of sRGB; a* and b* are signed bytes in a TIFF.
    samples = np.array([[[255, 0, 0], [0, 0, 0], [128, 0, 0], [138, 81, 70]]], np.uint8)
    with Image.open(io.BytesIO(make.tiff(samples, photometric=8))) as image:
        image.load()
        pixels, alpha = split_channels(image, None)
    assert alpha is None
    expected = [[255, 255, 255], [0, 0, 0], [119, 119, 119], [255, 0, 0]]
    # One step of 8-bit a* or b* is several levels at the corner of sRGB.
    assert np.abs(pixels[0].astype(int) - expected).max() <= 6
