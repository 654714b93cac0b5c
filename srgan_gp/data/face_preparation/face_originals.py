"""Photos that prepared faces were cut from, identified by the hashes in `manifest.json`.

`data.validation_split` refuses validation images that show a photo from which a training face was
cut. A prepared set is a folder or zip file with the folders `train` and `val` and the file
`manifest.json`, as `srgan-gp prepare` writes it.
"""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from srgan_gp.data.face_preparation.face_archive import MANIFEST
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.zipped_images import MEMBER_ERRORS, open_member
from srgan_gp.errors import PictureError

ManifestPlace = tuple[Path, str]
"""Place of a manifest: a zip file and the folder in it, or a folder and ""."""


def pixel_hash(pixels: np.ndarray) -> str:
    """Identify a photo by its pixels, so that a copy in another file has the same hash.

    Args:
        pixels: (H, W, 3), uint8 RGB, of `ImageFile.read_srgb`.

    Returns:
        64 hexadecimal digits: SHA-256 of the shape and the pixels.
    """
    shape = "x".join(str(length) for length in pixels.shape)
    return hashlib.sha256(shape.encode() + pixels.tobytes()).hexdigest()


def images_of_training_photos(
    train: Sequence[ImageFile], validation: Sequence[ImageFile]
) -> list[ImageFile]:
    """Return the validation images that show a photo from which a training face was cut.

    Such an image is the photo itself, or a face that another preparation cut from it. Validation
    images are decoded only if there are training faces of a prepared set. Images that cannot be
    decoded are not in the result.

    Args:
        train: training images; those of a prepared set have a `manifest.json` beside their folder.
        validation: validation images.
    """
    train_places = {_manifest_place(file) for file in train}
    train_hashes = set(_photo_hashes(train).values())
    if not train_hashes:
        return []
    validation_hashes = _photo_hashes(validation)
    found = []
    for file in validation:
        photo_hash = validation_hashes.get(file)
        if photo_hash is None:  # no prepared face: the file may be the photo itself
            photo_hash = _pixel_hash_of(file)
        elif _manifest_place(file) in train_places:
            continue  # the folders `train` and `val` of one preparation have no photo in common
        if photo_hash in train_hashes:
            found.append(file)
    return found


def _photo_hashes(files: Sequence[ImageFile]) -> dict[ImageFile, str]:
    """Return the hash of the photo that each prepared face was cut from.

    Files that no manifest lists as a face are missing in the result.
    """
    places = {_manifest_place(file) for file in files}
    manifests = {place: _read_manifest(place) for place in places}
    hashes = {}
    for file in files:
        # `container` is the zip file, or the image file itself if `member` is None.
        path = PurePosixPath(file.member or file.container.as_posix())
        member = "/".join(path.parts[-2:])  # such as train/000003-0.png
        photo_hash = manifests[_manifest_place(file)].get(member)
        if photo_hash:
            hashes[file] = photo_hash
    return hashes


def _manifest_place(file: ImageFile) -> ManifestPlace:
    """Return the place of the manifest of a file; none is there if the file is no prepared face.

    The place is the parent of the folder of the file, which is `train` or `val` in a prepared set.
    """
    if file.member is None:
        return file.container.absolute().parent.parent, ""
    return file.container.absolute(), str(PurePosixPath(file.member).parent.parent)


def _read_manifest(place: ManifestPlace) -> dict[str, str]:
    """Map the name of each kept face, such as `train/000003-0.png`, to the hash of its photo.

    The result is empty if there is no manifest, or another program wrote it.
    """
    container, folder = place
    hashes: dict[str, str] = {}
    try:
        if zipfile.is_zipfile(container):
            name = str(PurePosixPath(folder, MANIFEST))
            with open_member(container, name) as file:
                manifest = json.load(file)
        else:
            manifest = json.loads((container / MANIFEST).read_bytes())
        for photo in manifest["source_photos"]:
            for face in photo.get("faces", ()):  # A photo that was not used has no "faces".
                if "member" in face:  # A face that was dropped has no "member".
                    hashes[face["member"]] = photo["pixels_sha256"]
    # `MEMBER_ERRORS` includes OSError: no such file.
    except (*MEMBER_ERRORS, PictureError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return hashes


def _pixel_hash_of(file: ImageFile) -> str:
    """Return the hash of an image's pixels; "" if the image cannot be decoded."""
    try:
        return pixel_hash(file.read_srgb())
    except PictureError:
        return ""
