"""Entry of a model in OpenModelDB: author, licence and data, read from the JSON beside a file.

openmodeldb.info keeps a JSON file for each model. It is used only if it names the SHA-256 of the
file or names none.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from srgan_gp.system.paths import is_file

MAX_BYTES = 1_000_000
MAX_TEXT = 300
"""Characters of a text that are kept."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Origin:
    """Author, licence and data of a model, as far as its file or its database entry says."""

    licence: str = UNKNOWN
    author: str = UNKNOWN
    description: str = ""
    data: str = UNKNOWN
    version: str = UNKNOWN


def read_entry(path: Path, sha256: str) -> Origin | None:
    """Read the JSON file that has the name of a model file; None if there is none that fits.

    A file that cannot be used is reported by a warning.

    Args:
        path: of the model file.
        sha256: SHA-256 of that file.
    """
    entry_path = path.with_suffix(".json")
    if not is_file(entry_path):
        return None
    problem = "it is not the entry of a model"
    try:
        if entry_path.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        entry: object = json.loads(entry_path.read_text(encoding="utf-8"))
        if isinstance(entry, dict) and "license" in entry:
            values = cast("dict[str, Any]", entry)
            hashes = _hashes(values)
            if not hashes or sha256 in hashes:
                return _origin(values)
            problem = "it is about a file with another SHA-256"
    except (OSError, ValueError, RecursionError) as error:
        problem = str(error)
    warnings.warn(f"{entry_path.name} is not used: {problem}.", stacklevel=2)
    return None


def origin_of_metadata(metadata: Mapping[str, str]) -> Origin:
    """Return what the metadata of a `.safetensors` or `.onnx` file says.

    The keys are those of modelspec (`modelspec.author`), or the same words without the prefix.
    """

    def find(*keys: str, otherwise: str = UNKNOWN) -> str:
        for key in keys:
            for name in (f"modelspec.{key}", key):
                if text := one_line(metadata.get(name, "")):
                    return text
        return otherwise

    return Origin(
        licence=find("license", "licence"),
        author=find("author"),
        description=find("description", otherwise=""),
        data=find("dataset"),
        version=find("date", "version"),
    )


def one_line(text: object) -> str:
    r"""Return a text without line breaks and other unprintable characters, shortened.

    >>> one_line("two\nlines")
    'two lines'
    """
    if not isinstance(text, str):
        return ""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= MAX_TEXT else f"{words[: MAX_TEXT - 3]}..."


def _hashes(entry: Mapping[str, Any]) -> set[str]:
    resources = entry.get("resources")
    if not isinstance(resources, list):
        return set()
    found = [part.get("sha256") for part in cast("list[Any]", resources) if isinstance(part, dict)]
    return {str(value).lower() for value in found if value}


def _origin(entry: Mapping[str, Any]) -> Origin:
    author = entry.get("author")
    if isinstance(author, list):
        author = ", ".join(str(one) for one in cast("list[Any]", author))
    return Origin(
        licence=one_line(entry.get("license")) or UNKNOWN,
        author=one_line(author) or UNKNOWN,
        description=one_line(entry.get("description")),
        data=one_line(entry.get("dataset")) or UNKNOWN,
        version=one_line(entry.get("date")) or UNKNOWN,
    )
