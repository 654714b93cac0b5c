"""Lists photos: folders, zip files and single images."""

import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from srgan_gp.data.image_sources import SUFFIXES, PictureFile, list_pictures
from srgan_gp.errors import NothingToDoError, UsageError
from srgan_gp.system.paths import is_file, is_folder

_SUFFIXES = ", ".join(sorted(SUFFIXES))


@dataclass(frozen=True)
class PhotoList:
    """The photos that were named."""

    photos: list[tuple[str, PictureFile]] = field(default_factory=list)
    """With a name that says nothing of where they lie on this machine."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Number of other files in the folders, by suffix; hidden ones do not count."""
    closed: list[str] = field(default_factory=list)
    """One sentence for each folder that cannot be looked into."""


def list_photos(places: Sequence[str], leave_out: Path) -> PhotoList:
    """List the photos of several places, in the order given, each once.

    Args:
        places: folders (with their subfolders), `FILE.zip`, `FILE.zip:FOLDER` and picture files.
        leave_out: a picture that is none of them, wherever it lies.

    Raises:
        UsageError: there is nothing at a place, or something else.
        NothingToDoError: there is no photo at all.
    """
    named: dict[PictureFile, str] = {}
    listed = PhotoList()
    for place in places:
        prefix = f"{Path(place).name}/" if len(places) > 1 and not is_file(Path(place)) else ""
        for file in _files(place):
            if file.member is not None or file.container.resolve() != leave_out.resolve():
                named.setdefault(file, prefix + _name_within(place, file))
        if is_folder(Path(place)):
            _note_others(Path(place), listed)
    if not named:
        others = f" Passed over: {enumerated(listed.passed_over)}." if listed.passed_over else ""
        looked_for = f"looked for {_SUFFIXES}"
        raise NothingToDoError(f"There is no photo in {', '.join(places)}; {looked_for}.{others}")
    listed.photos.extend((name, file) for file, name in named.items())
    return listed


def enumerated(suffixes: Counter[str]) -> str:
    """Write down how many files have each suffix.

    >>> enumerated(Counter({".txt": 2, ".heic": 1}))
    '1 .heic, 2 .txt'
    """
    return ", ".join(f"{number} {suffix}" for suffix, number in sorted(suffixes.items()))


def _files(place: str) -> list[PictureFile]:
    path = Path(place)
    if not os.path.lexists(place) and ".zip:" not in place:
        raise UsageError(f"There is nothing at {place!r}; check the path.")
    if is_file(path) and path.suffix.lower() in SUFFIXES:
        return [PictureFile(path)]
    if is_file(path) and path.suffix != ".list" and not zipfile.is_zipfile(path):
        raise UsageError(
            f"{place} is no picture that can be read here ({_SUFFIXES}), no folder and no whole "
            "zip file."
        )
    try:
        return list_pictures(place)
    except UsageError:
        if is_folder(path):
            return []
        raise


def _name_within(place: str, file: PictureFile) -> str:
    if file.member is not None:
        return file.member
    path, folder = file.container, Path(place)
    return path.name if path == folder else path.relative_to(folder).as_posix()


def _note_others(folder: Path, listed: PhotoList) -> None:
    """Take down the files that are no pictures, and the folders that cannot be looked into."""

    def note_closed(error: OSError) -> None:
        listed.closed.append(f"The folder {error.filename} cannot be read: {error.strerror}.")

    for where, _, names in os.walk(folder, onerror=note_closed):
        for name in names:
            suffix = PurePath(name).suffix.lower()
            if suffix not in SUFFIXES and name[0] != "." and is_file(Path(where, name)):
                listed.passed_over[suffix or "no suffix"] += 1
