"""Training and validation images: the places of both sets, their split, and their overlap.

A place is a folder, a zip file, a folder in a zip file (`faces.zip:set`) or a list file, as for
`image_sources.list_images`. A prepared set is a place with images in its folders `train` and `val`,
such as a zip file of `srgan-gp prepare`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from srgan_gp.data.face_preparation.face_originals import images_of_training_photos
from srgan_gp.data.image_sources import ImageFile, list_images
from srgan_gp.errors import UsageError
from srgan_gp.system.paths import is_folder

MIN_TRAINING_IMAGES = 16
"""Smallest training set of `srgan-gp finetune`; a network memorises a smaller one quickly."""
MIN_VALIDATION_IMAGES = 4
"""Smallest validation set of `srgan-gp finetune`; scores on fewer images depend on chance."""
MAX_VALIDATION_IMAGES = 100
"""Largest validation set of a split by `split_images`. More images make the scores more precise,
each validation slower, and the training set smaller."""
TRAIN, VALIDATION = "train", "val"
"""Names of the two folders of a prepared set."""

ListPlace = Callable[[str], list[ImageFile]]
"""Returns the images of a place, and raises the errors of `list_images`."""


@dataclass(frozen=True)
class Places:
    """Places of the training and of the validation images.

    Attributes:
        train: places of the training images.
        validation: places of the validation images; empty: none was named or found.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]


@dataclass(frozen=True)
class FoundSets:
    """Places of both sets, and their images.

    Attributes:
        places: the places.
        train: images of `places.train`, at least one.
        validation: images of `places.validation`; empty if there is none.
    """

    places: Places
    train: tuple[ImageFile, ...]
    validation: tuple[ImageFile, ...]


@dataclass(frozen=True)
class Split:
    """Disjoint training and validation sets.

    Attributes:
        train: images to train on.
        validation: images to score on. Both may be too few; see `describe_missing_images`.
        rule: how the validation set was chosen, for messages.
    """

    train: tuple[ImageFile, ...]
    validation: tuple[ImageFile, ...]
    rule: str


def find_places(
    data: Sequence[str], validation: str | None = None, list_place: ListPlace = list_images
) -> Places:
    """Find the places of the training and of the validation images.

    Of a prepared set, which has the folders `train` and `val`, only `train` is trained on. Its
    `val` is the validation set, unless another one is named.

    Args:
        data: folders, zip files or list files with images to train on.
        validation: place of the validation set; of a prepared set only its `val` is used. None:
            the `val` of each prepared set in `data`.
        list_place: returns the images of a place, such as a `list_images` with a cache.
    """
    train = tuple(part_of(place, TRAIN, list_place) for place in data)
    if validation is not None:
        return Places(train, (part_of(validation, VALIDATION, list_place),))
    prepared = [place for place in data if _is_prepared(place, list_place)]
    return Places(train, tuple(_folder_in(place, VALIDATION) for place in prepared))


def find_sets(data: Sequence[str], validation: str | None = None) -> FoundSets:
    """Find the places of both sets, as `find_places` does, and list their images, each place once.

    Raises:
        UsageError: a place does not exist, or contains no image.
    """
    list_once = cache(list_images)
    places = find_places(data, validation, list_once)
    train, validation_files = (
        tuple(file for place in places_of_set for file in list_once(place))
        for places_of_set in (places.train, places.validation)
    )
    return FoundSets(places, train, validation_files)


def part_of(place: str, part: str, list_place: ListPlace = list_images) -> str:
    """Return the place of one folder of a prepared set; any other place is returned as it is.

    Args:
        place: a folder, zip file or list file.
        part: name of the folder, `TRAIN` or `VALIDATION`.
        list_place: as for `find_places`.
    """
    return _folder_in(place, part) if _is_prepared(place, list_place) else place


