"""`read_header`: size, frames, alpha and bit depth without decoding."""

import numpy as np
import pytest
from PIL import Image, ImageFile

from srgan_gp.errors import PictureError
from srgan_gp.images import FrameSequence, read_image
from srgan_gp.images.image_header import read_header


def test_the_orientation_is_applied_to_the_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    header = read_header(tmp_path / "a.jpg")
    assert (header.width, header.height, header.format) == (30, 40, "JPEG")


@pytest.mark.parametrize(
    ("mode", "has_alpha", "is_16_bit"),
    [("RGB", False, False), ("RGBA", True, False), ("LA", True, False), ("I;16", False, True)],
)
def test_alpha_and_bit_depth_are_read(tmp_path, mode, has_alpha, is_16_bit):
    Image.new(mode, (3, 2)).save(tmp_path / "a.png")
    header = read_header(tmp_path / "a.png")
    assert (header.has_alpha, header.is_16_bit) == (has_alpha, is_16_bit)
    picture = header.stand_in()
    assert picture.pixels.shape == (2, 3, 3)
    assert picture.pixels.dtype == (np.uint16 if is_16_bit else np.uint8)
    assert (picture.alpha is not None) == has_alpha


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_frames_of_an_animation_are_counted(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 3), (value, 0, 0)) for value in (0, 100, 200)]
    path = tmp_path / f"a{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    sequence = read_header(path).stand_in()
    assert isinstance(sequence, FrameSequence)
    assert (sequence.count, sequence.width, sequence.height) == (3, 4, 3)
    assert read_header(path, first_frame_only=True).frames == 1


def test_the_pages_of_a_tiff_are_counted(tmp_path):
    pages = [Image.new("RGB", size) for size in ((4, 3), (6, 2))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    sequence = read_header(tmp_path / "a.tif").stand_in()
    assert (sequence.kind, sequence.count) == ("pages", 2)
    assert (sequence.width, sequence.height) == (6, 3)
    assert read_header(tmp_path / "a.tif", first_frame_only=True).frames == 1


def test_the_size_of_a_turned_tiff_is_that_of_its_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 2)).save(tmp_path / "a.tif", exif=exif)
    header, picture = read_header(tmp_path / "a.tif"), read_image(tmp_path / "a.tif")
    assert (header.width, header.height) == (picture.width, picture.height) == (2, 6)


def test_the_header_of_a_truncated_file_is_read(tmp_path):
    Image.effect_noise((200, 100), 50).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    assert read_header(tmp_path / "a.png").width == 200


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
def test_no_pixel_is_decoded(tmp_path, monkeypatch, suffix):
    Image.new("L", (20, 10)).save(tmp_path / f"a{suffix}")
    decoded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append(image))
    assert read_header(tmp_path / f"a{suffix}").width == 20
    assert decoded == []


def test_a_placeholder_needs_no_memory(tmp_path):
    Image.new("1", (5_000, 4_000)).save(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png").stand_in().pixels.base.nbytes == 1


def test_too_many_pixels_are_refused(tmp_path):
    Image.new("1", (20, 10)).save(tmp_path / "a.png")
    with pytest.raises(PictureError) as refusal:
        read_header(tmp_path / "a.png", max_pixels=199)
    assert refusal.value.code == "E_TOO_MANY_PIXELS"


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("words")
    with pytest.raises(PictureError) as refusal:
        read_header(tmp_path / "a.png")
    assert refusal.value.code == "E_NOT_AN_IMAGE"
