"""Markers in a document, and what stands between them."""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

_MARKED = re.compile(r"(<!-- begin (?P<name>[^>]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)


def updated(text: str, parts: Mapping[str, Callable[[], Iterable[str]]], where: str = "") -> str:
    """Return a document with every marked part made again.

    Args:
        text: of the document.
        parts: what makes the lines of each part, by its name.
        where: name of the document, for the message.

    Raises:
        SystemExit: a marker names no part.
    """

    def part(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in parts:
            raise SystemExit(f"{where} has an unknown marker: {name}")
        return found[1] + "\n".join(parts[name]()) + "\n" + found[3]

    return _MARKED.sub(part, text)


def first_line(path: Path) -> str:
    """Read the first line of a module's docstring without importing it."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]
