"""Detection of a file's type by its first bytes, and opening it with the Pillow class of its type.

`CONTAINERS` lists the types that can be read. Other known types are refused with a message that
names them. `silenced_pillow` and `decoder_errors` surround every use of a decoder of Pillow.
"""

import codecs
import importlib
import logging
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import Image, ImageFile

from srgan_gp.errors import PictureError

HEAD_BYTES = 1024
"""Bytes at the start of a file for `detect_container`: more than brands of AVIF or HEIF need."""


@dataclass(frozen=True)
class Container:
    """A type of image file that can be read."""

    name: str
    signatures: tuple[bytes, ...]
    """First bytes of such files; none for AVIF and HEIF, which are detected by `_BRANDS`."""
    opener: str
    """Dotted name of the Pillow class that opens such a file."""
    suffixes: tuple[str, ...]


CONTAINERS = (
    Container("PNG", (b"\x89PNG\r\n\x1a\n",), "PIL.PngImagePlugin.PngImageFile", (".png", ".apng")),
    Container(
        "JPEG", (b"\xff\xd8\xff",), "PIL.JpegImagePlugin.JpegImageFile",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
    ),
    # Sound and video files start with RIFF too, so `detect_container` also checks bytes 8 to 11.
    Container("WEBP", (b"RIFF",), "PIL.WebPImagePlugin.WebPImageFile", (".webp",)),
    Container(
        "TIFF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "PIL.TiffImagePlugin.TiffImageFile",
        (".tif", ".tiff"),
    ),
    Container("BMP", (b"BM",), "PIL.BmpImagePlugin.BmpImageFile", (".bmp", ".dib")),
    Container("GIF", (b"GIF87a", b"GIF89a"), "PIL.GifImagePlugin.GifImageFile", (".gif",)),
    Container("AVIF", (), "PIL.AvifImagePlugin.AvifImageFile", (".avif", ".avifs")),
    Container("HEIF", (), "pi_heif.as_plugin.HeifImageFile", (".heic", ".heif", ".hif")),
)  # fmt: skip

_REFUSED = {
    b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS", b"%PDF": "PDF", b"8BPS": "Photoshop",
    b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"II*\0\x10\0\0\0CR": "camera raw",
    b"SIMPLE  =": "FITS", b"\0\0\1\0": "ICO", b"\0\0\2\0": "CUR", b"icns": "ICNS", b"DDS ": "DDS",
    b"v/1\x01": "OpenEXR", b"#?RADIANCE": "Radiance HDR", b"#?RGBE": "Radiance HDR",
    b"gimp xcf": "GIMP", b"qoif": "QOI", b"\xd7\xcd\xc6\x9a": "WMF", b"\x0a\x05\x01": "PCX",
    b"II\xbc": "JPEG XR", b"FUJIFILM": "camera raw", b"IIRO": "camera raw", b"IIU\0": "camera raw",
}  # fmt: skip
"""First bytes of known types that cannot be read, and the name of the type for the message."""

