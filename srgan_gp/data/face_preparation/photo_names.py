"""Names of photos in the manifest of a face preparation, which has no paths of the machine."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath

from srgan_gp.data.image_sources import ImageFile
from srgan_gp.system.paths import is_file, is_folder


@dataclass(eq=False)
class _Place:
    """The photos of one place: the folders that contain them, and their paths within these."""

    folders: tuple[str, ...]
    """Parts of the place's absolute path, from the root. If the place is a single image, they are
    the parts of the path of its folder."""
    paths: list[tuple[ImageFile, str]]
    """Pairs of a photo and its path within the place."""
    used: int
    """How many of the last `folders` the names begin with."""

    def name(self, path: str) -> str:
        """Return the name of the photo with this path within the place."""
        return "/".join((*self.folders[len(self.folders) - self.used :], path))


def name_photos(photos: Sequence[tuple[str, Sequence[ImageFile]]]) -> dict[ImageFile, str]:
    """Name the photos of several places; different photos have different names.

    The name is the path within the folder, zip file or `.list` file; images of a `.list` file have
    the path from the folder that contains all of them. With several places the name of the place is
    before it, and before that as many of the folders above it as are needed to make names differ.

    Args:
        photos: pairs of a place, as for `photo_lists.list_photos` but without patterns, and its
            photos.

    Returns:
        The names, with "/" between folders, in the order of the photos. A photo of several places
        is there once, with a name of the first one.
    """
    places: list[_Place] = []
    seen: set[ImageFile] = set()  # with absolute paths, as two places may be written in two ways
    for place, files in photos:
        new_files: list[ImageFile] = []
        for file in files:
            absolute = ImageFile(file.container.absolute(), file.member)
            if absolute not in seen:
                new_files.append(file)
                seen.add(absolute)
        if new_files:
            places.append(_shortest_names(place, new_files, is_alone=len(photos) == 1))
    while _lengthen_equal_names(places):
        pass
    return {file: place.name(path) for place in places for file, path in place.paths}


def _lengthen_equal_names(places: Sequence[_Place]) -> bool:
    """Use one more folder of each place that has a photo with the name of one of another place.

    Returns:
        Whether a name became longer. Two ways to write one place have the same folders, so that
        no number of folders makes their names differ.
    """
    places_by_name: defaultdict[str, list[_Place]] = defaultdict(list)
    for place in places:
        for _, path in place.paths:
            places_by_name[place.name(path)].append(place)
    to_lengthen: set[_Place] = set()
    for same_name in places_by_name.values():
        if len({place.folders for place in same_name}) > 1:
            to_lengthen.update(place for place in same_name if place.used < len(place.folders))
    for place in to_lengthen:
        place.used += 1
    return bool(to_lengthen)


def _shortest_names(place: str, files: Sequence[ImageFile], *, is_alone: bool) -> _Place:
    """Give the photos of a place their shortest names.

    Args:
        place: as in `name_photos`.
        files: photos of the place, at least one.
        is_alone: whether it is the only place: then the names need not contain its name.
    """
    path = Path(place)
    used = 0 if is_alone else 1
    if is_folder(path):
        within = [(file, file.container.relative_to(path).as_posix()) for file in files]
        return _Place(_parts(path), within, used)
    if path.suffix == ".list" and is_file(path):
        return _Place(_parts(path), _paths_from_common_folder(files), used)
    container = files[0].container
    if files[0].member is not None:  # `place` is a zip file, or a folder in it, FILE.zip:FOLDER
        return _Place(_parts(container), [(file, file.member or "") for file in files], used)
    # A single image: its name needs no folder, unless another photo has the same name.
    return _Place(_parts(container)[:-1], [(file, container.name) for file in files], used=0)


def _paths_from_common_folder(files: Sequence[ImageFile]) -> list[tuple[ImageFile, str]]:
    """Return the path of each file from the folder that contains all of them or their zip files."""
    parts = [_parts(file.container) for file in files]
    folders = zip(*(file_parts[:-1] for file_parts in parts), strict=False)  # level by level
    common = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, folders))
    paths: list[tuple[ImageFile, str]] = []
    for file, file_parts in zip(files, parts, strict=True):
        member = [] if file.member is None else [file.member]
        paths.append((file, "/".join([*file_parts[common:], *member])))
    return paths


def _parts(path: Path) -> tuple[str, ...]:
    """Return the parts of a path from the root, without the root or drive."""
    absolute = PurePath(os.path.abspath(path))  # noqa: PTH100  Path.absolute keeps ".."
    return absolute.parts[1:]
