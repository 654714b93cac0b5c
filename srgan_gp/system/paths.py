"""Checks of a path that also work where the system gives no answer."""

import os
from pathlib import Path


def is_folder(path: Path) -> bool:
    """Say whether a folder is there; False also where that cannot be found out.

    `Path.is_dir` raises OSError for a name too long or a parent without permission.
    """
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Say whether a regular file is there; False also where that cannot be found out."""
    return os.path.isfile(path)  # noqa: PTH113


def names_a_folder(path: str | Path) -> bool:
    """Say whether a folder is there, or the text asks for one, as `faces.v2/` does.

    A `Path` has forgotten the separator at its end: give the text as it was typed.
    """
    return os.path.basename(path) in ("", ".") or is_folder(Path(path))  # noqa: PTH119
