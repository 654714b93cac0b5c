"""Images in zip files, read in place with limits that are checked before a member is unpacked.

A member is a file in a zip file. `image_sources.ImageFile` reads members with these functions.
"""

import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO, cast

from srgan_gp.errors import UsageError
from srgan_gp.images.file_types import (
    HEAD_BYTES,
    decoder_errors,
    detect_container,
    open_container,
    silenced_pillow,
)
from srgan_gp.images.pillow_decoding import check_pixel_count
from srgan_gp.system.zip_members import require_small

MEMBER_ERRORS = (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError)
"""Errors of reading a member: a wrong checksum, a truncated archive, and (RuntimeError) a password
or an unknown compression."""
_LARGE_MEMBER_BYTES = 32_000_000
"""Unpacked size, in bytes, above which the pixels of a member are counted before it is unpacked.
A smaller member takes little memory even if it is refused; the count costs a second reading."""


@lru_cache(maxsize=16)  # more than the zip files of most runs; each one occupies an open file
def open_archive(path: Path) -> zipfile.ZipFile:
    """Open an archive, and keep it open for later calls: its list of members is read only once."""
    return zipfile.ZipFile(path)


def member_names(path: Path) -> list[str]:
    """List the names in a zip file, sorted.

    Raises:
        UsageError: the zip file is damaged.
    """
    try:
        return sorted(open_archive(path).namelist())
    except MEMBER_ERRORS as error:
        raise UsageError(f"The zip file {path} is damaged: {error}.") from error


def open_member(path: Path, member: str) -> IO[bytes]:
    """Open a member for reading.

    Raises:
        PictureError: E_TOO_LARGE, if it unpacks to too many bytes; see `require_small`.
        MEMBER_ERRORS: it cannot be read.
    """
    archive = open_archive(path)
    require_small(archive.getinfo(member))
    return archive.open(member)


def read_member(path: Path, member: str, max_pixels: int) -> bytes:
    """Return the content of an image in a zip file.

    Args:
        path: the zip file.
        member: name of the image in it.
        max_pixels: limit of width x height; checked here for a large member only, and for every
            member when it is decoded.

    Raises:
        PictureError: E_TOO_LARGE, if it unpacks to too many bytes; or, for a large member, the
            errors of `_require_few_pixels`.
        MEMBER_ERRORS: it cannot be read.
    """
    with open_member(path, member) as file:
        if open_archive(path).getinfo(member).file_size > _LARGE_MEMBER_BYTES:
            _require_few_pixels(file, max_pixels)
            file.seek(0)
        return file.read()


def _require_few_pixels(file: IO[bytes], max_pixels: int) -> None:
    """Check width x height by the header of an image; the position in the file changes.

    Raises:
        PictureError: E_TOO_MANY_PIXELS, if there are more than `max_pixels`; another code, if it is
            no image of a supported format, or its header is damaged.
    """
    container = detect_container(file.read(HEAD_BYTES))
    file.seek(0)
    # `cast`: zipfile declares IO[bytes], which type checkers do not accept as BinaryIO.
    with (
        silenced_pillow(),
        decoder_errors(container.name),
        open_container(cast(BinaryIO, file), container) as image,
    ):
        check_pixel_count(image.width, image.height, max_pixels)
