"""Finds the inputs of a run: files, folders, trees and patterns.

A walk is lazy: it holds one open folder for each level of the tree, and no list of files. It opens
no image and follows no link to a folder. For a folder that cannot be listed it yields an input with
an error. Results of earlier runs are skipped, by their names or by the journals of output folders.
"""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srgan_gp.batch.inputs.earlier_results import (
    has_name_of_result,
    is_beside_its_image,
    is_recorded,
    journal_folders_above,
)
from srgan_gp.batch.inputs.open_folder import (
    OpenFolder,
    folder_entries,
    folder_identity,
    is_link,
    is_real_folder,
    listing_error,
)
from srgan_gp.batch.inputs.skipped_files import SkippedFiles
from srgan_gp.batch.results.journal import JOURNAL_FOLDER
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images.file_types import CONTAINERS
from srgan_gp.system.paths import is_folder

PICTURE_SUFFIXES = frozenset(suffix for row in CONTAINERS for suffix in row.suffixes)
"""Suffixes, in lower case, by which images are found in a folder."""
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_RESULT_MARK = re.compile(r"_[xw]\d")
"""Part of every stem that `is_beside_its_image` accepts: a fast test before a slow one."""


@dataclass(frozen=True)
class Found:
    """One input of a run."""

    path: Path
    root: Path
    """Root of the tree that the results mirror: a folder among the arguments; for a file among them
    and for a match of a pattern (a file or a folder), its parent."""
    is_named: bool = False
    """The user named the file: it is an input whatever its suffix, and whether it exists or not."""
    error: PictureError | None = None
    """Why `path`, a folder, cannot be listed; None: `path` is a file."""