def split_images(
    found: FoundSets,
    choose: Callable[[Sequence[ImageFile]], list[ImageFile]] = list,
    sha256: Callable[[ImageFile], str] = lambda file: file.sha256(),
) -> Split:
    """Split images into a training and a validation set.

    A validation set that was found is used as it is. It must have no file of the training set.
    Otherwise a fifth of the images is the validation set, but at least 4 (or all if there are
    fewer) and at most 100. It has the images with the lowest SHA-256 of their file, so that names
    and order do not matter. Only one of several copies of a file is used: two copies could be
    divided between the sets.

    Args:
        found: the images of both sets.
        choose: filter, called with all images of a set; returns those that are used, in the same
            order. Default: all.
        sha256: returns `ImageFile.sha256` of an image that `choose` has returned.

    Returns:
        Both sets; they may have fewer images than `srgan-gp finetune` needs.

    Raises:
        UsageError: an image is in both sets.
        PictureError: a file cannot be read.
    """
    if found.validation:
        train_files, validation_files = choose(found.train), choose(found.validation)
        require_disjoint(train_files, validation_files, sha256)
        rule = f"validation set: the images of {', '.join(found.places.validation)}"
        return Split(tuple(train_files), tuple(validation_files), rule)
    by_hash = {sha256(file): file for file in choose(found.train)}
    ordered = [by_hash[file_hash] for file_hash in sorted(by_hash)]
    count = _validation_count(len(ordered))
    rule = f"validation set: the {count} of {len(ordered)} different files with the lowest SHA-256"
    return Split(tuple(ordered[count:]), tuple(ordered[:count]), rule)


def largest_sizes(found: FoundSets) -> tuple[int, int]:
    """Return the sizes of both sets of `split_images` if it uses all images found."""
    train = len(found.train)
    if found.validation:
        return train, len(found.validation)
    validation = _validation_count(train)
    return train - validation, validation


def _validation_count(images: int) -> int:
    """Return the size of the validation set that is split off a number of images."""
    return min(max(images // 5, MIN_VALIDATION_IMAGES), MAX_VALIDATION_IMAGES, images)


def describe_missing_images(train: int, validation: int) -> str:
    """Format what two sets lack for `srgan-gp finetune`, with advice; empty if nothing.

    Args:
        train: number of training images.
        validation: number of validation images.

    >>> describe_missing_images(10, 4)
    'at least 16 for training and 4 for validation are needed; add 6 or more'
    """
    missing = max(MIN_TRAINING_IMAGES - train, 0) + max(MIN_VALIDATION_IMAGES - validation, 0)
    if not missing:
        return ""
    advice = f"add {missing} or more"
    if train + validation >= MIN_TRAINING_IMAGES + MIN_VALIDATION_IMAGES:
        # Together there are enough images. Of 20 or more, a share of 0.2 gives both sets enough.
        advice = (
            "divide them again with `srgan-gp prepare PHOTOS -o faces.zip --validation-share "
            "0.2`, or pass other images with --validation"
        )
    return (
        f"at least {MIN_TRAINING_IMAGES} for training and {MIN_VALIDATION_IMAGES} for validation "
        f"are needed; {advice}"
    )


def require_disjoint(
    train: Sequence[ImageFile],
    validation: Sequence[ImageFile],
    sha256: Callable[[ImageFile], str] = lambda file: file.sha256(),
) -> None:
    """Check that no file is in both sets, and no photo of a training face in the validation set.

    Files are compared by SHA-256; only those whose size occurs in both sets are read. The photos
    that prepared faces were cut from are known from the `manifest.json` of the prepared set.

    Raises:
        UsageError: a file, or a photo and a face of it, is in both.
        PictureError: a file cannot be read.
    """
    common_sizes = {file.byte_count() for file in train} & {
        file.byte_count() for file in validation
    }
    train_hashes = {sha256(file) for file in train if file.byte_count() in common_sizes}
    candidates = [file for file in validation if file.byte_count() in common_sizes]
    in_both = [file.name for file in candidates if sha256(file) in train_hashes]
    if in_both:
        raise UsageError(
            f"{len(in_both)} of {len(validation)} validation images are also training images, such "
            f"as {in_both[0]}. Scores on them would be meaningless. Remove them from one of the "
            "sets."
        )
    if shown_again := images_of_training_photos(train, validation):
        raise UsageError(
            f"{len(shown_again)} of {len(validation)} validation images show photos that training "
            f"faces were cut from, such as {shown_again[0].name}. Scores on them would be "
            "meaningless. Pass other images with --validation, or none: a prepared set has its "
            "own in the folder val."
        )


def _is_prepared(place: str, list_place: ListPlace) -> bool:
    """Return whether a place has the folders `train` and `val`, both with images."""
    try:
        return all(list_place(_folder_in(place, part)) for part in (TRAIN, VALIDATION))
    except UsageError:  # a folder does not exist or has no image
        return False


def _folder_in(place: str, part: str) -> str:
    """Return the place of the folder `part` in a folder or zip file.

    For `val` that is `faces/val` in the folder `faces`, `faces.zip:val` in the zip file
    `faces.zip`, and `faces.zip:set/val` in the place `faces.zip:set`.
    """
    separator = "/" if is_folder(Path(place)) or ".zip:" in place else ":"
    return f"{place.rstrip('/')}{separator}{part}"
