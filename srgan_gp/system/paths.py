"""Path checks that return False instead of raising OSError; similar names and missing folders."""

import difflib
import os
from pathlib import Path


def is_folder(path: Path) -> bool:
    """Return whether a path is an existing folder; False if that cannot be determined.

    `Path.is_dir` raises OSError for a name that is too long or a parent without permission.
    """
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Return whether a path is an existing regular file; False if that cannot be determined."""
    return os.path.isfile(path)  # noqa: PTH113


def similar_name(path: Path) -> str | None:
    """Return the most similar name in the folder of a path that does not exist.

    Suffixes and the case of letters are not compared. None: no name is similar, or the folder
    cannot be listed.
    """
    try:
        names = os.listdir(path.parent)  # noqa: PTH208
    except (OSError, ValueError):  # ValueError: the path contains a null character
        return None
    # The folder contains the name of the path itself if the path is a link to a missing file.
    by_stem = {Path(name).stem.casefold(): name for name in names if name != path.name}
    # The cutoff is the least similarity, from 0 to 1. Lower, such as the 0.6 of difflib, it would
    # suggest more names that are merely alike; higher, it would miss several typing errors.
    matches = difflib.get_close_matches(path.stem.casefold(), by_stem, n=1, cutoff=0.7)
    return by_stem[matches[0]] if matches else None


def missing_folders(folder: Path) -> list[Path]:
    """List the missing folders among a folder and its parents, the innermost first."""
    missing: list[Path] = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    return missing


def names_a_folder(path: str | Path) -> bool:
    """Return whether a path is an existing folder or ends as only folders do: `faces.v2/` or `a/.`.

    Pass the text as the user typed it, since `Path` drops a separator or dot at the end.
    """
    return os.path.basename(path) in ("", ".") or is_folder(Path(path))  # noqa: PTH119
