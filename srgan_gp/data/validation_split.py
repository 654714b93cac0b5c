"""Split of a data set into training and validation images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.data.image_sources import ImageFile, list_all_images, list_images
from srgan_gp.errors import UsageError
from srgan_gp.system.paths import is_folder

MIN_VALIDATION_IMAGES = 4
MAX_VALIDATION_IMAGES = 100


@dataclass(frozen=True)
class Split:
    """Disjoint training and validation sets.

    Attributes:
        train: images to train on.
        validation: images to score on.
        rule: how the validation set was chosen, for messages.
    """

    train: tuple[ImageFile, ...]
    validation: tuple[ImageFile, ...]
    rule: str


def split_images(places: Sequence[str], validation: str | None = None) -> Split:
    """Split the images of several places into a training and a validation set.

    A given validation set is used whole. A single place with the folders `train` and `val`, as
    written by `srgan-gp prepare`, is split by them. Otherwise the images with the lowest SHA-256 of
    their file are the validation set: a fifth, at least 4 and at most 100. The split is independent
    of names and order. Only one of several copies of a file is used, so that both sets are
    disjoint.

    Args:
        places: folders, zip files or list files, as for `list_images`.
        validation: place of the validation set; None: it is chosen from `places`.

    Raises:
        UsageError: a place contains no image, or an image is in both sets.
        PictureError: a file cannot be read.
    """
    if validation is not None:
        train, val = tuple(list_all_images(places)), tuple(list_images(validation))
        _require_disjoint(train, val)
        return Split(train, val, f"validation set: the images of {validation}")
    if len(places) == 1 and (own := _own_folders(places[0])):
        _require_disjoint(*own)
        return Split(*own, f"validation set: the folder val of {places[0]}")
    unique = {file.sha256(): file for file in list_all_images(places)}
    ordered = [unique[key] for key in sorted(unique)]
    count = min(max(len(ordered) // 5, MIN_VALIDATION_IMAGES), MAX_VALIDATION_IMAGES)
    rule = f"validation set: the {count} of {len(ordered)} different files with the lowest SHA-256"
    return Split(tuple(ordered[count:]), tuple(ordered[:count]), rule)


def _own_folders(place: str) -> tuple[tuple[ImageFile, ...], tuple[ImageFile, ...]] | None:
    """List the folders `train` and `val` of a place; None if one is missing."""
    separator = "/" if is_folder(Path(place)) or ".zip:" in place else ":"
    try:
        train, validation = (
            tuple(list_images(f"{place.rstrip('/')}{separator}{name}")) for name in ("train", "val")
        )
    except UsageError:
        return None
    return train, validation


def _require_disjoint(train: Sequence[ImageFile], validation: Sequence[ImageFile]) -> None:
    known = {file.sha256() for file in train}
    both = [file.name for file in validation if file.sha256() in known]
    if both:
        raise UsageError(
            f"{len(both)} of {len(validation)} validation images are also training images, such as "
            f"{both[0]}. Scores on them would be meaningless. Remove them from one of the sets."
        )
