"""Finds the inputs of a run: files, folders, trees and patterns.

A walk streams: it holds one open folder for each step down the tree, and no list of files. It never
opens a file and follows no link to a folder; a folder that cannot be listed costs only itself.
"""

import glob
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from srgan_gp.batch.results.journal import JOURNAL_FOLDER
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images.file_types import CONTAINERS
from srgan_gp.system.paths import is_folder

PICTURE_SUFFIXES = frozenset(suffix for c in CONTAINERS for suffix in c.suffixes)
"""Suffixes, in lower case, of what is taken for a picture in a folder."""


@dataclass(frozen=True)
class Found:
    """One input of a run."""

    path: Path
    folder: Path
    """Where the tree that the results mirror begins: a folder among the arguments, or the one that
    holds the file."""
    is_named: bool = False
    """It was named by itself: taken whatever its suffix, and whether it is there or not."""
    error: PictureError | None = None
    """Why it cannot be used; `path` is then a folder that cannot be listed."""


@dataclass
class SkippedFiles:
    """What a walk saw and did not give."""

    ignored: int = 0
    """Files that are hidden, or no pictures by their suffix."""
    folders: int = 0
    """Folders not entered: hidden ones, or all of them when the walk is not recursive."""
    links: int = 0
    """Links to folders."""


class Walk:
    """The inputs of a run; every iteration walks anew.

    Attributes:
        skipped_files: counts of the last iteration, so far.
    """

    def __init__(self, arguments: Sequence[str], recursive: bool, leave_out: Path | None) -> None:
        self._arguments = arguments
        self._recursive = recursive
        self._leave_out = leave_out
        self._left_out: tuple[int, int] | None = None
        self._unmatched: list[Path] = []
        self.skipped_files = SkippedFiles()

    def __iter__(self) -> Iterator[Found]:
        self.skipped_files = SkippedFiles()
        self._unmatched = []
        # The output folder may have been made since the last time.
        self._left_out = None if self._leave_out is None else _identity(self._leave_out)
        has_inputs = False
        for argument in self._arguments:
            for found in self._inputs(argument):
                has_inputs = True
                yield found
        if has_inputs:
            for path in self._unmatched:
                yield Found(path, path.parent, is_named=True)

    def _inputs(self, argument: str) -> Iterator[Found]:
        path = Path(argument)
        if is_folder(path):
            yield from self._tree(path, path)
        elif glob.has_magic(argument) and not os.path.lexists(path):
            yield from self._matches(argument)
        else:
            yield Found(path, path.parent, is_named=True)

    def _matches(self, pattern: str) -> Iterator[Found]:
        has_matches = False
        for match in glob.iglob(pattern):  # noqa: PTH207 - Path.glob takes no absolute one
            path, has_matches = Path(match), True
            if not is_folder(path):
                yield from self._file(path, path.parent)
            elif is_link(path):
                self.skipped_files.links += 1
            elif self._enters(path, []):
                yield from self._tree(path, path.parent)
        if not has_matches:
            self._unmatched.append(Path(pattern))

    def _tree(self, top: Path, root: Path) -> Iterator[Found]:
        """Walk a folder; the stack is a list, since a tree may be deeper than Python recurses."""
        levels = [_Level(top, _identity(top), _entries(top))]
        while levels:
            level = levels[-1]
            entry = None
            try:
                entry = next(level.entries, None)
            except OSError as error:
                yield Found(level.folder, root, error=_cannot_list(error))
            if entry is None:
                levels.pop()
            elif _is_real_folder(entry):
                path = Path(entry.path)
                if self._enters(path, levels):
                    levels.append(_Level(path, _identity(path), _entries(path)))
            else:
                yield from self._file(Path(entry.path), root)

    def _file(self, path: Path, root: Path) -> Iterator[Found]:
        """Give whatever is no folder, by its name alone: reading it will tell what it is."""
        if is_link(path) and is_folder(path):
            self.skipped_files.links += 1
        elif path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."):
            yield Found(path, root)
        else:
            self.skipped_files.ignored += 1

    def _enters(self, folder: Path, levels: "list[_Level]") -> bool:
        identity = _identity(folder)
        if folder.name == JOURNAL_FOLDER or (identity and identity == self._left_out):
            return False
        # A mount or a junction can lead back up, without any link.
        leads_back = identity is not None and any(level.identity == identity for level in levels)
        if self._recursive and not leads_back and not folder.name.startswith("."):
            return True
        self.skipped_files.folders += 1
        return False


class _Level(NamedTuple):
    """A folder that is being listed."""

    folder: Path
    identity: tuple[int, int] | None
    entries: Generator[os.DirEntry[str], None, None]


def walk(
    arguments: Sequence[str], *, recursive: bool = False, leave_out: Path | None = None
) -> Walk:
    """Expand files, folders and patterns into the pictures of a run.

    A file that is named is always taken, whatever its suffix; a folder or a pattern gives only
    files with a picture's suffix that are not hidden. Where there are other inputs, a pattern
    without a match counts as the name of a file that is not there.

    Args:
        arguments: as typed.
        recursive: enter the folders inside folders, except hidden ones.
        leave_out: the output folder, which is not entered where it lies inside an input.

    Returns:
        The inputs, as they are found: a plan puts them in order. Some may be there twice.

    Raises:
        UsageError: an argument is empty.
    """
    if not all(arguments):
        # It would mean the folder at hand, and is a shell variable without a value.
        raise UsageError("One of the inputs is an empty text; name a picture or a folder.")
    return Walk(arguments, recursive, leave_out)


def is_link(path: Path) -> bool:
    """Say whether a symbolic link is there; False also where that cannot be found out.

    `Path.is_symlink` raises OSError as `Path.is_dir` does.
    """
    return os.path.islink(path)  # noqa: PTH114


def _entries(folder: Path) -> Generator[os.DirEntry[str], None, None]:
    with os.scandir(folder) as entries:
        yield from entries


def _is_real_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        return entry.is_dir(follow_symlinks=False)
    return False


def _identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode of a folder; None where there is none."""
    with suppress(OSError):
        status = folder.stat()
        return (status.st_dev, status.st_ino)
    return None


def _cannot_list(error: OSError) -> PictureError:
    if isinstance(error, PermissionError):
        return PictureError(
            "E_NO_PERMISSION", "there is no permission to list it; change its mode or its owner"
        )
    return PictureError("E_UNREADABLE", f"the folder cannot be listed ({error.strerror})")
