"""Image sources of data sets: folders, zip files and list files, read in place.

`list_images` returns the images of a place as `ImageFile` objects, which decode an image when it is
needed. A list file (`.list`) is a text file of paths that a run writes, to fix its set of images.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import numpy as np

from srgan_gp.data.zipped_images import (
    MEMBER_ERRORS,
    member_names,
    open_archive,
    open_member,
    read_member,
)
from srgan_gp.errors import PictureError, UsageError, without_option_advice
from srgan_gp.images import DEFAULT_MAX_PIXELS, Picture
from srgan_gp.images.colour import as_8_bit_rgb
from srgan_gp.images.file_types import READABLE
from srgan_gp.images.icc import srgb_pixels
from srgan_gp.images.image_header import read_size
from srgan_gp.images.reading import decode_picture, regular_file
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.system.paths import is_file, is_folder

SUFFIXES = frozenset({
    ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif", ".hif",
})  # fmt: skip
"""Suffixes of the files that are images of a data set, in lower case."""
_SET_FORMATS = READABLE.replace("GIF, ", "")  # for messages; GIF is not in `SUFFIXES`
# Encoding of list files; it keeps the bytes of file names that are not valid UTF-8.
_NAME_ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}


@dataclass(frozen=True)
class ImageFile:
    """One image of a data set: the file `container`, or the `member` of a zip file `container`."""

    container: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """Name in messages: `archive.zip:folder/image.png` or the path."""
        return str(self.container) if self.member is None else f"{self.container}:{self.member}"

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return PurePosixPath(self.member or self.container.name).stem

    def read(self) -> np.ndarray:
        """Decode the image.

        Returns:
            (H, W, 3), uint8 RGB, upright. Alpha is dropped, grey repeated, 16 bits rounded to 8.

        Raises:
            PictureError: it cannot be decoded; the message starts with its name.
        """
        return as_8_bit_rgb(self._decode().pixels)

    def read_srgb(self, max_pixels: int | None = None) -> np.ndarray:
        """Decode the image as `read` does, and convert it to sRGB by its ICC profile.

        A damaged or unsupported profile is ignored.

        Args:
            max_pixels: limit of width x height, checked before the pixels are decoded; None:
                `DEFAULT_MAX_PIXELS`. With a limit, the error names the option --max-pixels.

        Returns:
            (H, W, 3), uint8 RGB, as from `read`, with the same errors.
        """
        image = self._decode(max_pixels)
        pixels = as_8_bit_rgb(image.pixels)
        if image.icc_profile is None:
            return pixels
        # The profile of a grey image expects one channel, of which `pixels` has three copies.
        channels = np.ascontiguousarray(pixels[..., : image.pixels.shape[2]])
        converted = srgb_pixels(channels, image.icc_profile)
        return pixels if converted is None else converted

    def decode_and_hash(self) -> str:
        """Return the file's `sha256`, and decode it to find damage, with the errors of `read`."""
        with self._open_for_decoding() as file:
            # `cast`: type checkers do not accept BinaryIO as an argument of `file_digest`.
            sha256 = hashlib.file_digest(cast("io.BufferedIOBase", file), "sha256").hexdigest()
            file.seek(0)
            decode_picture(file, max_pixels=DEFAULT_MAX_PIXELS)  # raises; the pixels are not used
        return sha256

    def _decode(self, max_pixels: int | None = None) -> Picture:
        with self._open_for_decoding(max_pixels) as file:
            return decode_picture(file, max_pixels=max_pixels or DEFAULT_MAX_PIXELS)

    @contextmanager
    def _open_for_decoding(self, max_pixels: int | None = None) -> Generator[BinaryIO]:
        """Open the file for decoding; errors in the `with` block get the name of the image."""
        limit = max_pixels or DEFAULT_MAX_PIXELS
        with self._named_errors(max_pixels):
            if self.member is not None:  # in memory: in a zip file, decoders could not seek quickly
                yield io.BytesIO(read_member(self.container, self.member, limit))
                return
            with regular_file(self.container) as file:
                yield file

    @contextmanager
    def _named_errors(self, max_pixels: int | None = None) -> Generator[None]:
        """Turn errors in the `with` block into a `PictureError` that begins with the name."""
        try:
            yield
        except PictureError as error:
            # Commands that set no limit lack the option, so that the message must not name it.
            text = str(error) if max_pixels else without_option_advice(str(error))
            reason = text.replace(READABLE, _SET_FORMATS)  # a data set has no GIF
            raise PictureError(error.code, f"{self.name}: {reason}") from error
        except MEMBER_ERRORS as error:  # those of a zip file; OSError also of a plain file
            raise PictureError("E_DAMAGED", f"{self.name}: {error}") from error

    def shorter_side(self) -> int:
        """Length of the shorter side in pixels, read from the header.

        Raises:
            PictureError: the header cannot be read; the message starts with the name.
        """
        with self._named_errors(), self._open() as file:
            return min(read_size(file, max_pixels=DEFAULT_MAX_PIXELS))

    def byte_count(self) -> int:
        """Size of the file in bytes; for a member of a zip file, its unpacked size.

        Raises:
            PictureError: the file no longer exists.
        """
        try:
            if self.member is None:
                return self.container.stat().st_size
            return open_archive(self.container).getinfo(self.member).file_size
        except (OSError, KeyError) as error:  # KeyError: the zip file has no such member
            raise PictureError("E_DAMAGED", f"{self.name}: {error}") from error

    def sha256(self) -> str:
        """SHA-256 of the file, 64 hexadecimal digits.

        Raises:
            PictureError: the file cannot be read; the message starts with the name.
        """
        with self._named_errors(), self._open() as file:
            return hashlib.file_digest(cast("io.BufferedIOBase", file), "sha256").hexdigest()

    def _open(self) -> BinaryIO:
        """Open the file for reading from start to end; errors as for `open_member`."""
        if self.member is None:
            return self.container.open("rb")
        return cast("BinaryIO", open_member(self.container, self.member))


