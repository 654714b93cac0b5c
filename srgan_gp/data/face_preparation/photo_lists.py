"""Listing of the photos in folders, zip files and single files, for `srgan-gp prepare`.

A list file, `FILE.list`, is a text file with the paths of images, which a training run writes.
`srgan-gp finetune` uses `other_files`, which counts the files that are not images.
"""

import glob
import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from srgan_gp.data.face_preparation.photo_names import name_photos
from srgan_gp.data.image_sources import SUFFIXES, ImageFile, list_images
from srgan_gp.errors import NothingToDoError, UsageError
from srgan_gp.system.paths import is_file, is_folder

_SUPPORTED = ", ".join(sorted(SUFFIXES))  # for messages


@dataclass(frozen=True)
class PhotoList:
    """Photos found in several places, and the files next to them that are not used."""

    photos: list[tuple[str, ImageFile]] = field(default_factory=list)
    """Pairs of a photo's name in the manifest, such as `holiday/beach.jpg`, and its file."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Number of files in the folders, and of matches of patterns, that are not images, by suffix;
    hidden files in folders are not counted."""
    folder_errors: list[str] = field(default_factory=list)
    """One message for each folder that cannot be read."""
    places: list[str] = field(default_factory=list)
    """The places, with each pattern replaced by the paths that it matches."""


def list_photos(places: Sequence[str], exclude: Path) -> PhotoList:
    """List the photos of several places, in the order given, without repetitions.

    Args:
        places: folders (including subfolders), `FILE.zip`, `FILE.zip:FOLDER`, `FILE.list`, image
            files, and patterns such as `*.jpg`. Files that match a pattern are skipped if they are
            neither images nor zip files.
        exclude: an image that is not listed: the contact sheet of an earlier preparation.

    Returns:
        The photos, named by `photo_names.name_photos`.

    Raises:
        UsageError: a place does not exist or is of another type, or nothing matches a pattern.
        NothingToDoError: there is no photo.
    """
    photo_list = PhotoList()
    photo_list.places.extend(_expanded(places, photo_list.skipped))
    found: list[tuple[str, list[ImageFile]]] = []
    for place in photo_list.places:
        files = _files(place)
        found.append((place, [file for file in files if not _is_same_file(file, exclude)]))
        if is_folder(Path(place)):
            _count_others(Path(place), photo_list)
    name_of_file = name_photos(found)
    if not name_of_file:
        skipped = f" Skipped: {format_suffixes(photo_list.skipped)}." if photo_list.skipped else ""
        raise NothingToDoError(
            f"There is no photo in {', '.join(places)} (supported: {_SUPPORTED}).{skipped}"
        )
    photo_list.photos.extend((name, file) for file, name in name_of_file.items())
    return photo_list


def format_suffixes(suffixes: Counter[str]) -> str:
    """Format the number of files with each suffix, in the order of the suffixes.

    >>> format_suffixes(Counter({".txt": 2, ".heic": 1}))
    '1 .heic, 2 .txt'
    """
    return ", ".join(f"{number} {suffix}" for suffix, number in sorted(suffixes.items()))


def other_files(places: Sequence[str]) -> Counter[str]:
    """Count the files in folders that are not images, by suffix; hidden files are not counted.

    Args:
        places: as for `list_images`; those that are not folders are ignored.

    Returns:
        The number of files by suffix in lower case, such as ".txt", or "no suffix".
    """
    photo_list = PhotoList()
    for place in places:
        if is_folder(Path(place)):
            _count_others(Path(place), photo_list)
    return photo_list.skipped


def _expanded(places: Sequence[str], skipped: Counter[str]) -> list[str]:
    """Replace each pattern by its matches, in sorted order; other places are returned unchanged.

    Matches that are no folder, image or zip file are counted in `skipped`, by suffix.

    Raises:
        UsageError: nothing matches a pattern.
    """
    expanded: list[str] = []
    for place in places:
        # The name of an existing file or folder may contain brackets and is not a pattern then.
        # `FILE.zip:FOLDER`, a folder in a zip file, is no path of the file system.
        if not glob.has_magic(place) or os.path.lexists(place) or ".zip:" in place:
            expanded.append(place)
            continue
        matches = sorted(glob.glob(place))  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not matches:
            raise UsageError(f"Nothing matches {place!r}. Check the pattern.")
        for match in matches:
            suffix = Path(match).suffix.lower()
            if is_folder(Path(match)) or suffix in (*SUFFIXES, ".zip"):
                expanded.append(match)
            else:
                skipped[suffix or "no suffix"] += 1
    return expanded


def _files(place: str) -> list[ImageFile]:
    """List the images of one place; empty for a folder without images.

    Raises:
        UsageError: the place does not exist or is of another type.
    """
    path = Path(place)
    # For `FILE.zip:FOLDER`, `list_images` checks that file and folder exist.
    if not os.path.lexists(place) and ".zip:" not in place:
        raise UsageError(f"{place!r} does not exist. Check the path.")
    if is_file(path) and path.suffix.lower() in SUFFIXES:
        return [ImageFile(path)]
    if is_file(path) and path.suffix != ".list" and not zipfile.is_zipfile(path):
        raise UsageError(
            f"{place} is not a supported image ({_SUPPORTED}), a folder or a complete zip file."
        )
    try:
        return list_images(place)
    except UsageError:  # There is no image in the place.
        if is_folder(path):
            return []  # other places may have photos; `list_photos` raises if none has
        raise


def _is_same_file(file: ImageFile, path: Path) -> bool:
    """Return whether an image is the file of a path."""
    return file.member is None and file.container.resolve() == path.resolve()


def _count_others(folder: Path, photo_list: PhotoList) -> None:
    """Add to a list the files of a folder that are not images, and the unreadable subfolders."""

    def note_unreadable(error: OSError) -> None:
        message = f"The folder {error.filename} cannot be read: {error.strerror}."
        photo_list.folder_errors.append(message)

    for subfolder, _, names in os.walk(folder, onerror=note_unreadable):
        if any(part.startswith(".") for part in Path(subfolder).relative_to(folder).parts):
            continue  # in a hidden folder, whose files count as hidden
        for name in names:
            suffix = PurePath(name).suffix.lower()
            is_hidden = name.startswith(".")
            if suffix not in SUFFIXES and not is_hidden and is_file(Path(subfolder, name)):
                photo_list.skipped[suffix or "no suffix"] += 1
