"""`read_image`, `read_picture` and `decode_picture`: read an image file as a `Picture`.

`read_image` is the public function; it takes bytes and open files too. `regular_file`, `file_state`
and `check_unchanged` open a file safely, and detect that another program writes to it.
"""

import io
import os
import re
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.file_types import CONTAINERS, Container, silenced_pillow
from srgan_gp.images.picture import Picture
from srgan_gp.images.pillow_decoding import decode, open_source
from srgan_gp.system.paths import similar_name

DEFAULT_MAX_PIXELS = 100_000_000
"""Default limit of width x height of an input image: its pixels take 300 MB as 8-bit RGB. With a
higher limit, a small file that states a huge size takes more memory; a lower one refuses photos."""


class _BinaryFile(Protocol):
    """A file that is open for reading bytes, or a stream such as the body of a response."""

    def read(self) -> bytes: ...


ImageFile = str | Path | bytes | bytearray | memoryview | _BinaryFile
"""An image file: its path, its bytes, or a binary file that is open for reading."""

_BYTES = bytes | bytearray | memoryview


def read_image(path: ImageFile, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read a PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC file; the suffix does not matter.

    Bit depth, grey, alpha, ICC profile, EXIF, XMP and resolution are kept. The EXIF orientation is
    applied, and CMYK and Lab are converted to sRGB. If there are several frames or pages, the first
    is read and a note is added.

    Args:
        path: path of a regular file; or the bytes of a file; or a binary file, open for reading,
            which is read from its position to its end.
        max_pixels: limit of width x height, checked before the pixels are decoded.

    Returns:
        The image; its `notes` name what was not kept.

    Raises:
        PictureError: the file is missing, not readable, not an image of these formats, damaged or
            too large; `code` is the reason, and the message names the path, "the bytes" or "the
            file object", and says what to do.
        TypeError: `path` is something else, or `max_pixels` not an integer.
    """
    # The casts hide the declared types, so that the type checker accepts the checks.
    if not is_image_file(path):
        raise TypeError(
            f"read_image takes a path, bytes or a file, got {type(cast('object', path)).__name__}; "
            "Upscaler.upscale and write_image take images of Pillow and arrays"
        )
    if not isinstance(cast("object", max_pixels), Integral) or isinstance(max_pixels, bool):
        raise TypeError(f"max_pixels must be an integer, got {max_pixels!r}")
    try:
        if isinstance(path, str | os.PathLike):
            if str(path) == "":
                raise PictureError("E_NOT_FOUND", "the path is empty; pass that of an image file")
            return read_picture(Path(path), max_pixels=max_pixels)
        return decode_picture(_in_memory(path), max_pixels=max_pixels)
    except PictureError as error:
        # The advice of the message is for the command line; here it names the parameter.
        message = str(error).replace("raise --max-pixels", "pass a larger max_pixels to read_image")
        hint = _path_hint(str(path)) if error.code == "E_NOT_FOUND" else ""
        error.args = (f"{message_start(path)}{message}{hint}",)
        raise


def is_image_file(value: object) -> bool:
    """Return whether a value is of a type that `read_image` takes: a path, bytes, or a file."""
    return isinstance(value, str | os.PathLike | _BYTES) or hasattr(value, "read")


def message_start(file: ImageFile) -> str:
    """Return the start of a message about an image file: its path, or what it is instead.

    >>> message_start("a.png"), message_start(b""), message_start("")
    ('a.png: ', 'the bytes: ', '')
    """
    if isinstance(file, str | os.PathLike):
        return f"{file}: " if str(file) else ""
    return "the bytes: " if isinstance(file, _BYTES) else "the file object: "


def _in_memory(file: bytes | bytearray | memoryview | _BinaryFile) -> BinaryIO:
    """Return a seekable file of bytes, or of the rest of an open file, which may be a stream.

    Raises:
        PictureError: the open file cannot be read, or is at its end.
        TypeError: the file returns something else than bytes.
    """
    if isinstance(file, _BYTES):
        return io.BytesIO(bytes(cast("bytes", file)))
    try:
        data = cast("object", file.read())
    except (OSError, ValueError) as error:
        # A ValueError: it is closed, or not open for reading.
        advice = '; open it with the mode "rb"' if isinstance(error, ValueError) else ""
        raise PictureError("E_UNREADABLE", f"it cannot be read ({error}){advice}") from error
    if not isinstance(data, _BYTES):
        raise TypeError(
            f'the file object returns {type(data).__name__}; open a file with the mode "rb"'
        )
    if not data:
        raise PictureError("E_UNREADABLE", "it is at its end or empty; call its seek(0) before")
    return io.BytesIO(bytes(cast("bytes", data)))


def _path_hint(path: str) -> str:
    """Return advice on a missing path that is a URL, a home directory or a pattern, or ""."""
    if re.match("[a-z][a-z0-9+.-]+:/", path):
        return "; a URL is not read, download the file first"
    if path.startswith("~"):
        return "; ~ is not expanded, pass Path(...).expanduser()"
    if any(sign in path for sign in "*?["):
        return "; patterns are not expanded, pass sorted(Path().glob(...)) to Upscaler.upscale"
    return ""


def read_picture(path: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read an image file as `read_image` does, with errors that do not name the path.

    It is for callers that add the name of the file to the message themselves.

    Raises:
        PictureError: as for `read_image`.
    """
    with regular_file(path) as file:
        return decode_picture(file, max_pixels=max_pixels, suffix=path.suffix)


def file_state(file: BinaryIO) -> tuple[int, int]:
    """Return (size in bytes, modification time in nanoseconds) of an open file."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def check_unchanged(file: BinaryIO, state: tuple[int, int]) -> None:
    """Check that size and modification time of a file have not changed.

    Args:
        file: open file.
        state: result of an earlier `file_state`, perhaps of another open file of the same path.

    Raises:
        PictureError: E_CHANGED.
    """
    if file_state(file) != state:
        raise PictureError("E_CHANGED", "the file changed while it was read; try again")


@contextmanager
def regular_file(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a regular file for reading; a pipe or a device is refused without blocking.

    Yields:
        The file, positioned at its start.

    Raises:
        PictureError: the file is missing, not readable or not a regular file; or E_CHANGED, it was
            written to during the block.
    """
    try:
        _require_regular(path.stat().st_mode)
        # O_NONBLOCK: opening a pipe does not wait. O_BINARY: Windows does not convert line ends.
        # Each flag exists on some systems only.
        flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, os.O_RDONLY | flags)
    except FileNotFoundError as error:
        similar = similar_name(path)
        advice = f"did you mean {path.with_name(similar)}?" if similar else "check the name"
        raise PictureError("E_NOT_FOUND", f"it does not exist; {advice}") from error
    except PermissionError as error:
        raise PictureError(
            "E_NO_PERMISSION", "there is no permission to read it; change its mode or its owner"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: the path contains a null byte
        reason = getattr(error, "strerror", None) or str(error)
        raise PictureError("E_UNREADABLE", f"it cannot be opened ({reason})") from error
    with os.fdopen(descriptor, "rb") as file:
        _require_regular(os.fstat(descriptor).st_mode)  # the path may have been replaced
        state = file_state(file)
        yield file
        check_unchanged(file, state)


def _require_regular(mode: int) -> None:
    """Raise E_NOT_A_FILE if `mode`, the `st_mode` of a file, is not that of a regular file."""
    if stat.S_ISDIR(mode):
        raise PictureError("E_NOT_A_FILE", "this is a folder; pass an image file")
    if not stat.S_ISREG(mode):
        raise PictureError(
            "E_NOT_A_FILE", "this is a pipe, a socket or a device; pass an image file"
        )


def decode_picture(file: BinaryIO, *, max_pixels: int, suffix: str = "") -> Picture:
    """Read an image from an open, seekable file.

    Args:
        file: open file, positioned at its start.
        max_pixels: as in `read_image`.
        suffix: suffix of the file's name; a note is added if it is the suffix of another format.

    Returns:
        As `read_image`.

    Raises:
        PictureError: as in `read_image`.
    """
    with silenced_pillow(), open_source(file, max_pixels=max_pixels) as source:
        picture = decode(source)
        notes = picture.notes + suffix_notes(source.container, suffix)
        if _has_more_images(source.image):
            notes += ("it has more frames, pages or maps; only the first image is used",)
    return replace(picture, notes=notes)


def _has_more_images(image: Image.Image) -> bool:
    """Return whether a file has more than one frame or page, or a JPEG contains more images."""
    try:
        # Pillow sets "mp" for the Multi-Picture Format, such as a JPEG with a gain map.
        return bool(getattr(image, "is_animated", False)) or "mp" in image.info
    except Exception:  # Pillow found a damaged second frame; the first one can still be used.
        return True


def suffix_notes(container: Container, suffix: str) -> tuple[str, ...]:
    """Return a note if a suffix such as `.jpg` belongs to another type than `container`, or ()."""
    for other in CONTAINERS:
        if other is not container and suffix.lower() in other.suffixes:
            return (f"its format is {container.name} although its suffix is {suffix}",)
    return ()
