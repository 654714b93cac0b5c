import io
import json
import os
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.GifImagePlugin import GifImageFile

from srgan_gp.errors import PictureError
from srgan_gp.images import read_image
from srgan_gp.images.file_types import decoder_errors
from srgan_gp.images.reading import decode_picture

DAMAGE = {"E_DAMAGED", "E_NOT_AN_IMAGE", "E_NO_PIXELS", "E_FORMAT_NOT_ALLOWED",
          "E_TOO_MANY_PIXELS", "E_OUT_OF_RANGE", "E_NOT_FINITE", "E_OUT_OF_MEMORY"}  # fmt: skip
FORMATS = {
    "PNG": {}, "JPEG": {"quality": 60}, "WEBP": {}, "TIFF": {"compression": "tiff_lzw"},
    "BMP": {}, "GIF": {}, "AVIF": {},
}  # fmt: skip


def read(data, max_pixels=100_000):
    return decode_picture(io.BytesIO(data), max_pixels=max_pixels)


def small_file(name):
    y, x = np.mgrid[:12, :16]
    pixels = np.stack([x * 16, y * 20, (x * y) % 256], axis=2).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, name, **FORMATS[name])
    return buffer.getvalue()


def code_of(data):
    with pytest.raises(PictureError) as caught:
        read(data)
    return caught.value.code


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_refused_or_complete(name):
    data = small_file(name)
    whole = read(data).pixels
    for length in range(len(data)):
        try:
            pixels = read(data[:length]).pixels
        except PictureError as error:
            assert error.code in {"E_DAMAGED", "E_NOT_AN_IMAGE"}
            continue
        # The missing bytes are not pixels, such as the end marker of a PNG.
        np.testing.assert_array_equal(pixels, whole)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_a_truncated_16_bit_file_is_refused_or_complete(make, rng, kind, channels):
    samples = rng.integers(0, 65535, (5, 4, channels), np.uint16)
    data = getattr(make, kind)(samples)
    for length in range(len(data)):
        try:
            picture = read(data[:length])
        except PictureError as error:
            assert error.code in DAMAGE
            continue
        np.testing.assert_array_equal(picture.pixels, samples[..., :3])


@pytest.mark.parametrize("name", FORMATS)
def test_changed_bytes_give_an_image_or_a_picture_error(name):
    data = small_file(name)

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=8))
    def check(changes):
        changed = bytearray(data)
        for position, value in changes:
            changed[position] = value
        try:
            read(bytes(changed))
        except PictureError as error:
            assert error.code in DAMAGE

    check()


def test_every_changed_byte_in_the_pixels_of_a_png_is_detected(make, rng):
    data = make.png(rng.integers(0, 255, (4, 5, 3), np.uint8))
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    for position in range(start + 4, start + 4 + length + 4):
        changed = bytearray(data)
        changed[position] ^= 1
        assert code_of(bytes(changed)) == "E_DAMAGED"


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"%!PS-Adobe-3.0 EPSF", "EPS"), (b"%PDF-1.7", "PDF"), (b"8BPS\0\1", "Photoshop"),
     (b"<?xml version='1.0'?><svg/>", "SVG"), (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
     (b"\0\0\0\x1cftypcrx ", "camera raw"), (b"P6\n1 1\n255\n", "PPM"),
     (b"SIMPLE  =  T", "FITS"), (b"\0\0\1\0\1\0", "ICO"), (b"DDS |", "DDS"),
     (b"II*\0\x10\0\0\0CR\2\0", "camera raw"), (b"\xff\x0a\xfa", "JPEG XL")],
)  # fmt: skip
def test_the_message_names_an_unsupported_format(data, name):
    with pytest.raises(PictureError, match=f"{name} files cannot be read") as caught:
        read(data + b"\0" * 100)
    assert caught.value.code == "E_FORMAT_NOT_ALLOWED"


@pytest.mark.parametrize("name", ["JPEG", "GIF"])
def test_an_image_with_svg_in_a_comment_is_read(name):
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, name, comment=b"made from <svg width=3>")
    assert b"<svg" in file.getvalue()
    assert read(file.getvalue()).pixels.shape[:2] == (3, 4)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"hello\n", b"<!doctype html><html></html>", "grüß Gott".encode() * 9,
     b"PK\3\4" + b"\0" * 60, b"RIFF\0\0\0\0WAVE", b"\x7fELF" + b"\xff" * 200,
     b"\0\0\0\x1cftypisom"],
)  # fmt: skip
def test_other_content_is_not_an_image(data):
    assert code_of(data) == "E_NOT_AN_IMAGE"