@dataclass(eq=False)
class Walk:
    """The inputs of a run; every iteration reads the folders again.

    The function `walk` creates one, and describes the first three fields.
    """

    arguments: Sequence[str]
    recursive: bool
    output_folder: Path | None
    skipped_files: SkippedFiles = field(default_factory=SkippedFiles, init=False)
    """Files that the last iteration has skipped so far."""
    _output_identity: tuple[int, int] | None = field(default=None, init=False)
    """Device and inode of the output folder; None: it does not exist."""
    _unmatched: list[Path] = field(default_factory=list[Path], init=False)
    """Patterns without a match."""

    def __iter__(self) -> Iterator[Found]:
        """Yield the inputs in the order of the arguments."""
        self.skipped_files = SkippedFiles(is_recursive=self.recursive)
        self._unmatched = []
        # The output folder may have been created since the last iteration.
        if self.output_folder is not None:
            self._output_identity = folder_identity(self.output_folder)
        has_inputs = False
        for argument in self.arguments:
            for found in self._inputs(argument):
                has_inputs = True
                if found.is_named and _RESULT_MARK.search(found.path.stem):
                    self._note_if_result(found.path)
                yield found
        # Patterns without a match are reported as missing files. If there is no input at all, the
        # caller reports that instead.
        if has_inputs:
            for path in self._unmatched:
                yield Found(path, path.parent, is_named=True)

    def _inputs(self, argument: str) -> Iterator[Found]:
        """Yield the inputs of one argument: a folder, a pattern or a file."""
        path = Path(argument)
        if is_folder(path):
            yield from self._tree(path, path)
        elif glob.has_magic(argument) and not os.path.lexists(path):  # no file such as `a[1].jpg`
            yield from self._matches(argument)
        else:
            yield Found(path, path.parent, is_named=True)

    def _matches(self, pattern: str) -> Iterator[Found]:
        """Yield the images that a pattern matches, and the images in folders that it matches."""
        has_matches = False
        for match in glob.iglob(pattern):  # noqa: PTH207 - Path.glob takes no absolute pattern
            has_matches = True
            path = Path(match)
            if not is_folder(path):
                yield from self._file(path, path.parent)
            elif is_link(path):
                self.skipped_files.links += 1
            elif self._enters(path, levels=[]):
                yield from self._tree(path, path.parent)  # the root: see `Found.root`
        if not has_matches:
            self._unmatched.append(Path(pattern))

    def _tree(self, top: Path, root: Path) -> Iterator[Found]:
        """Yield the images in a folder and, if the walk is recursive, in its subfolders.

        An explicit stack is used, since a tree may be deeper than Python's limit of recursion.

        Args:
            top: the folder.
            root: root of the tree that the results mirror, as for `Found.root`.
        """
        levels = [
            OpenFolder(top, folder_identity(top), folder_entries(top), journal_folders_above(top))
        ]
        while levels:
            level = levels[-1]
            entry = None
            try:
                entry = next(level.entries, None)
            except OSError as error:
                yield Found(level.folder, root, error=listing_error(error))
            if entry is None:  # There is no further entry, or the folder cannot be listed.
                levels.pop()
            elif is_real_folder(entry):
                path = Path(entry.path)
                if self._enters(path, levels):
                    journal_folders = journal_folders_above(path)
                    levels.append(
                        OpenFolder(
                            path, folder_identity(path), folder_entries(path), journal_folders
                        )
                    )
            else:
                yield from self._file(Path(entry.path), root, level.journal_folders)

    def _file(
        self, path: Path, root: Path, journal_folders: tuple[Path, ...] = ()
    ) -> Iterator[Found]:
        """Yield a file if it has the suffix of an image and is not the result of an earlier run.

        Results are files that a journal records, and files with a name such as `a_x4.jpg` beside
        `a.jpg`. Without `a.jpg` such a file is an input, and is noted for a message.

        Args:
            path: the file.
            root: root of the tree, as for `Found.root`.
            journal_folders: folders with a journal among the folder of the file and its parents.
                Empty for a file that a pattern matches: no journal is searched for it.
        """
        if is_link(path) and is_folder(path):
            self.skipped_files.links += 1
        elif path.name.startswith("."):
            self.skipped_files.kinds["hidden"] += 1
        elif path.suffix.lower() not in PICTURE_SUFFIXES:
            self.skipped_files.kinds[path.suffix.lower() or "without a suffix"] += 1
            # An unpacked zip of `srgan-gp prepare` has this file beside its folder `train`, whose
            # faces a recursive walk finds.
            if path.name == "manifest.json" and self.recursive and is_folder(path.parent / "train"):
                self.skipped_files.prepared_folders.append(path.parent)
        elif is_beside_its_image(path, PICTURE_SUFFIXES) or is_recorded(path, journal_folders):
            self.skipped_files.count_result(path)
        else:
            if has_name_of_result(path):
                self.skipped_files.count_likely_result(path)
            yield Found(path, root)

    def _note_if_result(self, path: Path) -> None:
        """Note a named file for a message if it is the result of an image beside it."""
        if is_beside_its_image(path, PICTURE_SUFFIXES):
            self.skipped_files.named_results.append(path)

    def _enters(self, folder: Path, levels: list[OpenFolder]) -> bool:
        """Return whether the walk enters a folder; else count it as skipped.

        The folder of a journal and the output folder are neither entered nor counted: they belong
        to earlier runs.

        Args:
            folder: the folder.
            levels: the open folders above `folder`.
        """
        identity = folder_identity(folder)
        if folder.name == JOURNAL_FOLDER or (identity and identity == self._output_identity):
            return False
        if folder.name.startswith("."):
            self.skipped_files.hidden_folders += 1
            return False
        # A mount, or a junction of Windows, can lead back to a parent without being a link.
        leads_back = identity is not None and any(level.identity == identity for level in levels)
        if self.recursive and not leads_back:
            return True
        self.skipped_files.folders += 1
        return False


def walk(
    arguments: Sequence[str], *, recursive: bool = False, output_folder: Path | None = None
) -> Walk:
    """Find the images in files, folders and patterns.

    A file that is named is always an input, whatever its suffix. A folder or a pattern yields only
    files that have the suffix of an image and are not hidden. Where there are other inputs, a
    pattern without a match counts as the name of a file that does not exist.

    Results of earlier runs are not inputs, unless they are named.

    Args:
        arguments: files, folders and patterns, as the user passed them.
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
        if _URL.match(argument):
            raise UsageError(
                f"{argument} is an address, and inputs are files: download it first, or send it to "
                "standard input: curl -s ADDRESS | srgan-gp upscale - -o large.jpg"
            )
    return Walk(arguments, recursive, output_folder)
