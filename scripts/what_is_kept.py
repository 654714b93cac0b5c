#!/usr/bin/env python3
"""Print the table of properties of an image that each output format keeps.

Each cell is the result of a trial: an image is written in the format and read back. The functions
of the cells take the name of the format, a key of `FORMATS`, which is also Pillow's name of it.
`scripts/update_readme.py` inserts the table into docs/guides/formats.md.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
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
"""Times of three frames in milliseconds. Formats store 40 exactly if their unit is 10 ms, 33 if it
is 1 ms, and 1000/30 only if they store fractions."""
_ORIENTATION, _MAKE = 0x0112, 0x010F  # EXIF tags
_ROTATED = 6  # orientation of an image that is shown rotated by 90 degrees
_TOLERANCE = 12  # levels of 255 by which a lossy format may change a uniform area


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
    if np.array_equal(_round_trip(Picture(pixels), name).pixels, pixels):
        return "yes" if FORMATS[name].keeps_colours else "up to 256 colours"
    best = _round_trip(Picture(pixels), name, quality=100)
    return "at quality 100" if np.array_equal(best.pixels, pixels) else "no"


def bits(name: str) -> str:
    """Return the bits per channel that are kept of an image with 16 bits per channel."""
    pixels = np.full((8, 8, 3), 40_000, np.uint16)
    return str(_round_trip(Picture(pixels), name).pixels.itemsize * 8)


def grey(name: str) -> str:
    """Return whether grey is kept or converted to RGB."""
    pixels = np.full((8, 8, 1), 90, np.uint8)
    return "yes" if _round_trip(Picture(pixels), name).pixels.shape[2] == 1 else "as RGB"


def alpha(name: str) -> str:
    """Return whether partial transparency is kept."""
    # (32, 32): four columns of different transparency, eight pixels wide.
    plane = np.array([[0, 90, 200, 255]], np.uint8).repeat(8, axis=1).repeat(32, axis=0)
    decoded = _round_trip(Picture(_uniform(), plane), name)
    if decoded.alpha is None:
        return "composited over white"
    return "yes" if _is_near(decoded.alpha, plane) else "binary"


def profile(name: str) -> str:
    """Return whether an ICC profile is kept."""
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = _round_trip(Picture(_uniform(), icc_profile=content), name)
    return "yes" if decoded.icc_profile == content else "converted to sRGB"


def metadata(name: str) -> str:
    """Return whether EXIF and XMP are kept, with the orientation updated."""
    xmp = b"<x:xmpmeta/>"
    decoded = _round_trip(Picture(_uniform(), exif=_exif(_ROTATED), xmp=xmp), name)
    if decoded.exif is None and decoded.xmp is None:
        return "no"
    exif = Image.Exif()
    exif.load(decoded.exif or b"")
    assert decoded.xmp == xmp
    # The pixels of a `Picture` are upright: its orientation is written as 1, not rotated.
    assert (exif.get(_ORIENTATION, 1), exif[_MAKE]) == (1, "maker")
    return "yes"


def orientation(name: str) -> str:
    """Return whether the EXIF orientation is applied in reading; "-" if none can be stored."""
    image, buffer = Image.fromarray(_uniform()), io.BytesIO()
    try:
        image.resize((16, 8)).save(buffer, name, exif=b"Exif\0\0" + _exif(_ROTATED))
    except (OSError, KeyError):  # Pillow cannot write this format
        return "-"
    decoded = _decoded(buffer.getvalue())
    return "applied" if (decoded.width, decoded.height) == (8, 16) else "-"


def several(name: str) -> tuple[str, str]:
    """Return the kind of sequence that is kept, and the precision of the times of its frames."""
    for kind in ("animation", "pages"):
        frames = []
        for index, time in enumerate(_TIMES):
            pixels = _uniform() + np.uint8(index)  # equal frames might be merged
            frames.append(Frame(Picture(pixels), float(time)))
        sequence = FrameSequence(iter(frames), len(frames), kind, 32, 32)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sequence"
            try:
                with path.open("wb") as file:
                    write_sequence(sequence, file, format=name)
            except PictureError:  # the format has no such sequences
                continue
            times = [frame.milliseconds for frame in read_sequence(path).frames]
        assert len(times) == len(_TIMES)  # no frame was merged or lost
        return kind, _exactness(times) if kind == "animation" else "-"
    return "no", "-"


def _exactness(milliseconds: list[float]) -> str:
    """Return the precision with which a format stored `_TIMES`, from the times read back."""
    if [Fraction(time).limit_denominator(100) for time in milliseconds] == list(_TIMES):
        return "exact"
    return "1 ms" if any(time % 10 for time in milliseconds) else "10 ms"


def _round_trip(picture: Picture, name: str, quality: int | None = None) -> Picture:
    """Write an image in a format and read it back."""
    buffer = io.BytesIO()
    encode_image(picture, buffer, format=name, quality=quality)
    return _decoded(buffer.getvalue())


def _decoded(data: bytes) -> Picture:
    """Decode a file."""
    return decode_picture(io.BytesIO(data), max_pixels=1_000_000)


def _uniform() -> Array:
    """Return pixels of one colour, (32, 32, 3), uint8 RGB, which lossy formats hardly change."""
    return np.full((32, 32, 3), (200, 60, 30), np.uint8)


def _exif(orientation: int) -> bytes:
    """Return EXIF data with an orientation and the maker of a camera, without the file header."""
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_MAKE] = orientation, "maker"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def _is_near(first: Array, second: Array) -> bool:
    """Return whether two uint8 arrays differ by at most `_TOLERANCE` levels."""
    return int(np.abs(first.astype(int) - second.astype(int)).max()) <= _TOLERANCE


if __name__ == "__main__":
    sys.exit(main())
