"""Names of results, and the keys by which two of them collide.

Two names collide when they are the same on a file system that ignores case or composes accents.
An input file is opened only if its name has no suffix of an image: then its format is read.
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
"""Longest name of a result. Common file systems allow 255 bytes; the rest is for a number that may
be added to the name, and for the longer name of the unfinished file."""

_KNOWN_SUFFIXES = frozenset(suffix for row in CONTAINERS for suffix in row.suffixes)
"""Suffixes of images that can be read, in lower case."""
_KEPT_SUFFIXES = frozenset(
    suffix for row in FORMATS.values() if row.keeps_colours for suffix in row.suffixes
)
"""Suffixes that results keep: their formats can be written, with all colours of 8 bits."""
_KEY_BYTES = 16
"""Length of a key, a hash of a path. If two keys are equal by chance, a name gets a number that it
does not need: with 128 bits that does not happen. Longer keys enlarge the plan of a run."""
_FORBIDDEN_ON_WINDOWS = dict.fromkeys([*range(32), *map(ord, '<>:"|?*\\')], "_")
"""Code points that Windows forbids in a name, each with its replacement."""
_RESERVED_ON_WINDOWS = frozenset(
    ["con", "prn", "aux", "nul"]
    + [device + number for device in ("com", "lpt") for number in "123456789\xb9\xb2\xb3"]
)
"""Names of devices, which no file can have on Windows, whatever its extension. The last three
numbers are superscript 1, 2 and 3."""

DEFAULT_TEMPLATE = Template((("", "stem"), ("", "suffix")))
"""The template {stem}{suffix}."""


@dataclass(frozen=True)
class Naming:
    """Rule that names the results of a run, before collisions are resolved."""

    template: Template
    extension: str | None
    """With the dot. None: the result keeps the extension of its source if that format can be
    written. If the name of the source has no suffix of an image, the result gets the suffix of the
    format that is found in the file."""
    model: str = ""
    """Name of the model; this and the next two are fields of the template."""
    scale: str = ""
    """Scale factor, such as `4`."""
    suffix: str = ""
    """Value of `--suffix`."""
    file_name: str | None = None
    """The whole name of the result of a single image; the fields above are not used then."""
    found_format: str | None = None
    """Format of the source, such as `PNG`, if known; None: it is read from the file if needed."""

    @property
    def adds_to_the_stem(self) -> bool:
        """Whether the stem of a result differs from that of its input."""
        return self.file_name is None and bool(self.suffix or self.template != DEFAULT_TEMPLATE)

    def name(self, source: Path, *, is_whole: bool = False) -> str:
        """Return the name of a result, without its folder.

        Args:
            source: path of the image.
            is_whole: use the whole name of the source in place of its stem, after a collision:
                `a.jpg` and `a.png` then give `a.jpg.png` and `a.png.png`.
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
        stem = self.template.fill(values) or source.stem  # the fields may all be empty
        source_suffix = source.suffix.lower()
        if self.extension is not None:
            extension = self.extension
        elif source_suffix not in _KNOWN_SUFFIXES:
            extension = _suffix_of(self.found_format or _format_in(source))
        else:
            extension = source.suffix if source_suffix in _KEPT_SUFFIXES else ".png"
        name = shortened(stem, extension)
        return portable(name) if os.name == "nt" else name

    def fallback(self, name: str) -> str | None:
        """Return the name of the fallback, the PNG for a result that its format cannot hold.

        None means that there is no fallback: the user chose the format, or it is PNG already.

        Args:
            name: name of the result.
        """
        if self.extension is not None or self.file_name is not None:
            return None
        path = Path(name)
        return None if path.suffix.lower() == ".png" else f"{path.stem}.png"


def _suffix_of(format: str | None) -> str:
    """Return the suffix of a format if it can be written with all its colours, else `.png`.

    Args:
        format: name such as `JPEG`; None: unknown.
    """
    row = FORMATS.get(format or "PNG")
    return row.suffixes[0] if row is not None and row.keeps_colours else ".png"


def _format_in(source: Path) -> str | None:
    """Return the format that the first bytes of a file show, such as `JPEG`.

    None means that the file does not exist, cannot be read or is not an image.
    """
    if not is_file(source):  # a named pipe would block
        return None
    with suppress(OSError, PictureError), source.open("rb") as file:
        return detect_container(file.read(HEAD_BYTES)).name
    return None


def name_key(name: str) -> str:
    """Return a text that is equal for names that collide, as defined above.

    >>> name_key("A.PNG") == name_key("a.png")
    True
    """
    if name.isascii():
        return name.lower()
    # Normalised a second time, because `casefold` can decompose a character.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def path_key(folder_key: str, name: str) -> bytes:
    """Return a key of 16 bytes that is equal for paths that collide, as defined above.

    Args:
        folder_key: `name_key` of the path of the folder, without links.
        name: name of the file.
    """
    # Surrogates stand for bytes of a name that are not UTF-8 (`os.fsdecode`).
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
    """Join stem and extension to a name of at most `LONGEST_NAME_BYTES` bytes.

    A stem that is too long is cut, and 8 digits of its hash are added, so that stems which begin
    alike stay distinct.
    """
    if len(os.fsencode(stem + extension)) <= LONGEST_NAME_BYTES:
        return stem + extension
    # SHA-256, unlike in `digest`: names must be the same in all versions, keys need not.
    mark = "-" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    max_stem_bytes = LONGEST_NAME_BYTES - len(mark) - len(os.fsencode(extension))
    start = stem
    while len(os.fsencode(start)) > max_stem_bytes:
        start = start[:-1]
    return start + mark + extension


def portable(name: str) -> str:
    """Return the name, or a similar one if it is forbidden or reserved on Windows.

    >>> portable("12:30.png"), portable("con.png")
    ('12_30.png', 'con_.png')
    """
    path = Path(name.translate(_FORBIDDEN_ON_WINDOWS))
    first, dot, others = path.stem.partition(".")
    if first.rstrip(" ").lower() in _RESERVED_ON_WINDOWS:  # Windows ignores spaces at the end
        first += "_"
    return f"{first}{dot}{others}{path.suffix}"
