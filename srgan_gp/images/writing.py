"""`write_image` and `encode_image`: write an image to a path, or to an open file; PNG previews."""

import io
import os
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import BinaryIO, TypedDict, cast

import numpy as np
from PIL import Image

from srgan_gp.errors import OutputError, PictureError, UsageError
from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.growing_picture import GrowingPicture
from srgan_gp.images.colour import to_depth
from srgan_gp.images.format_limits import fit_to_format, is_encoded_by_rows
from srgan_gp.images.formats import FORMATS, Quality, find_format
from srgan_gp.images.picture import Array, Picture
from srgan_gp.images.picture_conversion import to_file_picture, to_kind_of
from srgan_gp.system.files import atomic_write
from srgan_gp.system.paths import is_folder, names_a_folder
from srgan_gp.system.write_errors import convert_write_errors

PREVIEW_SIDE = 1024
"""Longest side of a preview in pixels, about the width of a notebook on a screen. The file of a
notebook contains each preview, and larger ones would enlarge it."""


def write_image(
    picture: Picture | Array | Image.Image,
    path: str | Path | BinaryIO,
    *,
    format: str | None = None,
    quality: Quality | None = None,
    strip_metadata: bool = False,
) -> tuple[str, ...]:
    """Write an image to a file, completely or not at all; an existing file is replaced.

    PNG and TIFF keep 16 bits and store float32 as 16 bits. The EXIF orientation is set to 1, the
    sizes in EXIF and XMP are updated, and the EXIF thumbnail is removed.

    Example:
        >>> import io
        >>> import numpy as np
        >>> rgba = np.zeros((4, 6, 4), np.uint8)
        >>> write_image(rgba, io.BytesIO(), format="jpeg")  # or a path, such as "small.jpg"
        ('JPEG has no transparency: the image was composited over white',)

    Args:
        picture: a picture; or an array (H, W) grey, (H, W, 2) grey with alpha, (H, W, 3) RGB or
            (H, W, 4) RGBA of uint8, uint16, or float32 in [0, 1]; or a Pillow image,
            whose EXIF orientation is applied to the pixels, and whose ICC profile, EXIF, XMP and
            resolution are kept.
        path: path of the file; its folder must exist. Or a binary file, open for writing, such as
            `io.BytesIO()`; it gets the bytes at its position, and needs `format`.
        format: a format name such as `png`; by default the suffix of `path` is used.
        quality: 1 to 100 for JPEG, WebP and AVIF, by default 95; WebP is lossless at 100. Other
            formats are lossless. Or a quality for each format by its name, in upper or lower
            case, such as {"jpeg": 90, "webp": 80}.
        strip_metadata: remove EXIF, XMP and resolution; the ICC profile is kept.

    Returns:
        Messages: one for each property that the format cannot hold, except a resolution of 72 or 96
        dpi, which many programs write by default; and one for each property that was lost when a
        Pillow image was converted.

    Raises:
        UsageError: the format is unknown or missing; `quality` names an unknown format or is out of
            range; or the file is not open for writing.
        PictureError: E_ENCODER_LIMIT if the format cannot hold the image; E_OUT_OF_MEMORY;
            E_DISK_FULL; E_DAMAGED for a Pillow image of a damaged file.
        OutputError: the file cannot be written.
        TypeError: `picture` is not an image, `path` neither a path nor a binary file, the
            quality not an integer, or another option of another type than stated.
        ValueError: shape, dtype or range of the array is not supported.
    """
    options = _Options(quality=quality, strip_metadata=strip_metadata)
    if isinstance(path, str | os.PathLike):
        _check_path(path)
        path, converted = Path(path), to_file_picture(picture)
        name = find_format(path.suffix if format is None else format)
        with atomic_write(path) as file:
            warnings = encode_image(converted, file, format=name, **options)
    # The cast hides the declared type, so that the type checker accepts the check.
    elif hasattr(cast("object", path), "write") and not isinstance(path, io.TextIOBase):
        if format is None:
            raise UsageError('a file object has no suffix: pass a format, such as format="png"')
        if hasattr(path, "writable") and not path.writable():
            raise UsageError(
                f"cannot write {getattr(path, 'name', 'the file object')}: it is not open for "
                'writing; open it with the mode "wb"'
            )
        converted = to_file_picture(picture)
        buffer = io.BytesIO()  # encoders need a seekable file, which `path` may not be
        warnings = encode_image(converted, buffer, format=format, **options)
        with convert_write_errors(Path(str(getattr(path, "name", "the file object")))):
            path.write(buffer.getbuffer())
    else:
        raise TypeError(
            "write_image takes an image and a path, in this order; got "
            f"{type(picture).__name__} and {type(path).__name__}; the path may also be a file open "
            "for writing bytes"
        )
    # A `Picture` is not converted: its notes were reported when it was read. Those of a converted
    # image are new.
    return warnings if converted is picture else (*converted.notes, *warnings)


