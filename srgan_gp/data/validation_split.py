"""Training and validation images: the places of both sets, their split, and their overlap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.data.face_preparation.face_originals import originals_in_training
from srgan_gp.data.image_sources import ImageFile, list_all_images, list_images
from srgan_gp.errors import UsageError
from srgan_gp.system.paths import is_folder

MIN_TRAINING_IMAGES = 16
"""Smallest training set of `srgan-gp finetune`."""
MIN_VALIDATION_IMAGES = 4
"""Smallest validation set of `srgan-gp finetune`, and of a split that this package chooses."""
MAX_VALIDATION_IMAGES = 100
TRAIN, VALIDATION = "train", "val"
"""Folders of a prepared set, as written by `srgan-gp prepare`."""


@dataclass(frozen=True)
class Places:
    """Places of the two sets, as for `list_images`.

    Attributes:
        train: places of the training images.
        validation: places of the validation images; empty: none was named or found.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Disjoint training and validation sets.

    Attributes:
        train: images to train on.
        validation: images to score on. Both may be too few; see `missing_images`.
        rule: how the validation set was chosen, for messages.
    """

    train: tuple[ImageFile, ...]
    validation: tuple[ImageFile, ...]
    rule: str


def find_places(data: Sequence[str], validation: str | None = None) -> Places:
    """Find the places of the training and of the validation images.

    Of a prepared set, which has the folders `train` and `val`, only `train` is trained on. Its
    `val` is the validation set, unless another one is named.

    Args:
        data: folders, zip files or list files with images to train on.
        validation: place of the validation set; of a prepared set its `val`. None: the `val` of
            each prepared set in `data`.
    """
    train = tuple(part_of(place, TRAIN) for place in data)
    if validation is not None:
        return Places(train, (part_of(validation, VALIDATION),))
    return Places(train, tuple(part_of(place, VALIDATION) for place in data if _is_prepared(place)))


def part_of(place: str, part: str) -> str:
    """Return the place of the folder `train` or `val` of a prepared set; any other place as is."""
    return _inside(place, part) if _is_prepared(place) else place


def split_images(
    places: Sequence[str],
    validation: str | None = None,
    choose: Callable[[list[ImageFile]], list[ImageFile]] = list,
) -> Split:
    """Split the images of several places into a training and a validation set.

    The places are those of `find_places`. If they include no validation set, the images with the
    lowest SHA-256 of their file are the validation set: a fifth, at least 4 and at most 100. The
    split is independent of names and order. Only one of several copies of a file is used, so that
    both sets are disjoint.

    Args:
        places: folders, zip files or list files, as for `list_images`.
        validation: place of the validation set; None: as in `find_places`, or chosen from `places`.
        choose: returns those of the images that are used, in the same order; default: all.

    Raises:
        UsageError: a place contains no image, or an image is in both sets.
        PictureError: a file cannot be read.
    """
    found = find_places(places, validation)
    if found.validation:
        train, held = (choose(list_all_images(side)) for side in (found.train, found.validation))
        require_disjoint(train, held)
        shown = ", ".join(found.validation)
        return Split(tuple(train), tuple(held), f"validation set: the images of {shown}")
    unique = {file.sha256(): file for file in choose(list_all_images(found.train))}
    ordered = [unique[key] for key in sorted(unique)]
    count = min(max(len(ordered) // 5, MIN_VALIDATION_IMAGES), MAX_VALIDATION_IMAGES)
    rule = f"validation set: the {count} of {len(ordered)} different files with the lowest SHA-256"
    return Split(tuple(ordered[count:]), tuple(ordered[:count]), rule)


def missing_images(train: int, validation: int) -> str:
    """Say what two sets lack for `srgan-gp finetune`; empty if they are large enough.

    >>> missing_images(10, 4)
    'at least 16 for training and 4 for validation are needed; add 6 or more'
    """
    lack = max(MIN_TRAINING_IMAGES - train, 0) + max(MIN_VALIDATION_IMAGES - validation, 0)
    if not lack:
        return ""
    total = train + validation
    cure = f"add {lack} or more"
    if total >= MIN_TRAINING_IMAGES + MIN_VALIDATION_IMAGES:  # enough, but divided badly
        # A fifth of this many images is enough for validation, and the rest for training.
        cure = (
            "divide them again with `srgan-gp prepare PHOTOS -o faces.zip --validation-share "
            "0.2`, or pass other images with --validation"
        )
    return (
        f"at least {MIN_TRAINING_IMAGES} for training and {MIN_VALIDATION_IMAGES} for validation "
        f"are needed; {cure}"
    )


def require_disjoint(train: Sequence[ImageFile], validation: Sequence[ImageFile]) -> None:
    """Check that no file is in both sets, and no photo of a training face in the validation set.

    Files are compared by SHA-256; only those whose size occurs in both sets are read. The photos
    of prepared faces are known from `manifest.json`.

    Raises:
        UsageError: a file, or a photo and a face of it, is in both.
        PictureError: a file cannot be read.
    """
    sizes = {file.size() for file in train} & {file.size() for file in validation}
    known = {file.sha256() for file in train if file.size() in sizes}
    both = [file.name for file in validation if file.size() in sizes and file.sha256() in known]
    if both:
        raise UsageError(
            f"{len(both)} of {len(validation)} validation images are also training images, such as "
            f"{both[0]}. Scores on them would be meaningless. Remove them from one of the sets."
        )
    if originals := originals_in_training(train, validation):
        raise UsageError(
            f"{len(originals)} of {len(validation)} validation images show photos that training "
            f"faces were cut from, such as {originals[0].name}. Scores on them would be "
            "meaningless. Pass other images with --validation, or none: a prepared set has its "
            "own in the folder val."
        )


def _is_prepared(place: str) -> bool:
    """Return whether a place has the folders `train` and `val`, both with images."""
    try:
        return all(list_images(_inside(place, part)) for part in (TRAIN, VALIDATION))
    except UsageError:
        return False


def _inside(place: str, part: str) -> str:
    """Return the place of a folder in a folder, `faces/val`, or in a zip, `faces.zip:val`.

    The path in a zip goes on with a slash: `faces.zip:set/val`.
    """
    separator = "/" if is_folder(Path(place)) or ".zip:" in place else ":"
    return f"{place.rstrip('/')}{separator}{part}"
