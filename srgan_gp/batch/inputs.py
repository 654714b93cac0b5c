"""Which files a run reads: files, patterns that the shell left alone, and flat folders."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.files import is_folder
from srgan_gp.images.containers import CONTAINERS

PICTURE_SUFFIXES = frozenset(suffix for c in CONTAINERS for suffix in c.suffixes)
"""Suffixes, in lower case, of what is taken for a picture in a folder."""


@dataclass
class Inputs:
    """The pictures of a run, each once, and how much was left out."""

    named: list[Path] = field(default_factory=list[Path])
    """Files named one by one, there or not."""

    found: list[Path] = field(default_factory=list[Path])
    """Pictures found in folders and by patterns; none of them is in `named`."""

    ignored: int = 0
    """Files found that are no pictures by their suffix, or hidden."""

    folders_not_entered: int = 0
    """Folders found: a run reads flat folders."""


def gather(arguments: Sequence[str]) -> Inputs:
    """Expand files, folders and patterns into pictures; what is found is sorted by name.

    A file that is named is always taken, whatever its suffix; a folder or a pattern gives only
    files with a picture's suffix that are not hidden. Where there are other pictures, a pattern
    without a match counts as the name of a file that is not there.

    Raises:
        UsageError: an argument is empty, or a folder cannot be listed.
    """
    inputs = Inputs()
    unmatched: list[Path] = []
    for argument in arguments:
        if not argument:
            # It would mean the folder at hand, and is a shell variable without a value.
            raise UsageError("One of the inputs is an empty text; name a picture or a folder.")
        path = Path(argument)
        if is_folder(path):
            _add_found(inputs, _listed(path))
        elif glob.has_magic(argument) and not os.path.lexists(path):
            matches = sorted(glob.glob(argument))  # noqa: PTH207 - Path.glob takes no absolute one
            _add_found(inputs, map(Path, matches))
            if not matches:
                unmatched.append(path)
        else:
            inputs.named.append(path)
    if inputs.named or inputs.found:
        inputs.named += unmatched
    seen: set[str] = set()
    inputs.named = [path for path in inputs.named if _is_first(path, seen)]
    inputs.found = [path for path in inputs.found if _is_first(path, seen)]
    return inputs


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be listed: {error.strerror}.") from error


def _add_found(inputs: Inputs, paths: Iterable[Path]) -> None:
    for path in paths:
        if is_folder(path):
            inputs.folders_not_entered += 1
        elif path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."):
            inputs.found.append(path)
        else:
            inputs.ignored += 1


def _is_first(path: Path, seen: set[str]) -> bool:
    """Say whether the file was not seen before under any name, and remember it."""
    real = os.path.realpath(path)
    if real in seen:
        return False
    seen.add(real)
    return True
