"""`write_image` and `encode_image`: a `Picture` to one image file."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images import mapped_arrays
from srgan_gp.images.format_limits import fitting
from srgan_gp.images.formats import FORMATS, Quality, find_format
from srgan_gp.images.picture import Picture
from srgan_gp.system.files import atomic_write


def write_image(
    picture: Picture,
    path: str | Path,
    *,
    format: str | None = None,
    quality: Quality | None = None,
    strip_metadata: bool = False,
) -> tuple[str, ...]:
    """Write a picture to a file, whole or not at all; an existing file is replaced.

    16 bits are kept in PNG and TIFF, and float32 is written there with 16 bits. The EXIF
    orientation becomes 1, the sizes in EXIF and XMP become those of the picture, and the thumbnail
    is dropped.

    Args:
        picture: what to write.
        path: the file; its folder must exist.
        format: a name such as `png`; by default the suffix of `path` decides.
        quality: 1 to 100 for JPEG, WebP and AVIF, 95 by default; WebP of 100 is lossless. Other
            formats are always lossless.
        strip_metadata: leave EXIF, XMP and resolution out. The ICC profile is colour and stays.

    Returns:
        One sentence for each thing that the format cannot hold and that was therefore changed.

    Raises:
        UsageError: the format is unknown, or the quality out of range.
        PictureError: E_ENCODER_LIMIT, before anything is encoded.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    name = find_format(path.suffix if format is None else format)
    quality = _checked_quality(quality, name)
    picture, warnings = fitting(picture, name, strip_metadata=strip_metadata, folder=path.parent)
    with atomic_write(path) as file:
        _encode(picture, file, name, quality)
    return warnings


def encode_image(
    picture: Picture,
    file: BinaryIO,
    *,
    format: str,
    quality: Quality | None = None,
    strip_metadata: bool = False,
) -> tuple[str, ...]:
    """Write a picture to an open file, as `write_image` does to a path.

    Args:
        picture: what to write.
        file: open for writing, seekable, empty. What was written before an error stays there.
        format: a name such as `png` or a suffix.
        quality: as for `write_image`.
        strip_metadata: as for `write_image`.

    Returns:
        As for `write_image`.

    Raises:
        UsageError: the format is unknown, or the quality out of range.
        PictureError: E_ENCODER_LIMIT, mostly before anything is written; E_OUT_OF_MEMORY.
        OSError: the file cannot be written.
    """
    name = find_format(format)
    quality = _checked_quality(quality, name)
    picture, warnings = fitting(
        picture, name, strip_metadata=strip_metadata, folder=mapped_arrays.folder_of(file)
    )
    _encode(picture, file, name, quality)
    return warnings


def _checked_quality(quality: Quality | None, name: str) -> int:
    if isinstance(quality, Mapping):
        quality = quality.get(name)
    quality = FORMATS[name].default_quality if quality is None else quality
    if not 1 <= quality <= 100:
        raise UsageError(f"the quality must be from 1 to 100, not {quality}")
    return quality


def _encode(picture: Picture, file: BinaryIO, name: str, quality: int) -> None:
    try:
        FORMATS[name].encode(picture, file, quality)
    except MemoryError as error:
        raise PictureError(
            "E_OUT_OF_MEMORY",
            f"there is not enough memory to encode {name}; choose a smaller scale",
        ) from error
    except (OSError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # The file, not the picture: Pillow's encoders give no number.
        # WebP, for one, has limits on detail that show only while it encodes.
        raise PictureError(
            "E_ENCODER_LIMIT", f"{name} cannot hold this picture ({error}); write PNG instead"
        ) from error
