"""Recognises results of earlier runs among the files of a walk, by a journal or by their names.

A journal (`batch.results.journal`) is an SQLite file in an output folder, which records the results
that runs wrote there.
"""

import os
import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from srgan_gp.batch.results.journal import JOURNAL_FILE
from srgan_gp.system.paths import is_file

_RESULT_STEM = re.compile(r"(?P<stem>.+)_(?:x\d+(?:\.\d+)?|w\d+)")
"""Stem of a result without `-o`: `a_x4`, `a_x2.5` (scale) or `a_w3840` (width in pixels)."""


def is_beside_its_image(path: Path, suffixes: frozenset[str]) -> bool:
    """Return whether a file has the name of a result, and is beside the image that it is made of.

    So `a_x4.jpg` is a result if `a.jpg`, `a` with another suffix of an image, or a file `a` without
    a suffix exists.

    Args:
        path: path of the file.
        suffixes: suffixes of images with the dot, in lower case.
    """
    match = _RESULT_STEM.fullmatch(path.stem)
    if match is None:
        return False
    # The name without a suffix is often that of a folder, which is no image.
    if is_file(path.parent / match["stem"]):
        return True
    for suffix in suffixes:
        for spelling in (suffix, suffix.upper()):
            if os.path.lexists(path.with_name(match["stem"] + spelling)):
                return True
    return False


def has_name_of_result(path: Path) -> bool:
    """Return whether a file has the name of a result, such as `a_x4.jpg`, by the name alone."""
    return _RESULT_STEM.fullmatch(path.stem) is not None


def journal_folders_above(folder: Path) -> tuple[Path, ...]:
    """Return the folders with a journal among a folder and its parents; the paths have no links."""
    real_folder = Path(os.path.realpath(folder))
    folders = (real_folder, *real_folder.parents)
    return tuple(path for path in folders if is_file(path / JOURNAL_FILE))


def is_recorded(path: Path, journal_folders: tuple[Path, ...]) -> bool:
    """Return whether a journal records a file as a result, with the size that the file has.

    A journal that cannot be read counts as empty.

    Args:
        path: an existing file.
        journal_folders: output folders with a journal, the result of `journal_folders_above` for
            the folder of the file.
    """
    real_path = os.path.realpath(path)
    for root in journal_folders:
        target = os.fsencode(os.path.relpath(real_path, root))
        uri = (root / JOURNAL_FILE).as_uri() + "?mode=ro"
        with suppress(sqlite3.Error, OSError), closing(sqlite3.connect(uri, uri=True)) as journal:
            query = "SELECT size FROM results WHERE target = ?"
            row = journal.execute(query, (target,)).fetchone()
            if row is not None and row[0] == os.stat(real_path).st_size:  # noqa: PTH116
                return True
    return False
