"""`SingleTarget`: target of a run with one input; runs with more inputs use `collisions`.

A target is the path of a result. `PlannedResult` and the functions about targets are used by
`collisions` too.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from srgan_gp.batch.naming.result_names import Naming, name_key, numbered
from srgan_gp.errors import PictureError, UsageError


class PlannedResult(NamedTuple):
    """One input and the path of its result."""

    source: Path
    target: Path
    fallback: Path | None
    """Path of a PNG for a result that the format of `target` cannot hold; None: not wanted."""
    error: PictureError | None = None
    """Why the input cannot be used; `target` has no meaning then."""


class SingleTarget:
    """Target of the only input of a run, a file that the user named.

    There is no other target that this one could collide with. `collisions` drops inputs that are
    results of earlier runs. That rule does not hold for files that the user named, so it is not
    needed here.

    Args:
        source: the file.
        naming: rule that makes the name of each result.
        folder: the output folder, which need not exist.
        may_share_input_names: whether the result may have the path of the input;
            `plan.Plan.settle` then gives it a number.

    Raises:
        UsageError: the result would replace the input.
    """

    def __init__(
        self, source: Path, naming: Naming, folder: Path, *, may_share_input_names: bool
    ) -> None:
        name = naming.name(source)
        fallback = naming.fallback(name)
        fallback_path = None if fallback is None else folder / fallback
        self._entry = PlannedResult(source, folder / name, fallback_path)
        # Paths that `numbered_target` returned; their files may not exist yet.
        self._numbered: set[Path] = set()
        # None: the user named the result itself, so a link at its place may lead anywhere.
        self._folder = folder if naming.file_name is None else None
        # Resolve the links of the folder, but not a link at the target. `plan.Plan.settle` checks
        # that one later, and also refuses to replace an input.
        real_target = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
        if not may_share_input_names and self._is_source(real_target):
            is_named = naming.file_name is not None
            raise replacement_error(folder / name, source, is_named=is_named)

    def __iter__(self) -> Iterator[PlannedResult]:
        yield self._entry

    def numbered_target(self, target: Path) -> Path:
        """Return a path that does not exist: the target, or its name with the first free number."""
        path, number = target, 1
        while os.path.lexists(path) or path in self._numbered:
            number += 1
            path = target.with_name(numbered(target.name, number))
        self._numbered.add(path)
        return path

    def is_input(self, target: Path) -> bool:
        """Return whether a target is the input, or a link to it."""
        return self._is_source(os.path.realpath(target))

    def leads_out(self, target: Path) -> bool:
        """Return whether a target lies outside of the output folder, because of links.

        False if the user named the result itself.
        """
        return self._folder is not None and leads_out(target, os.path.realpath(self._folder))

    def _is_source(self, real_path: str) -> bool:
        """Return whether a path, whose folder has no links, is the input.

        Another hard link to the input is not the input. A result is written to a new file and
        renamed (`system.files`): it replaces that link, and the input keeps its bytes.
        """
        source = self._entry.source
        # `name_key` is equal for names of one file on a file system that ignores case.
        has_same_name = name_key(real_path) == name_key(os.path.realpath(source))
        return has_same_name and is_same_file(source, Path(real_path))


def is_same_file(source: Path, target: Path) -> bool:
    """Return whether two paths lead to the same file, or would if that file existed."""
    try:
        return source.samefile(target)
    except OSError:  # One of them does not exist.
        return os.path.realpath(source) == os.path.realpath(target)


def leads_out(target: Path, folder: str) -> bool:
    """Return whether a target lies outside of `folder` after all links are followed.

    Args:
        target: path of a result, below the folder.
        folder: path without links.
    """
    return not os.path.realpath(target).startswith(f"{folder.rstrip(os.sep)}{os.sep}")


def replacement_error(target: Path, source: Path, *, is_named: bool = False) -> UsageError:
    """Return the error about a result that would replace an input.

    Args:
        target: path of the result.
        source: path of the input.
        is_named: whether the user named the result itself, so that `--suffix` has no effect.
    """
    advice = "another name for -o" if is_named else "--suffix, or another output folder"
    return UsageError(f"{target} would replace the input {source}; pass {advice}.")
