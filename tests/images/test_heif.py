"""HEIC files, written by another program: pixels, metadata, limits, damage.

`files/photo.heic` has EXIF orientation 6, an sRGB profile and XMP; `deep.heic` has 10 bits, and
`two.heic` two images. All show the same gradient of 64 x 48 pixels.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from pi_heif.as_plugin import HeifImageFile
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images import read_image, read_sequence
from srgan_gp.images.image_header import read_header

FILES = Path(__file__).parent / "files"
Y, X = np.mgrid[0:48, 0:64]
GRADIENT = np.stack([X * 4, Y * 5, (X + Y) * 2], -1)


def difference(pixels, expected):
    """Return the mean absolute difference in levels of 0 to 255; the files are lossy."""
    return np.abs(pixels.astype(int) - expected).mean()


def test_a_photo_is_upright_and_keeps_its_metadata():
    picture = read_image(FILES / "photo.heic")
    assert difference(picture.pixels, np.rot90(GRADIENT, -1)) < 4
    assert picture.icc_profile is not None
    assert picture.xmp is not None
    exif = Image.Exif()
    exif.load(picture.exif)
    assert (exif[0x0112], exif[0x010F]) == (1, "Maker")
    assert picture.notes == ()


def test_alpha_and_grey_are_kept():
    picture = read_image(FILES / "alpha.heic")
    assert difference(picture.pixels, GRADIENT) < 4
    assert difference(picture.alpha, X * 4) < 4
    assert difference(read_image(FILES / "grey.heic").pixels, X[..., np.newaxis] * 4) < 4


def test_bits_and_images_that_are_not_kept_are_noted():
    deep = read_image(FILES / "deep.heic")
    assert difference(deep.pixels, GRADIENT) < 4
    assert deep.notes == ("its 10 bits were read as 8 bits",)
    sequence = read_sequence(FILES / "two.heic")
    assert (sequence.kind, sequence.notes) == (
        "still",
        ("its further images or maps are not kept",),
    )


@pytest.mark.parametrize("name", ["photo.heic", "alpha.heic", "deep.heic", "grey.heic", "two.heic"])
def test_the_header_agrees_with_the_pixels(name):
    header, picture = read_header(FILES / name), read_image(FILES / name)
    assert (header.width, header.height, header.frames) == (picture.width, picture.height, 1)
    assert header.has_alpha == (picture.alpha is not None)
    assert header.format == picture.source_format


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch):
    assert read_image(FILES / "photo.heic", max_pixels=64 * 48).width == 48
    monkeypatch.setattr(HeifImageFile, "load", lambda _: pytest.fail("it was decoded"))
    for read in (read_image, read_sequence, read_header):
        with pytest.raises(PictureError) as refused:
            read(FILES / "photo.heic", max_pixels=64 * 48 - 1)
        assert refused.value.code == "E_TOO_MANY_PIXELS"


def test_pixels_of_another_size_than_in_the_header_are_refused(monkeypatch):
    load = HeifImageFile.load

    def load_more(image):
        load(image)
        image._size = (6400, 4800)

    monkeypatch.setattr(HeifImageFile, "load", load_more)
    with pytest.raises(PictureError) as refused:
        read_image(FILES / "photo.heic")
    assert refused.value.code == "E_DAMAGED"


def test_a_file_cut_short_or_with_another_size_is_damaged(tmp_path):
    data = (FILES / "grey.heic").read_bytes()
    place = data.index(b"ispe") + 8
    changed = [data[:size] for size in range(30, len(data), 40)]
    changed += [data[:place] + bytes([0, 0, high, 8] * 2) + data[place + 8 :] for high in (0, 99)]
    for number, block in enumerate(changed):
        path = tmp_path / f"{number}.heic"
        path.write_bytes(block)
        with pytest.raises(PictureError) as refused:
            read_image(path)
        assert refused.value.code == "E_DAMAGED"


def test_without_the_package_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif.as_plugin", None)
    with pytest.raises(PictureError, match="pip install pi-heif") as refused:
        read_image(FILES / "photo.heic")
    assert refused.value.code == "E_FORMAT_NOT_ALLOWED"


def test_another_suffix_is_noted(tmp_path):
    shutil.copy(FILES / "grey.heic", tmp_path / "photo.jpg")
    [note] = read_image(tmp_path / "photo.jpg").notes
    assert note == "its format is HEIF although its suffix is .jpg"
