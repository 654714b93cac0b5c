"""Decoding by Pillow: an open file to a `Picture` (still, frame or page)."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image
from PIL.ImageFile import ImageFile

from srgan_gp.errors import PictureError
from srgan_gp.images.codecs.avif import depth_of_avif
from srgan_gp.images.codecs.png import check_pixel_chunks
from srgan_gp.images.codecs.sixteen_bit import decode_16_bit, is_16_bit
from srgan_gp.images.codecs.tiff import corrected_levels, refuse_camera_raw
from srgan_gp.images.codecs.tiff_pages import page_first
from srgan_gp.images.colour import split_channels
from srgan_gp.images.file_types import (
    HEAD_BYTES,
    Container,
    container_of,
    decoder_errors,
    open_container,
)
from srgan_gp.images.metadata import (
    dpi_of,
    exif_of,
    matching_profile,
    orientation_of,
    upright,
    xmp_of,
)
from srgan_gp.images.picture import Picture


@dataclass(frozen=True)
class Source:
    """An open file and what Pillow sees in it."""

    file: BinaryIO
    head: bytes
    """The first `HEAD_BYTES` bytes."""
    container: Container
    image: ImageFile


@contextmanager
def opened(file: BinaryIO, *, max_pixels: int) -> Generator[Source, None, None]:
    """Open a picture file and check its header; no pixel is decoded.

    Args:
        file: seekable, positioned at its start.
        max_pixels: most pixels of its first picture, width x height.

    Raises:
        PictureError: it is no picture of the formats that are read, damaged or too large.
    """
    head = _read(file, HEAD_BYTES)
    container = container_of(head)
    _check_has_pixels(head, container)
    file.seek(0)
    with decoder_errors(container.name):
        image = open_container(file, container)
    with image:
        check_pixel_count(image.width, image.height, max_pixels)
        if container.name == "TIFF":
            refuse_camera_raw(image)
        if container.name == "PNG":
            check_pixel_chunks(file)
        yield Source(file, head, container, image)


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


def decode(source: Source, *, is_frame: bool = False, tiff_directory: int | None = None) -> Picture:
    """Decode the picture at which Pillow stands, upright, with all that belongs to it.

    Args:
        source: opened; Pillow may have been moved to a later frame or page.
        is_frame: it is one of an animation's. Pillow alone composes those, with 8 bits of colour.
        tiff_directory: where the directory of a later page of a TIFF starts in the file.

    Raises:
        PictureError: as `read_image` does.
    """
    file, image = source.file, source.image
    name = source.container.name
    orientation = orientation_of(image)
    deep = is_16_bit(image, source.head) and not is_frame
    icc_profile: bytes | None = image.info.get("icc_profile")
    with decoder_errors(name):
        image.load()
        if deep:
            file.seek(0)
            data = _read(file)
            if tiff_directory is not None:
                data = page_first(data, tiff_directory)
            pixels, alpha = decode_16_bit(data, image)
        else:
            pixels, alpha = split_channels(image, icc_profile)
    if name == "TIFF" and not deep:
        pixels = corrected_levels(pixels, image)
        orientation = 1  # Pillow has turned a TIFF when it is loaded.
    notes = _notes(image)
    if name == "AVIF" and (bits := depth_of_avif(source.head)) > 8:
        notes.append(f"its {bits} bits were read with 8 bits")
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


def _read(file: BinaryIO, size: int = -1) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise PictureError("E_UNREADABLE", f"it cannot be read ({error.strerror})") from error


def _check_has_pixels(head: bytes, container: Container) -> None:
    """Tell a picture without pixels from a damaged one, where the header has its size."""
    sides = {"PNG": (head[16:20], head[20:24]), "GIF": (head[6:8], head[8:10]),
             "BMP": (head[18:22], head[22:26])}.get(container.name, ())  # fmt: skip
    if len(head) >= 26 and not all(any(side) for side in sides):
        raise PictureError("E_NO_PIXELS", "it has no pixels: its width or its height is 0")


def _notes(image: Image.Image) -> list[str]:
    """Say what a loaded image holds and a Picture does not."""
    notes: list[str] = []
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"its {image.mode} colours were converted to sRGB of 8 bits")
    gamma = image.info.get("gamma")
    if gamma and abs(gamma - 1 / 2.2) > 0.01 and "icc_profile" not in image.info:
        notes.append(f"its PNG gamma of {gamma:g} is not applied and not kept")
    return notes
