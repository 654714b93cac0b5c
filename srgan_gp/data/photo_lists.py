"""Which files somebody means who names photos: folders, zip files and single pictures."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.data.sources import SUFFIXES, PictureFile, list_pictures
from srgan_gp.errors import NothingToDoError
from srgan_gp.files import is_file, is_folder


@dataclass(frozen=True)
class PhotoList:
    """The photos that were named."""

    photos: list[tuple[str, PictureFile]]
    """With a name that says nothing of where they lie on this machine."""
    passed_over: Counter[str]
    """Number of other files in the folders, by suffix; hidden ones do not count."""


def list_photos(places: Sequence[str], leave_out: Path) -> PhotoList:
    """List the photos of several places, in the order given, each once.

    Args:
        places: folders (with their subfolders), `FILE.zip`, `FILE.zip:FOLDER` and picture files.
        leave_out: a picture that is none of them, wherever it lies.

    Raises:
        UsageError: there is nothing at a place, or no picture in it.
        NothingToDoError: nothing is left.
    """
    named: dict[PictureFile, str] = {}
    passed_over = Counter[str]()
    for place in places:
        prefix = f"{Path(place).name}/" if len(places) > 1 and not is_file(Path(place)) else ""
        for file in _files(place):
            if file.member is not None or file.container.resolve() != leave_out.resolve():
                named.setdefault(file, prefix + _name_within(place, file))
        if is_folder(Path(place)):
            passed_over.update(_other_suffixes(Path(place)))
    if not named:
        raise NothingToDoError(f"There is no photo in {', '.join(places)} but the contact sheet.")
    return PhotoList([(name, file) for file, name in named.items()], passed_over)


def _files(place: str) -> list[PictureFile]:
    path = Path(place)
    if is_file(path) and path.suffix.lower() in SUFFIXES:
        return [PictureFile(path)]
    return list_pictures(place)


def _name_within(place: str, file: PictureFile) -> str:
    if file.member is not None:
        return file.member
    path, folder = file.container, Path(place)
    return path.name if path == folder else path.relative_to(folder).as_posix()


def _other_suffixes(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.suffix.lower() not in SUFFIXES and path.name[0] != "." and is_file(path):
            yield path.suffix.lower() or "no suffix"
