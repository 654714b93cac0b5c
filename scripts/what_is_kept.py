#!/usr/bin/env python3
"""Print the table of what each format keeps of an image, for docs/guides/formats.md.

scripts/what_is_kept.py             print the table; scripts/update_readme.py inserts it
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from srgan_gp.errors import PictureError
from srgan_gp.images import (
    FORMATS,
    Frame,
    FrameSequence,
    Picture,
    encode_image,
    read_sequence,
    write_sequence,
)
from srgan_gp.images.picture import Array
from srgan_gp.images.reading import decode_picture

COLUMNS = (
    "format", "lossless", "bits", "grey", "alpha", "ICC profile", "EXIF, XMP",
    "orientation", "several images", "times",
)  # fmt: skip
_TIMES = (Fraction(1000, 30), Fraction(33), Fraction(40))
"""Milliseconds: a time that only exact values keep, one of whole ms, and one of tens of ms."""
_ORIENTATION, _MAKE = 0x0112, 0x010F  # EXIF tags
_ROTATED = 6  # orientation of an image that is shown rotated by 90 degrees
_TOLERANCE = 12  # levels of 255 that a lossy format may change in an even colour


def main() -> int:
    """Print the table."""
    print("\n".join(rows()))
    return 0


def rows() -> Iterator[str]:
    """Yield the lines of the table: a row for each output format."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    for name in FORMATS:
        values = (
            lossless(name), bits(name), grey(name), alpha(name), profile(name),
            metadata(name), orientation(name), *several(name),
        )  # fmt: skip
        yield f"| {' | '.join((name, *values))} |"


def lossless(name: str) -> str:
    """Return whether, or at which quality, all pixels are kept exactly."""
    y, x = np.mgrid[:16, :16].astype(np.uint8)
    pixels = np.stack([x * 16, y * 16, x ^ y], axis=2)[:15]  # 240 colours fit into a palette
    if np.array_equal(again(Picture(pixels), name).pixels, pixels):
        return "yes" if FORMATS[name].keeps_colours else "up to 256 colours"
    is_same = np.array_equal(again(Picture(pixels), name, quality=100).pixels, pixels)
    return "at quality 100" if is_same else "no"


def bits(name: str) -> str:
    """Return the bit depth that is kept."""
    pixels = np.full((8, 8, 3), 40_000, np.uint16)
    return str(again(Picture(pixels), name).pixels.itemsize * 8)


def grey(name: str) -> str:
    """Return whether grey is kept or converted to RGB."""
    pixels = np.full((8, 8, 1), 90, np.uint8)
    return "yes" if again(Picture(pixels), name).pixels.shape[2] == 1 else "as RGB"


def alpha(name: str) -> str:
    """Return whether partial transparency is kept."""
    picture = Picture(_even(), np.array([[0, 90, 200, 255]], np.uint8).repeat(8, 1).repeat(32, 0))
    back = again(picture, name).alpha
    if back is None:
        return "composited over white"
    assert picture.alpha is not None  # as it was made above
    return "yes" if _is_near(back, picture.alpha) else "binary"


def profile(name: str) -> str:
    """Return whether an ICC profile is kept."""
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    back = again(Picture(_even(), icc_profile=content), name)
    return "yes" if back.icc_profile == content else "converted to sRGB"


def metadata(name: str) -> str:
    """Return whether EXIF and XMP are kept, with orientation and size updated."""
    back = again(Picture(_even(), exif=_exif(_ROTATED), xmp=b"<x:xmpmeta/>"), name)
    if back.exif is None and back.xmp is None:
        return "no"
    exif = Image.Exif()
    exif.load(back.exif or b"")
    assert back.xmp == b"<x:xmpmeta/>"
    assert (exif.get(_ORIENTATION, 1), exif[_MAKE]) == (1, "maker")  # the pixels are upright
    return "yes"


def orientation(name: str) -> str:
    """Return whether the EXIF orientation is applied in reading; "-" if none can be stored."""
    image, buffer = Image.fromarray(_even()), io.BytesIO()
    try:
        image.resize((16, 8)).save(buffer, name, exif=b"Exif\0\0" + _exif(_ROTATED))
    except (OSError, KeyError):  # without EXIF, or unknown to Pillow
        return "-"
    back = _decoded(buffer.getvalue())
    return "applied" if (back.width, back.height) == (8, 16) else "-"


def several(name: str) -> tuple[str, str]:
    """Return the kind of sequence that is kept, and the precision of its times."""
    for kind in ("animation", "pages"):
        frames = [
            Frame(Picture(np.roll(_even(), index, axis=0) + np.uint8(index)), float(time))
            for index, time in enumerate(_TIMES)
        ]
        sequence = FrameSequence(iter(frames), len(frames), kind, 32, 32)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sequence"
            try:
                with path.open("wb") as file:
                    write_sequence(sequence, file, format=name)
            except PictureError:
                continue
            back = [frame.milliseconds for frame in read_sequence(path).frames]
        assert len(back) == len(_TIMES)
        return kind, _exactness(back) if kind == "animation" else "-"
    return "no", "-"


def _exactness(milliseconds: list[float]) -> str:
    if [Fraction(time).limit_denominator(100) for time in milliseconds] == list(_TIMES):
        return "exact"
    return "1 ms" if any(time % 10 for time in milliseconds) else "10 ms"


def again(picture: Picture, name: str, quality: int | None = None) -> Picture:
    """Write an image and read it back."""
    buffer = io.BytesIO()
    encode_image(picture, buffer, format=name, quality=quality)
    return _decoded(buffer.getvalue())


def _decoded(data: bytes) -> Picture:
    return replace(decode_picture(io.BytesIO(data), max_pixels=1_000_000), notes=())


def _even() -> Array:
    return np.full((32, 32, 3), (200, 60, 30), np.uint8)


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_MAKE] = orientation, "maker"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def _is_near(first: Array, second: Array) -> bool:
    return int(np.abs(first.astype(int) - second.astype(int)).max()) <= _TOLERANCE


if __name__ == "__main__":
    sys.exit(main())
