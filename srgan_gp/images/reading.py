"""`read_image`: one image file to a `Picture`, or a `PictureError` with the reason."""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.file_types import CONTAINERS, Container, silenced_pillow
from srgan_gp.images.picture import Picture
from srgan_gp.images.pillow_decoding import decode, opened

DEFAULT_MAX_PIXELS = 100_000_000


def read_image(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read one picture file: PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF, told by its content.

    Bit depth, grey, alpha, ICC profile, EXIF, XMP and resolution are kept; the EXIF orientation is
    applied; CMYK and Lab become sRGB. Of several frames or pages the first is read, which is noted.

    Args:
        path: a regular file.
        max_pixels: pictures with more pixels (width x height) are refused before they are decoded.

    Returns:
        The upright picture.

    Raises:
        PictureError: the file is not there, not readable, not a picture of these formats, damaged
            or too large; `code` says which, the message says what to do.
    """
    path = Path(path)
    with regular_file(path) as file:
        before = file_state(file)
        picture = decode_picture(file, max_pixels=max_pixels, suffix=path.suffix)
        check_unchanged(file, before)
    return picture


def file_state(file: BinaryIO) -> tuple[int, int]:
    """Give what changes when a file is written to: its size and its time."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def check_unchanged(file: BinaryIO, before: tuple[int, int]) -> None:
    """Compare with an earlier `file_state`.

    Raises:
        PictureError: E_CHANGED.
    """
    if file_state(file) != before:
        raise PictureError("E_CHANGED", "the file changed while it was read; try again")


@contextmanager
def regular_file(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a regular file to be read; a pipe or a device is never waited for.

    Raises:
        PictureError: it is not there, not readable or not a regular file.
    """
    try:
        _require_regular(path.stat().st_mode)
        without_waiting = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, os.O_RDONLY | without_waiting)
    except FileNotFoundError as error:
        raise PictureError("E_VANISHED", "there is no such file; check the name") from error
    except PermissionError as error:
        raise PictureError(
            "E_NO_PERMISSION", "there is no permission to read it; change its mode or its owner"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PictureError("E_UNREADABLE", f"it cannot be opened ({reason})") from error
    with os.fdopen(descriptor, "rb") as file:
        _require_regular(os.fstat(descriptor).st_mode)
        yield file


def _require_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise PictureError("E_NOT_A_FILE", "this is a folder; give a picture file")
    if not stat.S_ISREG(mode):
        raise PictureError(
            "E_NOT_A_FILE", "this is a pipe, a socket or a device; give a picture file"
        )


def decode_picture(file: BinaryIO, *, max_pixels: int, suffix: str = "") -> Picture:
    """Read a picture from an open, seekable file.

    Args:
        file: positioned at its start.
        max_pixels: as in `read_image`.
        suffix: of the file's name, to note a name that says another format.

    Raises:
        PictureError: as in `read_image`.
    """
    with silenced_pillow(), opened(file, max_pixels=max_pixels) as source:
        picture = decode(source)
        notes = picture.notes + suffix_notes(source.container, suffix)
        if _holds_more(source.image):
            notes += ("it holds more frames, pages or maps; only the first picture is used",)
    return replace(picture, notes=notes)


def _holds_more(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False)) or "mp" in image.info
    except Exception:  # A damaged second frame does not matter.
        return True


def suffix_notes(container: Container, suffix: str) -> tuple[str, ...]:
    """Say so when a file's name says another format than its content."""
    for other in CONTAINERS:
        if other is not container and suffix.lower() in other.suffixes:
            return (f"it is a {container.name} file in spite of its name ({suffix})",)
    return ()
