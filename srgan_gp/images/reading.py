"""read_image: one picture file -> Picture, or a PictureError that says what is wrong with it."""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from PIL import Image
from PIL.ImageFile import ImageFile

from srgan_gp.errors import PictureError
from srgan_gp.images.colour import split_channels
from srgan_gp.images.containers import (
    CONTAINERS,
    HEAD_BYTES,
    Container,
    container_of,
    decoder_errors,
    open_container,
    silenced_pillow,
)
from srgan_gp.images.deep import decode_deep, is_deep
from srgan_gp.images.metadata import (
    dpi_of,
    exif_of,
    matching_profile,
    orientation_of,
    upright,
    xmp_of,
)
from srgan_gp.images.picture import Picture
from srgan_gp.images.png import check_pixel_chunks
from srgan_gp.images.tiff import corrected_levels, refuse_camera_raw

DEFAULT_MAX_PIXELS = 100_000_000


def read_image(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read one picture file: PNG, JPEG, WebP, TIFF, BMP or GIF, told by its content.

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
    with _regular_file(path) as file:
        before = os.fstat(file.fileno())
        picture = decode_picture(file, max_pixels=max_pixels, suffix=path.suffix)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PictureError("E_CHANGED", "the file changed while it was read; try again")
    return picture


@contextmanager
def _regular_file(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a regular file; a pipe or a device is never waited for."""
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
    head = _read(file, HEAD_BYTES)
    container = container_of(head)
    _check_has_pixels(head, container)
    file.seek(0)
    with silenced_pillow():
        with decoder_errors(container.name):
            image = open_container(file, container)
        with image:
            check_pixel_count(image.width, image.height, max_pixels)
            picture = _decoded(file, head, image)
    return replace(picture, notes=picture.notes + _suffix_notes(container, suffix))


def _read(file: BinaryIO, size: int = -1) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise PictureError("E_UNREADABLE", f"it cannot be read ({error.strerror})") from error


def check_pixel_count(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture of more than `max_pixels` pixels.

    Raises:
        PictureError: E_TOO_MANY_PIXELS.
    """
    if width * height > max_pixels:
        raise PictureError(
            "E_TOO_MANY_PIXELS",
            f"it has {width} x {height} = {width * height:,} pixels, more than the {max_pixels:,} "
            "allowed; make it smaller or raise --max-pixels",
        )


def _check_has_pixels(head: bytes, container: Container) -> None:
    """Tell a picture without pixels from a damaged one, where the header has its size."""
    sides = {"PNG": (head[16:20], head[20:24]), "GIF": (head[6:8], head[8:10]),
             "BMP": (head[18:22], head[22:26])}.get(container.name, ())  # fmt: skip
    if len(head) >= 26 and not all(any(side) for side in sides):
        raise PictureError("E_NO_PIXELS", "it has no pixels: its width or its height is 0")


def _decoded(file: BinaryIO, head: bytes, image: ImageFile) -> Picture:
    name = str(image.format)
    if name == "TIFF":
        refuse_camera_raw(image)
    if name == "PNG":
        check_pixel_chunks(file)
    orientation, deep = orientation_of(image), is_deep(image, head)
    icc_profile: bytes | None = image.info.get("icc_profile")
    with decoder_errors(name):
        image.load()
        if deep:
            file.seek(0)
            pixels, alpha = decode_deep(_read(file), image)
        else:
            pixels, alpha = split_channels(image, icc_profile)
    if name == "TIFF" and not deep:
        pixels = corrected_levels(pixels, image)
        orientation = 1  # Pillow has turned a TIFF when it is loaded.
    notes = _notes(image)
    profile, exif = matching_profile(icc_profile, pixels.shape[2]), exif_of(image)
    if icc_profile is not None and profile is None and image.mode != "CMYK":
        notes.append("its ICC profile does not fit its pixels and is not used")
    if exif is None and "exif" in image.info:
        notes.append("its EXIF data is damaged and is not kept")
    return Picture(
        pixels=upright(pixels, orientation),
        alpha=None if alpha is None else upright(alpha, orientation),
        icc_profile=profile,
        exif=exif,
        xmp=xmp_of(image),
        dpi=dpi_of(image),
        source_format=name,
        notes=tuple(notes),
    )


def _notes(image: Image.Image) -> list[str]:
    """Say what a loaded image holds and a Picture does not."""
    notes: list[str] = []
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"its {image.mode} colours were converted to sRGB of 8 bits")
    try:
        has_more = bool(getattr(image, "is_animated", False)) or "mp" in image.info
    except Exception:  # A damaged second frame does not matter.
        has_more = True
    if has_more:
        notes.append("it holds more frames, pages or maps; only the first picture is used")
    gamma = image.info.get("gamma")
    if gamma and abs(gamma - 1 / 2.2) > 0.01 and "icc_profile" not in image.info:
        notes.append(f"its PNG gamma of {gamma:g} is not applied and not kept")
    return notes


def _suffix_notes(container: Container, suffix: str) -> tuple[str, ...]:
    for other in CONTAINERS:
        if other is not container and suffix.lower() in other.suffixes:
            return (f"it is a {container.name} file in spite of its name ({suffix})",)
    return ()
