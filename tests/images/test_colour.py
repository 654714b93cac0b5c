import io
import struct

import numpy as np
import pytest
from PIL import Image

from srgan_gp.images.colour import (
    cmyk_to_srgb,
    flattened_on_white,
    split_channels,
    to_depth,
    unpremultiplied,
)


def test_8_bits_become_16_and_come_back():
    levels = np.arange(256, dtype=np.uint8)
    wide = to_depth(levels, np.uint16)
    assert (wide[0], wide[255]) == (0, 65535)
    np.testing.assert_array_equal(wide, levels.astype(int) * 65535 // 255)
    np.testing.assert_array_equal(to_depth(wide, np.uint8), levels)


def test_16_bits_are_rounded_to_the_nearest_of_8():
    levels = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_depth(levels, np.uint8), np.rint(levels / 257))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_floats_and_back_is_exact(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    floats = to_depth(levels, np.float32)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (0, 1)
    np.testing.assert_array_equal(to_depth(floats, dtype), levels)


def test_floats_outside_0_to_1_are_clipped():
    np.testing.assert_array_equal(to_depth(np.float32([-1, 2]), np.uint8), [0, 255])


def test_the_same_depth_is_the_same_array():
    values = np.zeros(3, np.uint16)
    assert to_depth(values, np.uint16) is values


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_flattening_follows_the_formula(rng, dtype):
    full = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (rng.random((20, 20, 3)) * full).astype(dtype)
    alpha = (rng.random((20, 20)) * full).astype(dtype)
    alpha[0], alpha[1] = 0, full
    pixels[2], alpha[2] = full, full
    share = alpha[..., np.newaxis].astype(np.float64) / full
    expected = pixels * share + full * (1 - share)
    flat = flattened_on_white(pixels, alpha)
    assert flat.dtype == dtype
    assert np.abs(flat - expected).max() <= (1e-6 if full == 1.0 else 0.5)
    assert (flat[0] == full).all()  # nothing but white
    np.testing.assert_array_equal(flat[1], pixels[1])  # nothing but the picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_multiplied_by_alpha_come_back(rng, dtype):
    full = np.iinfo(dtype).max
    pixels = rng.integers(0, full, (20, 20, 3), dtype, endpoint=True)
    alpha = np.full((20, 20), full // 2 + 1, dtype)
    premultiplied = np.rint(pixels.astype(np.float64) * alpha[..., np.newaxis] / full).astype(dtype)
    difference = unpremultiplied(premultiplied, alpha).astype(int) - pixels
    assert np.abs(difference).max() <= 1  # half a level, doubled
    assert (unpremultiplied(premultiplied, np.zeros_like(alpha)) == 0).all()


def cmyk_profile(darkest=0):
    """A profile whose lightness falls from 255 to `darkest` with K, whatever the inks are."""
    ramp = bytes(range(256))
    corners = b"".join(
        bytes([darkest if corner & 1 else 255, 128, 128])
        for corner in range(16)  # L*, a*, b*
    )
    matrix = struct.pack(">9i", *[65536 if i % 4 == 0 else 0 for i in range(9)])
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + corners + ramp * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    start = 128 + 4 + 3 * 12
    tags = struct.pack(">I", 3)
    for intent in (b"A2B0", b"A2B1"):  # perceptual and relative share one table
        tags += intent + struct.pack(">II", start + len(white), len(table))
    tags += b"wtpt" + struct.pack(">II", start, len(white))
    body = tags + white + table
    header = bytearray(128)
    header[:4] = struct.pack(">I", 128 + len(body))
    header[8:12] = bytes([2, 0x10, 0, 0])
    header[12:24] = b"scnrCMYKLab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + body


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


def test_a_damaged_cmyk_profile_does_not_cost_the_picture():
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
