"""Decoding with Pillow: `open_source` opens an image file, `decode` returns a `Picture` of it.

`reading` uses both for still images, `animation.sequence_reading` for frames and pages.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL.ImageFile import ImageFile

from srgan_gp.errors import PictureError
from srgan_gp.images.codecs.avif import read_avif_depth
from srgan_gp.images.codecs.png import check_critical_chunks
from srgan_gp.images.codecs.sixteen_bit import decode_16_bit, is_reduced_by_pillow
from srgan_gp.images.codecs.tiff import correct_levels, refuse_camera_raw
from srgan_gp.images.codecs.tiff_pages import move_page_first
from srgan_gp.images.colour import split_channels
from srgan_gp.images.file_types import (
    HEAD_BYTES,
    Container,
    decoder_errors,
    detect_container,
    open_container,
)
from srgan_gp.images.metadata import (
    apply_orientation,
    matching_profile,
    read_dpi,
    read_exif,
    read_orientation,
    read_xmp,
)
from srgan_gp.images.picture import Picture


@dataclass(frozen=True)
class Source:
    """An open image file and the Pillow image of it, whose pixels are not decoded yet."""

    file: BinaryIO
    head: bytes
    """The first `HEAD_BYTES` bytes."""
    container: Container
    """The type of the file."""
    image: ImageFile


@contextmanager
def open_source(file: BinaryIO, *, max_pixels: int) -> Generator[Source, None, None]:
    """Open an image file and check its header, without decoding pixels.

    Args:
        file: seekable, positioned at its start.
        max_pixels: limit of width x height of the first frame or page.

    Yields:
        The open file; its Pillow image is closed at the end of the block.

    Raises:
        PictureError: the file is not an image of a supported format, is damaged or too large.
    """
    head = _read(file, HEAD_BYTES)
    container = detect_container(head)
    # Pillow reports an image without pixels as a damaged one. So the bytes of width and height are
    # checked here, for the formats that have them at a fixed place.
    sides = {"PNG": (head[16:20], head[20:24]), "GIF": (head[6:8], head[8:10]),
             "BMP": (head[18:22], head[22:26])}.get(container.name, ())  # fmt: skip
    has_empty_side = any(int.from_bytes(side) == 0 for side in sides)  # 0 in either byte order
    if len(head) >= 26 and has_empty_side:  # `head` reaches to the end of the last of these fields
        raise PictureError("E_NO_PIXELS", "it has no pixels: its width or its height is 0")
    file.seek(0)
    with decoder_errors(container.name):
        image = open_container(file, container)
    with image:
        check_pixel_count(image.width, image.height, max_pixels)
        if container.name == "TIFF":
            refuse_camera_raw(image)
        if container.name == "PNG":
            check_critical_chunks(file)
        yield Source(file, head, container, image)


def check_pixel_count(width: int, height: int, max_pixels: int) -> None:
    """Check that an image has at most `max_pixels` pixels.

    Raises:
        PictureError: E_TOO_MANY_PIXELS.
    """
    if width * height > max_pixels:
        raise PictureError(
            "E_TOO_MANY_PIXELS",
            f"it has {width} x {height} = {width * height:,} pixels, more than the {max_pixels:,} "
            "allowed; downscale it or raise --max-pixels",
        )


def decode(source: Source, *, is_frame: bool = False, tiff_directory: int | None = None) -> Picture:
    """Decode the current frame or page of an open file, apply the orientation and read metadata.

    Args:
        source: open file; its Pillow image is at the frame or page to decode.
        is_frame: whether it is a frame of an animation, which Pillow composes with 8 bits only.
        tiff_directory: offset in bytes of the page's directory in a multi-page TIFF; None for the
            first page of a file.

    Returns:
        The image; its `notes` name what was not kept.

    Raises:
        PictureError: as for `reading.read_image`.
    """
    file, image = source.file, source.image
    name = source.container.name
    # Read before `load`, which removes the orientation tag of a TIFF.
    orientation = read_orientation(image)
    needs_opencv = is_reduced_by_pillow(image, source.head) and not is_frame  # for 16-bit colour
    icc_profile: bytes | None = image.info.get("icc_profile")
    with decoder_errors(name):
        size = image.size
        image.load()  # also before OpenCV, which fills missing pixels without an error
        # The header of a HEIF may state another size than its pixels have. The limit of pixels was
        # checked for `size`.
        if name == "HEIF" and image.size != size:
            raise ValueError(f"{image.size} pixels were decoded instead of {size}")
        if needs_opencv:
            file.seek(0)
            data = _read(file)
            if tiff_directory is not None:
                data = move_page_first(data, tiff_directory)
            pixels, alpha = decode_16_bit(data, image)
        else:
            pixels, alpha = split_channels(image, icc_profile)
    if name == "TIFF" and not needs_opencv:
        pixels = correct_levels(pixels, image)  # grey of 12 bits or with white as 0
        orientation = 1  # Pillow applies the orientation of a TIFF itself.
    notes: list[str] = []
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"its {image.mode} colours were converted to 8-bit sRGB")
    gamma = image.info.get("gamma")  # only PNG files state one
    # 1 / 2.2 is about the gamma of sRGB, which files state as 0.45455 or 0.45.
    if gamma and abs(gamma - 1 / 2.2) > 0.01 and "icc_profile" not in image.info:
        notes.append(f"its PNG gamma of {gamma:g} is not applied and not kept")
    bits = read_avif_depth(source.head) if name == "AVIF" else image.info.get("bit_depth", 8)
    if bits > 8:
        notes.append(f"its {bits} bits were read as 8 bits")
    profile, exif = matching_profile(icc_profile, pixels.shape[2]), read_exif(image)
    # Not for CMYK, whose profile `split_channels` has used for the conversion.
    if icc_profile is not None and profile is None and image.mode != "CMYK":
        notes.append("its ICC profile does not fit its pixels and is not used")
    if exif is None and image.info.get("exif") is not None:
        notes.append("its EXIF data is damaged and is not kept")
    return Picture(
        pixels=apply_orientation(pixels, orientation),
        alpha=None if alpha is None else apply_orientation(alpha, orientation),
        icc_profile=profile,
        exif=exif,
        xmp=read_xmp(image),
        dpi=read_dpi(image),
        source_format=name,
        notes=tuple(notes),
    )


def _read(file: BinaryIO, size: int = -1) -> bytes:
    """Read `size` bytes, or all; E_UNREADABLE instead of an OSError."""
    try:
        return file.read(size)
    except OSError as error:
        raise PictureError("E_UNREADABLE", f"it cannot be read ({error.strerror})") from error
