"""Split of a set into training and validation images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.data.image_sources import PictureFile, list_all_pictures, list_pictures
from srgan_gp.errors import UsageError
from srgan_gp.system.paths import is_folder

FEWEST_VALIDATION_IMAGES = 4
MOST_VALIDATION_IMAGES = 100


@dataclass(frozen=True)
class Split:
    """Two sets without a common picture, and the sentence that says how they came about."""

    train: tuple[PictureFile, ...]
    held_out: tuple[PictureFile, ...]
    rule: str


def split_pictures(places: Sequence[str], held_out: str | None = None) -> Split:
    """Part the pictures of several places into those to train on and those to score on.

    A set that is named as held out stays whole. A single place with the folders `train` and `val`,
    as `srgan-gp prepare` makes it, is parted by them. Of any other set the pictures with the lowest
    SHA-256 of their file are held out: a fifth, at least 4 and at most 100. Neither their names nor
    their order decide, and copies of one file, of which only one is used, cannot be on both sides.

    Args:
        places: as for `list_pictures`.
        held_out: another place; None: the pictures come from `places`.

    Raises:
        UsageError: a place holds no picture, or a picture is in both sets.
        PictureError: a file cannot be read.
    """
    if held_out is not None:
        train, held = tuple(list_all_pictures(places)), tuple(list_pictures(held_out))
        _require_apart(train, held)
        return Split(train, held, f"held out: the pictures of {held_out}")
    if len(places) == 1 and (own := _own_folders(places[0])):
        _require_apart(*own)
        return Split(*own, f"held out: the folder val of {places[0]}")
    unique = {file.sha256(): file for file in list_all_pictures(places)}
    ordered = [unique[key] for key in sorted(unique)]
    count = min(max(len(ordered) // 5, FEWEST_VALIDATION_IMAGES), MOST_VALIDATION_IMAGES)
    rule = f"held out: the {count} of {len(ordered)} different files with the lowest SHA-256"
    return Split(tuple(ordered[count:]), tuple(ordered[:count]), rule)


def _own_folders(place: str) -> tuple[tuple[PictureFile, ...], tuple[PictureFile, ...]] | None:
    """List the folders `train` and `val` of a place; None where it has not both."""
    separator = "/" if is_folder(Path(place)) or ".zip:" in place else ":"
    try:
        train, held = (
            tuple(list_pictures(f"{place.rstrip('/')}{separator}{name}"))
            for name in ("train", "val")
        )
    except UsageError:
        return None
    return train, held


def _require_apart(train: Sequence[PictureFile], held_out: Sequence[PictureFile]) -> None:
    known = {file.sha256() for file in train}
    both = [file.name for file in held_out if file.sha256() in known]
    if both:
        raise UsageError(
            f"{len(both)} of {len(held_out)} held-out pictures are to be trained on as well, such "
            f"as {both[0]}; a score on them would mean nothing. Take them out of one of the sets."
        )
