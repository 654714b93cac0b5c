"""Names of results, and the keys by which two of them collide.

Two names collide when they are the same on a file system that ignores case or composes accents.
A file is opened only for its format, where its name has no suffix of an image.
"""

import hashlib
import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.naming.name_templates import Template
from srgan_gp.errors import PictureError
from srgan_gp.images import FORMATS
from srgan_gp.images.file_types import CONTAINERS, HEAD_BYTES, detect_container
from srgan_gp.system.paths import is_file

LONGEST_NAME_BYTES = 220
"""Common file systems allow 255; the rest is for the name of the unfinished file."""

_KNOWN_SUFFIXES = frozenset(suffix for row in CONTAINERS for suffix in row.suffixes)
_KEPT_SUFFIXES = frozenset(
    suffix for row in FORMATS.values() if row.keeps_colours for suffix in row.suffixes
)
_KEY_BYTES = 16  # Two keys collide by chance after 2^64 names, which only numbers a name.
_FORBIDDEN_ON_WINDOWS = dict.fromkeys([*range(32), *map(ord, '<>:"|?*\\')], "_")
_RESERVED_ON_WINDOWS = frozenset(
    ["con", "prn", "aux", "nul"]
    + [device + number for device in ("com", "lpt") for number in "123456789\xb9\xb2\xb3"]
)


PLAIN = Template((("", "stem"), ("", "suffix")))
"""The default template, {stem}{suffix}."""


@dataclass(frozen=True)
class Naming:
    """Rule that names the results of a run, before collisions are resolved."""

    template: Template
    extension: str | None
    """With the dot; None keeps the extension of the source where its format can be written. A
    source whose name has no suffix of an image gets the one of the format found in the file."""
    model: str = ""
    scale: str = ""
    suffix: str = ""
    file_name: str | None = None
    """The whole name for a single image; nothing else is used then."""
    found_format: str | None = None
    """Format of the source, as `Picture.source_format`; None: read it from the file if needed."""

    @property
    def adds_to_the_stem(self) -> bool:
        """Whether results have other names than their inputs, even in the same folder."""
        return self.file_name is None and bool(self.suffix or self.template != PLAIN)

    def name(self, source: Path, *, is_whole: bool = False) -> str:
        """Return the name of a result, without its folder.

        Args:
            source: path of the image.
            is_whole: use the whole name of the source in place of its stem.
        """
        if self.file_name is not None:
            return self.file_name
        values = {
            "stem": source.name if is_whole else source.stem,
            "name": source.name,
            "extension": source.suffix.removeprefix("."),
            "parent": source.absolute().parent.name,
            "model": self.model,
            "scale": self.scale,
            "suffix": self.suffix,
        }
        stem = self.template.fill(values) or source.stem
        kept = source.suffix if source.suffix.lower() in _KEPT_SUFFIXES else ".png"
        if source.suffix.lower() not in _KNOWN_SUFFIXES and self.extension is None:
            kept = _suffix_of(self.found_format or _format_in(source))
        name = shortened(stem, self.extension or kept)
        return portable(name) if os.name == "nt" else name

    def fallback(self, name: str, *, is_whole: bool = False) -> str | None:
        """Return the name of the PNG for a result that its format cannot hold; None: not wanted.

        Args:
            name: name of the result.
            is_whole: keep the extension of `name` before that of the PNG.
        """
        if self.extension is not None or self.file_name is not None:
            return None
        path = Path(name)
        if path.suffix.lower() == ".png":
            return None
        return f"{name if is_whole else path.stem}.png"


def _suffix_of(format: str | None) -> str:
    """Return the suffix of a format that can be written with all its colours, else `.png`."""
    row = FORMATS.get(format or "PNG")
    return row.suffixes[0] if row is not None and row.keeps_colours else ".png"


def _format_in(source: Path) -> str | None:
    """Return the format that the first bytes of a file show; None: there is no such file."""
    if not is_file(source):  # a named pipe would block
        return None
    with suppress(OSError, PictureError), source.open("rb") as file:
        return detect_container(file.read(HEAD_BYTES)).name
    return None


def name_key(name: str) -> str:
    """Return a key that is equal for names that collide on a common file system.

    >>> name_key("A.PNG") == name_key("a.png")
    True
    """
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def path_key(folder_key: str, name: str) -> bytes:
    """Return a key of 16 bytes that is equal for paths that can collide.

    Args:
        folder_key: the `name_key` of the path of its folder, without links.
        name: the file's name.
    """
    return digest(f"{folder_key}/{name_key(name)}".encode("utf-8", "surrogatepass"))


def digest(data: bytes) -> bytes:
    """Return a hash of 16 bytes."""
    return hashlib.blake2b(data, digest_size=_KEY_BYTES).digest()


def numbered(name: str, number: int) -> str:
    """Add a number after the stem of a name.

    >>> numbered("a.png", 2)
    'a-2.png'
    """
    path = Path(name)
    return f"{path.stem}-{number}{path.suffix}"


def shortened(stem: str, extension: str) -> str:
    """Join stem and extension; a stem that is too long is cut and gets its hash as the end."""
    if len(os.fsencode(stem + extension)) <= LONGEST_NAME_BYTES:
        return stem + extension
    mark = "-" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    room = LONGEST_NAME_BYTES - len(mark) - len(os.fsencode(extension))
    kept = stem
    while len(os.fsencode(kept)) > room:
        kept = kept[:-1]
    return kept + mark + extension


def portable(name: str) -> str:
    """Change a name that is forbidden or reserved on Windows into a valid one.

    >>> portable("12:30.png"), portable("con.png")
    ('12_30.png', 'con_.png')
    """
    path = Path(name.translate(_FORBIDDEN_ON_WINDOWS))
    stem = path.stem
    if stem.split(".")[0].rstrip(" ").lower() in _RESERVED_ON_WINDOWS:
        first, dot, rest = stem.partition(".")
        stem = f"{first}_{dot}{rest}"
    return stem + path.suffix
