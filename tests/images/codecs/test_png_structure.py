"""Written PNG files follow the specification: chunks, checksums, order, length of the stream."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from srgan_gp.images import Picture, encode_image, read_image, write_image
from srgan_gp.images.codecs import row_encoding

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def walk(data):
    """Check a PNG as pngcheck does; return its chunks as (type, content) and the filtered rows."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = [], 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        content = data[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert checksum == zlib.crc32(kind + content)
        chunks.append((kind, content))
        place += 12 + length
    assert place == len(data)
    kinds = [kind for kind, _ in chunks]
    first = kinds.index(b"IDAT")
    last = len(kinds) - 1 - kinds[::-1].index(b"IDAT")
    assert kinds[0] == b"IHDR"
    assert set(kinds[first : last + 1]) == {b"IDAT"}  # nothing between them
    assert kinds[last + 1 :] == [b"IEND"]
    for kind in (b"iCCP", b"pHYs", b"eXIf"):
        assert kinds.count(kind) <= 1
        assert kind not in kinds[first:]
    width, height, bits, colours, *methods = struct.unpack(">IIBBBBB", chunks[0][1])
    assert methods == [0, 0, 0]  # DEFLATE, the five filters, not interlaced
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colours]
    reader = zlib.decompressobj()
    rows = reader.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    assert reader.eof
    assert reader.unused_data == b""
    assert len(rows) == height * (1 + width * channels * bits // 8)
    assert set(rows[:: 1 + width * channels * bits // 8]) <= {0, 1, 2, 3, 4}
    return chunks, rows


def picture_of(rng, dtype, channels, height=60, width=50):
    values = rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype)
    values[:20] = 7
    colours = channels - (channels in (2, 4))
    alpha = values[..., -1] if channels != colours else None
    return Picture(values[..., :colours], alpha=alpha)


def encoded(picture):
    file = io.BytesIO()
    encode_image(picture, file, format="png")
    return file.getvalue()


@pytest.mark.parametrize("band_bytes", [1, 3000, 1 << 20])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_chunks_checksums_and_length(rng, monkeypatch, dtype, channels, band_bytes):
    monkeypatch.setattr(row_encoding, "_BAND_BYTES", band_bytes)
    picture = picture_of(rng, dtype, channels)
    walk(encoded(picture))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_thin_images(rng, shape):
    picture = picture_of(rng, np.uint16, 4, *shape)
    walk(encoded(picture))


def test_16_bits_are_big_endian():
    pixels = np.full((1, 1, 3), 0x1234, np.uint16)
    assert walk(encoded(Picture(pixels)))[1][1:] == b"\x12\x34" * 3


def test_red_is_first():
    pixels = np.zeros((1, 1, 3), np.uint8)
    pixels[..., 0] = 200
    data = encoded(Picture(pixels))
    assert walk(data)[1][1:] == bytes([200, 0, 0])
    assert Image.open(io.BytesIO(data)).getpixel((0, 0)) == (200, 0, 0)


def test_views_of_other_layouts_are_encoded(rng):
    bgr = rng.integers(0, 256, (40, 30, 3), np.uint8)
    for pixels in (bgr[..., ::-1], bgr[::-1, ::-1], bgr[5:20, 7:25], np.asfortranarray(bgr)):
        seen = np.asarray(Image.open(io.BytesIO(encoded(Picture(pixels)))))
        np.testing.assert_array_equal(seen, pixels)


def test_metadata_comes_before_the_pixels_and_is_read_again(rng, make, monkeypatch, tmp_path):
    monkeypatch.setattr(row_encoding, "_BAND_BYTES", 1000)
    exif = make.exif({0x0112: 1, 0x010F: 77})
    pixels = picture_of(rng, np.uint8, 3).pixels
    whole = Picture(pixels, icc_profile=SRGB, exif=exif, xmp=XMP, dpi=(300.0, 300.0))
    path = tmp_path / "a.png"
    write_image(whole, path)
    chunks, _ = walk(path.read_bytes())
    kinds = [kind for kind, _ in chunks]
    assert kinds[:5] == [b"IHDR", b"iCCP", b"pHYs", b"eXIf", b"iTXt"]
    seen = read_image(path)
    assert seen.icc_profile == SRGB
    assert (seen.exif, seen.xmp) == (exif, XMP)
    assert seen.dpi == pytest.approx((300, 300), abs=0.02)
    np.testing.assert_array_equal(seen.pixels, pixels)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("transparent", [False, True])
def test_palette_input_is_written_exactly(rng, tmp_path, interlaced, transparent):
    indices = rng.integers(0, 8, (40, 30), np.uint8)
    colours = rng.integers(0, 256, (8, 3), np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(colours.tobytes())
    source = tmp_path / "palette.png"
    # Pillow cannot write interlaced files; OpenCV and Pillow read the same pixels either way.
    options = {"transparency": 3} if transparent else {}
    image.save(source, **options)
    if interlaced:
        source.write_bytes(interlaced_palette(indices, colours, transparent))
    picture = read_image(source)
    np.testing.assert_array_equal(picture.pixels, colours[indices])
    target = tmp_path / "result.png"
    write_image(picture, target)
    walk(target.read_bytes())
    seen = np.asarray(Image.open(target))
    np.testing.assert_array_equal(seen[..., :3], colours[indices])
    if transparent:
        np.testing.assert_array_equal(seen[..., 3], np.where(indices == 3, 0, 255))


def interlaced_palette(indices, colours, transparent):
    """A palette PNG whose pixels are in the seven passes of Adam7 (chapter 8 of the PNG format)."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
              (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))  # fmt: skip
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, right in passes
        for row in indices[top::down, left::right]
    )
    height, width = indices.shape
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 1)),
             (b"PLTE", colours.tobytes())]  # fmt: skip
    if transparent:
        parts.append((b"tRNS", bytes([255, 255, 255, 0])))
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(kind, content):
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
