"""Lists the photos in folders, zip files and single files."""

import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from srgan_gp.data.image_sources import SUFFIXES, ImageFile, list_images
from srgan_gp.errors import NothingToDoError, UsageError
from srgan_gp.system.paths import is_file, is_folder

_SUFFIXES = ", ".join(sorted(SUFFIXES))


@dataclass(frozen=True)
class PhotoList:
    """Photos found in several places."""

    photos: list[tuple[str, ImageFile]] = field(default_factory=list)
    """The photos, with names that do not contain the path on this machine."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Number of other files in the folders by suffix, without hidden files."""
    unreadable_folders: list[str] = field(default_factory=list)
    """One message for each folder that cannot be read."""


def list_photos(places: Sequence[str], exclude: Path) -> PhotoList:
    """List the photos of several places, in the order given, without repetitions.

    Args:
        places: folders (including subfolders), `FILE.zip`, `FILE.zip:FOLDER` and image files.
        exclude: an image that is not listed: the contact sheet of an earlier preparation.

    Raises:
        UsageError: a place does not exist or is of another type.
        NothingToDoError: there is no photo.
    """
    named: dict[ImageFile, str] = {}
    listed = PhotoList()
    for place in places:
        prefix = f"{Path(place).name}/" if len(places) > 1 and not is_file(Path(place)) else ""
        for file in _files(place):
            if file.member is not None or file.container.resolve() != exclude.resolve():
                named.setdefault(file, prefix + _name_within(place, file))
        if is_folder(Path(place)):
            _note_others(Path(place), listed)
    if not named:
        skipped = f" Skipped: {enumerated(listed.skipped)}." if listed.skipped else ""
        raise NothingToDoError(
            f"There is no photo in {', '.join(places)} (supported: {_SUFFIXES}).{skipped}"
        )
    listed.photos.extend((name, file) for file, name in named.items())
    return listed


def enumerated(suffixes: Counter[str]) -> str:
    """Format the number of files with each suffix.

    >>> enumerated(Counter({".txt": 2, ".heic": 1}))
    '1 .heic, 2 .txt'
    """
    return ", ".join(f"{number} {suffix}" for suffix, number in sorted(suffixes.items()))


def other_files(places: Sequence[str]) -> Counter[str]:
    """Count the files in folders that are not images, by suffix; hidden files are not counted.

    Args:
        places: as for `list_images`; those that are not folders have no such files.
    """
    found = PhotoList()
    for place in places:
        if is_folder(Path(place)):
            _note_others(Path(place), found)
    return found.skipped


def _files(place: str) -> list[ImageFile]:
    path = Path(place)
    if not os.path.lexists(place) and ".zip:" not in place:
        raise UsageError(f"{place!r} does not exist. Check the path.")
    if is_file(path) and path.suffix.lower() in SUFFIXES:
        return [ImageFile(path)]
    if is_file(path) and path.suffix != ".list" and not zipfile.is_zipfile(path):
        raise UsageError(
            f"{place} is not a supported image ({_SUFFIXES}), a folder or a complete zip file."
        )
    try:
        return list_images(place)
    except UsageError:
        if is_folder(path):
            return []  # other places may have photos; `list_photos` checks all
        raise


def _name_within(place: str, file: ImageFile) -> str:
    if file.member is not None:
        return file.member
    path, folder = file.container, Path(place)
    return path.name if path == folder else path.relative_to(folder).as_posix()


def _note_others(folder: Path, listed: PhotoList) -> None:
    """Record the files that are not images, and the folders that cannot be read."""

    def note_unreadable(error: OSError) -> None:
        message = f"The folder {error.filename} cannot be read: {error.strerror}."
        listed.unreadable_folders.append(message)

    for where, _, names in os.walk(folder, onerror=note_unreadable):
        if any(part.startswith(".") for part in Path(where).relative_to(folder).parts):
            continue  # in a hidden folder, such as that of a journal
        for name in names:
            suffix = PurePath(name).suffix.lower()
            if suffix not in SUFFIXES and name[0] != "." and is_file(Path(where, name)):
                listed.skipped[suffix or "no suffix"] += 1