def test_only_the_plugins_of_supported_formats_are_imported(tmp_path):
    for name in FORMATS:
        (tmp_path / name.lower()).write_bytes(small_file(name))
    (tmp_path / "picture.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    program = """
import subprocess, sys
from pathlib import Path
from srgan_gp.errors import PictureError
from srgan_gp.images import read_image
def refuse(*arguments, **options): raise AssertionError("a process was started")
subprocess.Popen.__init__ = refuse
for path in sorted(Path(sys.argv[1]).iterdir()):
    try: print("read", read_image(path).source_format)
    except PictureError as error: print(error.code)
print(*sorted(name for name in sys.modules if name.endswith("ImagePlugin")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    *results, plugins = done.stdout.splitlines()
    assert sorted(results) == sorted(
        [f"read {name}" for name in FORMATS] + ["E_FORMAT_NOT_ALLOWED"]
    )
    allowed = {
        f"PIL.{name}ImagePlugin" for name in ("Avif", "Bmp", "Gif", "Jpeg", "Png", "Tiff", "WebP")
    }
    assert set(plugins.split()) <= allowed


def bombs(make):
    tiny = np.zeros((1, 1, 3), np.uint8)
    side = 30_000
    jpeg = small_file("JPEG")
    frame = jpeg.index(b"\xff\xc0") + 5
    bmp = small_file("BMP")
    return {
        "PNG": make.png(tiny, size=(side, side)),
        "TIFF": make.tiff(tiny, tags=[(256, 4, [side]), (257, 4, [side])]),
        "JPEG": jpeg[:frame] + struct.pack(">HH", side, side) + jpeg[frame + 4 :],
        "BMP": bmp[:18] + struct.pack("<ii", side, side) + bmp[26:],
        "GIF": b"GIF89a" + struct.pack("<HH", side, side) + small_file("GIF")[10:],
        "WEBP": small_file("WEBP"),
        "AVIF": small_file("AVIF"),
    }


@pytest.mark.parametrize("name", FORMATS)
def test_too_many_pixels_are_refused_before_they_are_decoded(make, monkeypatch, name):
    def load(image):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    limit = 100 if name in ("WEBP", "AVIF") else 100_000_000
    started = time.thread_time()
    with pytest.raises(PictureError) as caught:
        read(bombs(make)[name], max_pixels=limit)
    assert caught.value.code == "E_TOO_MANY_PIXELS"
    assert "16 x 12 = 192" in str(caught.value) or "30000 x 30000 = 900,000,000" in str(
        caught.value
    )
    assert time.thread_time() - started < 1


def test_a_gif_frame_larger_than_its_canvas_is_checked(make):
    gif = bytearray(small_file("GIF"))
    frame = gif.index(b"\x2c\0\0\0\0")
    gif[frame + 5 : frame + 9] = struct.pack("<HH", 60_000, 60_000)
    assert code_of(bytes(gif)) == "E_TOO_MANY_PIXELS"


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP"])
@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_an_image_of_size_0_has_its_own_error_code(make, name, size):
    if name == "PNG":
        data = make.png(np.zeros((1, 1, 3), np.uint8), size=size)
    elif name == "GIF":
        data = b"GIF89a" + struct.pack("<HH", *size) + small_file("GIF")[10:]
    else:
        bmp = small_file("BMP")
        data = bmp[:18] + struct.pack("<ii", *size) + bmp[26:]
    assert code_of(data) == "E_NO_PIXELS"


@pytest.mark.parametrize("tags", [[(254, 4, [1])], [(50706, 4, [1])]])
def test_the_preview_of_a_camera_raw_file_is_refused(make, tags):
    data = make.tiff(np.zeros((2, 3, 3), np.uint8), tags=tags)
    assert code_of(data) == "E_FORMAT_NOT_ALLOWED"


def test_an_unsupported_kind_of_tiff_is_refused(make):
    with pytest.raises(PictureError, match="kind of TIFF") as caught:
        read(make.tiff(np.zeros((2, 3, 3), np.float32), sample_format=3))
    assert caught.value.code == "E_FORMAT_NOT_ALLOWED"


def test_a_16_bit_file_opencv_cannot_decode_is_damaged(make, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: None)
    assert code_of(make.png(np.zeros((2, 2, 3), np.uint16))) == "E_DAMAGED"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("Unknown compression method 1 in iCCP chunk", "without its colour profile"),
        ("unknown pixel mode", "with 8 or 16 bits"),
    ],
)
def test_the_advice_fits_what_is_not_supported(reason, advice):
    with pytest.raises(PictureError, match=f"save it again {advice}$"), decoder_errors("PNG"):
        raise SyntaxError(reason)


def test_a_memory_error_has_its_own_error_code():
    with pytest.raises(PictureError) as caught, decoder_errors("PNG"):
        raise MemoryError
    assert caught.value.code == "E_OUT_OF_MEMORY"


def test_damaged_later_frames_do_not_matter(monkeypatch):
    data = small_file("GIF")

    def is_animated(image):
        raise ValueError("damaged")

    monkeypatch.setattr(GifImageFile, "is_animated", property(is_animated))
    assert read(data).pixels.shape == (12, 16, 3)


@pytest.mark.shared
def test_every_odd_file_gives_an_image_or_a_picture_error(tmp_path):
    root = Path(__file__).resolve().parents[2]
    shared = Path(os.environ.get("SRGAN_GP_SHARED", root.parent / "shared"))
    listing = json.loads((shared / "data" / "odd_files.json").read_text())["files"]
    allowed = {"PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"}
    with zipfile.ZipFile(shared / "data" / "odd_files.zip") as archive:
        for entry in listing:
            path = tmp_path / Path(entry["name"]).name
            path.write_bytes(archive.read(entry["name"]))
            started, seen = time.thread_time(), entry["pillow"]
            try:
                picture = read_image(path)
            except PictureError as error:
                is_valid = seen.get("load") == "ok" and seen["format"] in allowed
                assert entry["name"].startswith("malformed/") or not is_valid, (entry, str(error))
            else:
                size = seen["size"]
                if seen.get("exif_orientation", 1) >= 5:
                    size = size[::-1]
                assert [picture.width, picture.height] == size, entry["name"]
            assert time.thread_time() - started < 20
