"""Replacement of the marked parts of a document: `<!-- begin NAME -->` to `<!-- end NAME -->`."""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

_MARKED = re.compile(r"(<!-- begin (?P<name>[^>]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)


def update_parts(
    text: str, parts: Mapping[str, Callable[[], Iterable[str]]], where: str = ""
) -> str:
    """Return a document with new content in every marked part.

    Args:
        text: content of the document.
        parts: functions that return the lines of a part, by its name.
        where: name of the document, for the message.

    Raises:
        SystemExit: a marker has a name that `parts` lacks.
    """

    def replace_part(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        if name not in parts:
            raise SystemExit(f"{where} has an unknown marker: {name}")
        return begin + "\n".join(parts[name]()) + "\n" + end

    return _MARKED.sub(replace_part, text)


def first_line(path: Path) -> str:
    """Read the first line of a module's docstring without importing it."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]
