"""Files that the browser refused to upload, as the page reports them to the tab "Batch"."""

import json
from dataclasses import dataclass
from typing import cast

from gradio_tabs.inputs.uploads import MAX_NAME_CHARACTERS

_MAX_FILES = 100
"""Largest number of skipped files that are read. `static/estimates.js` sends no more, but another
program could send any number. Further files are neither reported nor counted."""
_MAX_NAMED = 3
"""Largest number of skipped files that a report names; of more files it only gives the number, so
that the report stays a few lines long."""


@dataclass(frozen=True)
class SkippedFile:
    """A file that was not uploaded."""

    name: str
    reason: str
    """A few words, such as `cannot be read`."""
    message: str
    """The reason as a sentence."""


def skipped_files(text: str) -> list[SkippedFile]:
    """Read the JSON text of the page: a list of [name, reason, message].

    The text is empty if no file was skipped. Long names, reasons and messages are cut. JSON of
    another form, which only another program sends, gives no files.

    >>> skipped_files('[["a.jpg", "cannot be read", "a.jpg is not an image."]]')[0].reason
    'cannot be read'
    >>> skipped_files("[1]")
    []
    """
    try:
        rows: object = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return []
    if not isinstance(rows, list):
        return []
    files: list[SkippedFile] = []
    for row in cast(list[object], rows)[:_MAX_FILES]:
        if isinstance(row, list) and len(cast(list[object], row)) == 3:
            name, reason, message = (str(part) for part in cast(list[object], row))
            limit = MAX_NAME_CHARACTERS
            # The message contains the name, and therefore may be longer.
            files.append(SkippedFile(name[:limit], reason[:limit], message[: 2 * limit]))
    return files


def skipped_text(files: list[SkippedFile]) -> str:
    """Return the end of a report about skipped files; empty: there are none.

    >>> skipped_text([SkippedFile("a.jpg", "cannot be read", "")])
    '; a.jpg skipped: cannot be read'
    """
    if len(files) > _MAX_NAMED:
        return f"; {len(files)} skipped"
    return "".join(f"; {file.name} skipped: {file.reason}" for file in files)
