"""Finds the inputs of a run: files, folders, trees and patterns.

A walk is lazy: it holds one open folder for each level of the tree, and no list of files. It opens
no file and follows no link to a folder. A folder that cannot be listed is an error of its own.
"""

import glob
import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from srgan_gp.batch.inputs.earlier_results import (
    has_name_of_result,
    is_named_as_result,
    is_recorded,
    journals_above,
)
from srgan_gp.batch.inputs.skipped_files import SkippedFiles
from srgan_gp.batch.results.journal import JOURNAL_FOLDER
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images.file_types import CONTAINERS
from srgan_gp.system.paths import is_folder

PICTURE_SUFFIXES = frozenset(suffix for c in CONTAINERS for suffix in c.suffixes)
"""Suffixes, in lower case, of the files that are images in a folder."""
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_RESULT_MARK = re.compile(r"_[xw]\d")
"""In every stem that `has_name_of_result` accepts; this test needs no access to the folder."""


@dataclass(frozen=True)
class Found:
    """One input of a run."""

    path: Path
    folder: Path
    """Root of the tree that the results mirror: a folder among the arguments, or the parent
    of a file or folder that was named or matched by a pattern."""
    is_named: bool = False
    """The file was named: it is an input whatever its suffix, and whether it exists or not."""
    error: PictureError | None = None
    """Why it cannot be used; `path` is then a folder that cannot be listed."""


@dataclass(eq=False)
class Walk:
    """The inputs of a run; every iteration reads the folders again. `walk` makes one."""

    arguments: Sequence[str]
    recursive: bool
    output_folder: Path | None
    skipped_files: SkippedFiles = field(default_factory=SkippedFiles, init=False)
    """Counts of the last iteration, so far."""
    _output_identity: tuple[int, int] | None = field(default=None, init=False)
    _unmatched: list[Path] = field(default_factory=list[Path], init=False)

    def __iter__(self) -> Iterator[Found]:
        self.skipped_files = SkippedFiles(is_recursive=self.recursive)
        self._unmatched = []
        # The output folder may have been created since the last iteration.
        self._output_identity = (
            None if self.output_folder is None else _identity(self.output_folder)
        )
        has_inputs = False
        for argument in self.arguments:
            for found in self._inputs(argument):
                has_inputs = True
                if found.is_named and _RESULT_MARK.search(found.path.stem):
                    self._note_repeated(found.path)
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
            elif _is_link(path):
                self.skipped_files.links += 1
            elif self._enters(path, levels=[]):
                yield from self._tree(path, path.parent)
        if not has_matches:
            self._unmatched.append(Path(pattern))

    def _tree(self, top: Path, root: Path) -> Iterator[Found]:
        """Walk a folder with an explicit stack, since a tree may be deeper than Python's limit."""
        levels = [_Level(top, _identity(top), _entries(top), journals_above(top))]
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
                    journals = journals_above(path)
                    levels.append(_Level(path, _identity(path), _entries(path), journals))
            else:
                yield from self._file(Path(entry.path), root, level.journals)

    def _file(self, path: Path, root: Path, journals: tuple[Path, ...] = ()) -> Iterator[Found]:
        """Yield a file if its name is that of an image; its content is checked when it is read.

        Results of earlier runs are skipped: those that one of `journals` records, which are given
        inside folders only, and those with a name such as `a_x4.jpg` beside `a.jpg`. Without
        `a.jpg` such a file is an input, and is noted.
        """
        if _is_link(path) and is_folder(path):
            self.skipped_files.links += 1
        elif path.name.startswith("."):
            self.skipped_files.kinds["hidden"] += 1
        elif path.suffix.lower() not in PICTURE_SUFFIXES:
            self.skipped_files.kinds[path.suffix.lower() or "without a suffix"] += 1
            if path.name == "manifest.json" and self.recursive and is_folder(path.parent / "train"):
                self.skipped_files.prepared.append(path.parent)
        elif has_name_of_result(path, PICTURE_SUFFIXES) or is_recorded(path, journals):
            self.skipped_files.results += 1
        else:
            if is_named_as_result(path):
                self.skipped_files.note_alike(path)
            yield Found(path, root)

    def _note_repeated(self, path: Path) -> None:
        if has_name_of_result(path, PICTURE_SUFFIXES):
            self.skipped_files.repeated.append(path)

    def _enters(self, folder: Path, levels: "list[_Level]") -> bool:
        identity = _identity(folder)
        if folder.name == JOURNAL_FOLDER or (identity and identity == self._output_identity):
            return False
        # A mount or a junction can lead back to a parent without any link.
        leads_back = identity is not None and any(level.identity == identity for level in levels)
        if self.recursive and not leads_back and not folder.name.startswith("."):
            return True
        self.skipped_files.folders += 1
        return False


class _Level(NamedTuple):
    """A folder that is being listed."""

    folder: Path
    identity: tuple[int, int] | None
    entries: Generator[os.DirEntry[str], None, None]
    journals: tuple[Path, ...]
    """Folders with a journal: this one and its parents."""


def walk(
    arguments: Sequence[str], *, recursive: bool = False, output_folder: Path | None = None
) -> Walk:
    """Find the images in files, folders and patterns.

    A file that is named is always an input, whatever its suffix. A folder or a pattern yields only
    files that have the suffix of an image and are not hidden. Where there are other inputs, a
    pattern without a match counts as the name of a file that does not exist.

    Results of earlier runs are not inputs, unless they are named: `earlier_results` knows them.

    Args:
        arguments: files, folders and patterns, as given.
        recursive: enter folders inside folders, and folders that a pattern matches, except hidden
            ones.
        output_folder: folder of the results, which is not entered if it lies inside an input.

    Returns:
        The inputs in the order in which they are found. The same file may occur twice.

    Raises:
        UsageError: an argument is empty or a URL.
    """
    if not all(arguments):
        # `Path("")` is the current folder; the usual cause is an empty shell variable.
        raise UsageError("One of the inputs is an empty text; name an image or a folder.")
    for argument in arguments:
        if _ADDRESS.match(argument):
            raise UsageError(
                f"{argument} is an address, and inputs are files: download it first, or send it to "
                "standard input: curl -s ADDRESS | srgan-gp upscale - -o large.jpg"
            )
    return Walk(arguments, recursive, output_folder)


def _is_link(path: Path) -> bool:
    """Return whether a path is a symbolic link; False also where that cannot be found out.

    `Path.is_symlink` may raise OSError.
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
    """Return device and inode of a folder; None where it does not exist."""
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
