"""`OpenFolder`: a folder that a walk lists, and functions that read folders for a walk."""

import os
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from srgan_gp.errors import PictureError


class OpenFolder(NamedTuple):
    """An open folder of a walk."""

    folder: Path
    identity: tuple[int, int] | None
    """Device and inode, which show that a mount leads back to a parent folder; None: unknown."""
    entries: Generator[os.DirEntry[str], None, None]
    """The entries that the walk has not reached yet."""
    journal_folders: tuple[Path, ...]
    """Folders with a journal of results (`batch.results.journal`): this folder and its parents."""


def is_link(path: Path) -> bool:
    """Return whether a path is a symbolic link; False if that cannot be determined.

    `Path.is_symlink` would raise OSError then.
    """
    return os.path.islink(path)  # noqa: PTH114


def folder_entries(folder: Path) -> Generator[os.DirEntry[str], None, None]:
    """Yield the entries of a folder, which is opened at the first step and closed after the last.

    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        yield from entries


def is_real_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder and no link; False if that cannot be determined."""
    with suppress(OSError):
        return entry.is_dir(follow_symlinks=False)
    return False


def folder_identity(folder: Path) -> tuple[int, int] | None:
    """Return device and inode of a folder; None if it does not exist or cannot be accessed."""
    with suppress(OSError):
        status = folder.stat()
        return (status.st_dev, status.st_ino)
    return None


def listing_error(error: OSError) -> PictureError:
    """Return the error about a folder that cannot be listed."""
    if isinstance(error, PermissionError):
        return PictureError(
            "E_NO_PERMISSION", "there is no permission to list it; change its mode or its owner"
        )
    return PictureError("E_UNREADABLE", f"the folder cannot be listed ({error.strerror})")
