"""`read_image`, `read_picture` and `decode_picture`: read an image file as a `Picture`.

`read_image` is the public function. `regular_file`, `file_state` and `check_unchanged` open a file
safely, and detect that another program writes to it.
"""

import os
import re
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import BinaryIO, cast

from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.file_types import CONTAINERS, Container, silenced_pillow
from srgan_gp.images.picture import Picture
from srgan_gp.images.pillow_decoding import decode, open_source
from srgan_gp.system.paths import similar_name

DEFAULT_MAX_PIXELS = 100_000_000
"""Default limit of width x height of an input image."""

_CHANGED = "the file changed while it was read; try again"


def read_image(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read a PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC file; the suffix does not matter.

    Bit depth, grey, alpha, ICC profile, EXIF, XMP and resolution are kept. The EXIF orientation is
    applied, and CMYK and Lab are converted to sRGB. If there are several frames or pages, the first
    is read and a note is added.

    Args:
        path: a regular file.
        max_pixels: limit of width x height, checked before the pixels are decoded.

    Returns:
        The image; its `notes` name what was not kept.

    Raises:
        PictureError: the file is missing, not readable, not an image of these formats, damaged or
            too large; `code` is the reason, and the message names the path and says what to do.
        TypeError: `path` is not a path, or `max_pixels` not an integer.
    """
    # The casts hide the declared types, so that the type checker accepts the checks.
    if not isinstance(cast("object", path), str | os.PathLike):
        raise TypeError(
            f"read_image takes the path of a file, got {type(path).__name__}; Upscaler.upscale and "
            "write_image take images of Pillow, such as Image.open(io.BytesIO(data)) of bytes"
        )
    if not isinstance(cast("object", max_pixels), Integral):
        raise TypeError(f"max_pixels must be an integer, got {max_pixels!r}")
    try:
        return read_picture(Path(path), max_pixels=max_pixels)
    except PictureError as error:
        # The advice of the message is for the command line; here it names the parameter.
        message = str(error).replace("raise --max-pixels", "pass a larger max_pixels to read_image")
        hint = _path_hint(str(path)) if error.code == "E_NOT_FOUND" else ""
        error.args = (f"{path}: {message}{hint}",)
        raise


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
        raise PictureError("E_CHANGED", _CHANGED)


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
    except (OSError, ValueError) as error:
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
        # Pillow sets "mp" for the Multi-Picture Format, as of gain maps and depth maps in a JPEG.
        return bool(getattr(image, "is_animated", False)) or "mp" in image.info
    except Exception:  # Pillow found a damaged second frame; the first one can still be used.
        return True


def suffix_notes(container: Container, suffix: str) -> tuple[str, ...]:
    """Return a note if a suffix such as `.jpg` belongs to another type than `container`, or ()."""
    for other in CONTAINERS:
        if other is not container and suffix.lower() in other.suffixes:
            return (f"it is a {container.name} file although its suffix is {suffix}",)
    return ()