_BRANDS = {
    "AVIF": {b"avif", b"avis"},
    "HEIF": {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"},
}
"""Brands (codes of variants) of ISO base media files. A file with brands of AVIF and of HEIF is
opened as AVIF, which comes first in `CONTAINERS`."""

READABLE = "PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC"  # for messages


def detect_container(head: bytes) -> Container:
    """Detect the type of a file from its first `HEAD_BYTES` bytes.

    Raises:
        PictureError: E_FORMAT_NOT_ALLOWED for a known type that is not supported, E_NOT_AN_IMAGE
            for anything else.
    """
    if not head:
        raise PictureError("E_NOT_AN_IMAGE", "the file is empty")
    refused_type = _refused_type(head)
    if refused_type is None:
        for container in CONTAINERS:
            if container.name in _BRANDS:
                is_match = bool(_BRANDS[container.name] & _brands(head))
            else:
                is_match = head.startswith(container.signatures)
            if container.name == "WEBP" and head[8:12] != b"WEBP":
                is_match = False  # another RIFF file
            if is_match:
                return container
        # Checked last: a comment in an image may contain "<svg".
        refused_type = "SVG" if b"<svg" in head.lower() else None
    if refused_type is not None:
        raise PictureError(
            "E_FORMAT_NOT_ALLOWED",
            f"{refused_type} files cannot be read; convert it to {READABLE} first",
        )
    content = "this is text" if _is_text(head) else "this is not an image"
    raise PictureError("E_NOT_AN_IMAGE", f"{content}; pass a {READABLE} file")


def _brands(head: bytes) -> set[bytes]:
    """Return the major and the compatible brands of an ISO base media file; else no brands.

    The file starts with the box `ftyp`: its length (4 bytes), `ftyp`, the major brand, its version
    (4 bytes) and the compatible brands.
    """
    if head[4:8] != b"ftyp":
        return set()
    length = min(int.from_bytes(head[:4]), len(head))
    return {head[start : start + 4] for start in range(8, length, 4) if start != 12}


def _refused_type(head: bytes) -> str | None:
    """Return the name of a known type that cannot be read; None for all other files."""
    for signature, name in _REFUSED.items():
        if head.startswith(signature):
            return name
    if head[4:12] == b"ftypcrx ":
        return "camera raw"
    # The formats of Netpbm start with "P" and a digit, or with "Pf" or "PF".
    if head[:1] == b"P" and head[1:2] in b"1234567fF" and head[2:3].isspace():
        return "PPM"
    return None


def _is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are printable UTF-8 text."""
    try:
        # Incremental, because the last bytes may be the beginning of a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)


def open_container(file: BinaryIO, container: Container) -> ImageFile.ImageFile:
    """Open a file with the Pillow class of its type, without decoding pixels.

    `Image.open` is not used: it tries other plugins too, and its pixel limit applies to the whole
    process. HEIF files are opened with the package pi-heif, which has no encoder and so no part
    under the GPL.

    Args:
        file: seekable, positioned at its start.
        container: the type of the file, from `detect_container`.

    Returns:
        The image. The caller checks its size before decoding, and converts the exceptions of the
        decoder by `decoder_errors`.
    """
    module_name, _, class_name = container.opener.rpartition(".")
    image_class = getattr(importlib.import_module(module_name), class_name)
    return image_class(file)


# Without a handler, Pillow's log messages would be printed on stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass
class _PillowWarnings:
    """Suppresses Pillow's warnings while at least one thread reads an image.

    Pillow warns about damaged metadata, which our notes and errors report already. The filters of
    `warnings` are those of the process: the first reader sets, and the last one restores them.
    """

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _readers: int = 0
    """Threads inside `silenced`."""
    _saved: "warnings.catch_warnings[None]" = field(default_factory=warnings.catch_warnings)
    """Restores the filters; each first reader replaces it."""

    @contextmanager
    def silenced(self) -> Generator[None, None, None]:
        """Suppress the warnings during a `with` block."""
        with self._lock:
            if self._readers == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if self._readers == 0:
                    self._saved.__exit__(None, None, None)


silenced_pillow = _PillowWarnings().silenced
"""Context manager that suppresses Pillow's warnings; its readers are counted per process."""

_UNSUPPORTED = ("unknown pixel mode", "cannot handle", "not support", "unsupported",
                "unknown compression", "not installed")  # fmt: skip
"""Parts of the messages with which decoders refuse a valid file of an unsupported variant."""

_PACKAGES = {"HEIF": "pi-heif"}
"""By file type: the package that decodes it, if that is not Pillow."""


@contextmanager
def decoder_errors(name: str) -> Generator[None, None, None]:
    """Convert any exception of a decoder in a `with` block to a PictureError.

    On damaged files decoders raise OSError, SyntaxError, ValueError, struct.error, OverflowError
    and more, so every other exception is reported as damage.

    Args:
        name: the file type, a name of `CONTAINERS`, for the message.

    Raises:
        PictureError: E_TOO_MANY_PIXELS, E_FORMAT_NOT_ALLOWED, E_OUT_OF_MEMORY or E_DAMAGED.
    """
    try:
        yield
    except PictureError:
        raise
    except Image.DecompressionBombError as error:  # Pillow checks GIF frames and TIFF tiles
        raise PictureError(
            "E_TOO_MANY_PIXELS", "it has more pixels than can be read safely; downscale it first"
        ) from error
    except ModuleNotFoundError as error:  # installed without dependencies
        raise PictureError(
            "E_FORMAT_NOT_ALLOWED",
            f"{name} files need a package that is missing: pip install {_PACKAGES.get(name, name)}",
        ) from error
    except MemoryError as error:
        raise PictureError(
            "E_OUT_OF_MEMORY", "there is not enough memory to read this image; downscale it first"
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split())  # on one line
        if any(phrase in reason.lower() for phrase in _UNSUPPORTED):
            # Pillow: "Unknown compression method 1 in iCCP chunk".
            way = "without its colour profile" if "iCCP" in reason else "with 8 or 16 bits"
            raise PictureError(
                "E_FORMAT_NOT_ALLOWED",
                f"this kind of {name} file is not supported ({reason}); save it again {way}",
            ) from error
        raise PictureError(
            "E_DAMAGED", f"the {name} file is damaged or truncated; get a complete copy of it"
        ) from error
