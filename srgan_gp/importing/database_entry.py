"""`Origin`: author, licence and data of a model to import, for its card.

They are read from the JSON file beside the model file, an entry of openmodeldb.info, a public
database of upscalers; or from the metadata in the model file.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from srgan_gp.system.paths import is_file

MAX_BYTES = 1_000_000
"""Size of a JSON file above which it is not read: an untrusted file must not fill the memory. An
entry, some texts and links, is far smaller."""
MAX_TEXT = 300
"""Characters after which a text is cut: four lines of a terminal, in which cards are printed."""
UNKNOWN = "unknown"
"""Value of a property that neither the file nor the database states."""


@dataclass(frozen=True)
class Origin:
    """What a model's file or its database entry says; each text is one line."""

    licence: str = UNKNOWN
    author: str = UNKNOWN
    description: str = ""
    data: str = UNKNOWN
    """Data set of the training."""
    version: str = UNKNOWN
    """Usually a date."""


def read_entry(path: Path, sha256: str) -> Origin | None:
    """Read the JSON file that has the name of a model file and the suffix `.json`.

    The JSON file must list the SHA-256 of the model file, or no hash at all. If it cannot be used,
    there is a warning.

    Args:
        path: path of the model file.
        sha256: SHA-256 of that file, in lower-case hex.

    Returns:
        The entry; None if there is no such JSON file, or it cannot be used.
    """
    entry_path = path.with_suffix(".json")
    if not is_file(entry_path):
        return None
    try:
        if entry_path.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        entry: object = json.loads(entry_path.read_text(encoding="utf-8"))
        if not isinstance(entry, dict) or "license" not in entry:
            raise ValueError("it is not the entry of a model")
        values = cast("dict[str, Any]", entry)
        hashes = _hashes(values)
        if hashes and sha256 not in hashes:
            raise ValueError("it is about a file with another SHA-256")
        return _origin(values)
    except (OSError, ValueError, RecursionError) as error:
        warnings.warn(f"{entry_path.name} is not used: {error}.", stacklevel=2)
        return None


def origin_of_metadata(metadata: Mapping[str, str]) -> Origin:
    """Return what the metadata of a `.safetensors` or `.onnx` file says.

    Keys may have the prefix of the standard modelspec, such as `modelspec.author`, or none.
    """

    def first_value(*keys: str) -> str:
        """Return the first text of these keys that is not empty; "" if there is none."""
        for key in keys:
            for name in (f"modelspec.{key}", key):
                value = one_line(metadata.get(name, ""))
                if value:
                    return value
        return ""

    return Origin(
        licence=first_value("license", "licence") or UNKNOWN,
        author=first_value("author") or UNKNOWN,
        description=first_value("description"),
        data=first_value("dataset") or UNKNOWN,
        version=first_value("date", "version") or UNKNOWN,
    )


def one_line(text: object) -> str:
    r"""Return a text without line breaks and unprintable characters, of at most `MAX_TEXT`.

    An untrusted file may have a number or a list in place of a text: for these the result is "".

    >>> one_line("two\nlines")
    'two lines'
    """
    if not isinstance(text, str):
        return ""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 3]}..."


def _hashes(entry: Mapping[str, Any]) -> set[str]:
    """Return the SHA-256 of the files that an entry lists, in lower-case hex."""
    resources = entry.get("resources")
    if not isinstance(resources, list):
        return set()
    hashes: set[str] = set()
    for resource in cast("list[Any]", resources):
        if isinstance(resource, dict):
            sha256 = cast("dict[str, Any]", resource).get("sha256")
            if sha256:
                hashes.add(str(sha256).lower())
    return hashes


def _origin(entry: Mapping[str, Any]) -> Origin:
    """Return what an entry says; its `author` is a name or a list of names."""
    author = entry.get("author")
    if isinstance(author, list):
        author = ", ".join(str(name) for name in cast("list[Any]", author))
    return Origin(
        licence=one_line(entry.get("license")) or UNKNOWN,
        author=one_line(author) or UNKNOWN,
        description=one_line(entry.get("description")),
        data=one_line(entry.get("dataset")) or UNKNOWN,
        version=one_line(entry.get("date")) or UNKNOWN,
    )
