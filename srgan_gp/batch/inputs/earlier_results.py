"""Recognises results of earlier runs among the files of a walk, by a journal or by their names."""

import os
import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from srgan_gp.batch.results.journal import JOURNAL_FILE
from srgan_gp.system.paths import is_file

_NAME = re.compile(r"(?P<stem>.+)_(?:x\d+(?:\.\d+)?|w\d+)")
"""Stem of a result beside its image: `a_x4`, `a_x2.5` or `a_w3840`."""


def has_name_of_result(path: Path, suffixes: frozenset[str]) -> bool:
    """Return whether a file is named as the result of another image in its folder.

    Args:
        path: such as `a_x4.jpg`, which is a result if `a.jpg`, or `a` with another suffix, exists.
        suffixes: suffixes of images, in lower case.
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return False
    spellings = (spelling for suffix in suffixes for spelling in (suffix, suffix.upper()))
    return any(os.path.lexists(path.with_name(match["stem"] + suffix)) for suffix in spellings)


def is_named_as_result(path: Path) -> bool:
    """Return whether a file has such a name, whether its image is beside it or not."""
    return _NAME.fullmatch(path.stem) is not None


def journals_above(folder: Path) -> tuple[Path, ...]:
    """List a folder and its parents that have a journal: they hold the results of runs."""
    real = Path(os.path.realpath(folder))
    return tuple(path for path in (real, *real.parents) if is_file(path / JOURNAL_FILE))


def is_recorded(path: Path, roots: tuple[Path, ...]) -> bool:
    """Return whether the journal of one of these folders records a file, of its size, as a result.

    A journal that cannot be read records nothing.

    Args:
        path: an existing file.
        roots: result of `journals_above` for the folder of the file.
    """
    real = os.path.realpath(path)
    for root in roots:
        relative = os.fsencode(os.path.relpath(real, root))
        journal = (root / JOURNAL_FILE).as_uri() + "?mode=ro"
        with suppress(sqlite3.Error, OSError), closing(sqlite3.connect(journal, uri=True)) as file:
            query = "SELECT size FROM results WHERE target = ?"
            row = file.execute(query, (relative,)).fetchone()
            if row is not None and row[0] == os.stat(real).st_size:  # noqa: PTH116
                return True
    return False