class _Options(TypedDict):
    """Keyword arguments that `write_image` passes on to `encode_image`."""

    quality: Quality | None
    strip_metadata: bool


def _check_path(path: str | Path) -> None:
    """Check a path for three mistakes for which `atomic_write` has no advice.

    Raises:
        OutputError: `path` is empty or a folder, or begins with `~` and its folder does not exist.
    """
    if str(path) == "":
        raise OutputError("cannot write the image: the path is empty; give a file name")
    if names_a_folder(path):
        raise OutputError(f"cannot write {path}: it is a folder; give a file name")
    if str(path).startswith("~") and not is_folder(Path(path).parent):
        raise OutputError(
            f"cannot write {path}: its folder does not exist; ~ is not expanded, pass "
            "Path(...).expanduser()"
        )


def encode_image(
    picture: Picture,
    file: BinaryIO,
    *,
    format: str,
    quality: Quality | None = None,
    strip_metadata: bool = False,
) -> tuple[str, ...]:
    """Write an image to an open file, in the same way as `write_image`.

    Args:
        picture: the image. A `GrowingPicture` is still computed by another thread: PNG and TIFF
            encode its rows as soon as they are complete, other formats wait for all of them.
        file: binary file, open for writing, seekable, empty. After an error it may be incomplete.
        format: a format name such as `png`, or a suffix.
        quality: as for `write_image`.
        strip_metadata: as for `write_image`.

    Returns:
        As for `write_image`.

    Raises:
        UsageError: the format is unknown, or the quality out of range.
        TypeError: the quality is not an integer, or another option has another type than stated.
        PictureError: E_ENCODER_LIMIT if the format cannot hold the image; E_OUT_OF_MEMORY;
            E_DISK_FULL.
        Cancelled: the other thread ended before a `GrowingPicture` was complete.
        OSError: the file cannot be written.
    """
    name = find_format(format)
    if isinstance(quality, Mapping):
        quality_by_format = {find_format(key): value for key, value in quality.items()}
        quality = quality_by_format.get(name)
    if quality is None:
        quality = FORMATS[name].default_quality
    if not isinstance(cast("object", strip_metadata), bool | np.bool_):
        raise TypeError(f"strip_metadata must be True or False, got {strip_metadata!r}")
    if not isinstance(cast("object", quality), Integral) or isinstance(quality, bool):
        raise TypeError(f"the quality must be an integer, got {quality!r}")
    if not 1 <= quality <= 100:
        raise UsageError(f"the quality must be from 1 to 100, not {quality}")
    quality = int(quality)  # Encoders refuse the integers of numpy.
    if isinstance(picture, GrowingPicture) and not is_encoded_by_rows(picture, name):
        picture.progress.wait(picture.height)
    # `folder` is for temporary files of large images.
    picture, warnings = fit_to_format(
        picture, name, strip_metadata=strip_metadata, folder=mapped_arrays.folder_of(file)
    )
    try:
        FORMATS[name].encode(picture, file, quality)
    except MemoryError as error:
        raise PictureError(
            "E_OUT_OF_MEMORY",
            f"there is not enough memory to encode {name}; choose a smaller scale",
        ) from error
    except (OSError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # The file cannot be written; errors of Pillow's encoders have no errno.
        # Some limits, such as WebP's on detail, are known only after encoding.
        raise PictureError(
            "E_ENCODER_LIMIT", f"{name} cannot hold this image ({error}); write PNG instead"
        ) from error
    return warnings


def encode_preview(picture: Picture) -> bytes:
    """Encode a picture as an 8-bit PNG file of at most `PREVIEW_SIDE` pixels a side."""
    # Pixels are skipped before the resampling, so that a huge image needs little memory. At least
    # twice the pixels of the preview remain on a side, which the resampling averages.
    step = max(max(picture.height, picture.width) // (2 * PREVIEW_SIDE), 1)
    pixels = to_depth(picture.pixels[::step, ::step], np.uint8)
    alpha = None if picture.alpha is None else to_depth(picture.alpha[::step, ::step], np.uint8)
    # The first argument only makes the result a Pillow image.
    image = to_kind_of(Image.new("RGB", (1, 1)), Picture(pixels, alpha))
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    file = io.BytesIO()
    image.save(file, "PNG", icc_profile=picture.icc_profile)
    return file.getvalue()