def list_images(place: str | Path, suffixes: Collection[str] = SUFFIXES) -> list[ImageFile]:
    """List the images of a folder (including subfolders) or zip file, sorted by name.

    Args:
        place: `DIR`, `FILE.zip`, `FILE.zip:FOLDER` for one folder inside the zip file, or a `.list`
            file written by `write_list`, whose order is kept and whose suffixes are not checked.
        suffixes: suffixes of the files that are listed, in lower case.

    Raises:
        UsageError: `place` does not exist, is a damaged zip file, or contains no image.
    """
    container, folder = _split_place(str(place))
    if container.suffix == ".list" and is_file(container):
        lines = container.read_text(**_NAME_ENCODING).splitlines()
        paths_and_members = [_split_place(line) for line in lines]
        found = [ImageFile(path, member or None) for path, member in paths_and_members]
    elif is_folder(container):
        paths = sorted(container.rglob("*"))
        found = [ImageFile(p) for p in paths if _is_image(p.name, suffixes) and p.is_file()]
    elif zipfile.is_zipfile(container):
        prefix = folder.rstrip("/") + "/" if folder else ""
        members = [name for name in member_names(container) if name.startswith(prefix)]
        found = [ImageFile(container, name) for name in members if _is_image(name, suffixes)]
    elif not os.path.lexists(container):
        raise UsageError(f"{container} does not exist. Check the path.")
    elif _is_image(container.name, suffixes):
        raise UsageError(f"{container} is one image. Pass the folder that has the images.")
    else:
        raise UsageError(f"{container} is neither a folder nor a complete zip file.")
    if not found:
        raise UsageError(
            f"There is no image in {place} (supported: {', '.join(sorted(suffixes))})."
        )
    return found


def write_list(files: Sequence[ImageFile], path: Path) -> None:
    """Write a `.list` file for `list_images`: one absolute path per line.

    Raises:
        UsageError: the name of an image contains a line break.
        OutputError: the file cannot be written.
    """
    names = [ImageFile(file.container.absolute(), file.member).name for file in files]
    multiline = [name for name in names if len(name.splitlines()) > 1]
    if multiline:
        raise UsageError(f"The name {multiline[0]!r} contains a line break. Rename that image.")
    atomic_write_bytes(path, "".join(f"{name}\n" for name in names).encode(**_NAME_ENCODING))


def fingerprint(files: Sequence[ImageFile]) -> str:
    """Identify a set of images by names and sizes, without reading the images.

    Args:
        files: the set; its order matters.

    Returns:
        64 hexadecimal digits, independent of the folders that contain the files.

    Raises:
        PictureError: a file no longer exists.
    """
    names = [PurePosixPath(file.member or file.container.name).name for file in files]
    lines = [f"{name} {file.byte_count()}\n" for name, file in zip(names, files, strict=True)]
    return hashlib.sha256("".join(lines).encode(**_NAME_ENCODING)).hexdigest()


def list_all_images(places: Sequence[str | Path]) -> list[ImageFile]:
    """List the images of several places, in the order given; errors as for `list_images`."""
    return [image for place in places for image in list_images(place)]


def _split_place(place: str) -> tuple[Path, str]:
    """Split `FILE.zip:FOLDER` or `FILE.zip:MEMBER` at the colon; else the second part is empty."""
    path, _, inside = place.partition(".zip:")
    return Path(path + ".zip" if inside else path), inside


def _is_image(name: str, suffixes: Collection[str]) -> bool:
    """Return whether a file has one of the suffixes and is not hidden."""
    path = PurePosixPath(name)
    return path.suffix.lower() in suffixes and not path.name.startswith(".")
