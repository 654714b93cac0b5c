"""Path checks that return False instead of raising OSError, and related functions."""

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
    """Return the most similar name in the folder of a path that does not exist; None: no such.

    Suffixes and the case of letters are not compared.
    """
    try:
        names = os.listdir(path.parent)  # noqa: PTH208
    except (OSError, ValueError):
        return None
    # A link to a file that does not exist has the name itself.
    by_stem = {Path(name).stem.casefold(): name for name in names if name != path.name}
    matches = difflib.get_close_matches(path.stem.casefold(), by_stem, 1, 0.7)
    return by_stem[matches[0]] if matches else None


def missing_folders(folder: Path) -> list[Path]:
    """List those of a folder and its parents that do not exist, the innermost first."""
    missing: list[Path] = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    return missing


def names_a_folder(path: str | Path) -> bool:
    """Return whether a path is an existing folder or ends with a separator, as `faces.v2/` does.

    Pass the text as the user typed it, since `Path` drops a separator at the end.
    """
    return os.path.basename(path) in ("", ".") or is_folder(Path(path))  # noqa: PTH119
