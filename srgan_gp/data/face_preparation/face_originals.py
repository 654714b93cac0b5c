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

Root = tuple[Path, str]
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


def originals_in_training(
    train: Sequence[ImageFile], validation: Sequence[ImageFile]
) -> list[ImageFile]:
    """Find the validation images that show a photo from which a training face was cut.

    Such an image is the photo itself, or a face that another preparation cut from it. Validation
    images are decoded only if there are training faces of a prepared set. Images that cannot be
    decoded are skipped.

    Args:
        train: training images; those of a prepared set have a `manifest.json` beside their folder.
        validation: validation images.
    """
    train_roots = {_root(file) for file in train}
    train_hashes = set(_photo_hashes(train).values())
    if not train_hashes:
        return []
    validation_hashes = _photo_hashes(validation)
    originals = []
    for file in validation:
        photo_hash = validation_hashes.get(file)  # None: the file is no prepared face
        if photo_hash is not None and _root(file) in train_roots:
            continue  # the two sets of one preparation have no photo in common
        if photo_hash is None:
            photo_hash = _hash_of(file)
        if photo_hash in train_hashes:
            originals.append(file)
    return originals


def _photo_hashes(files: Sequence[ImageFile]) -> dict[ImageFile, str]:
    """Return the hash of the photo that each prepared face was cut from.

    Files that no manifest lists as a face are missing in the result.
    """
    manifests = {root: _read_manifest(root) for root in {_root(file) for file in files}}
    hashes = {}
    for file in files:
        # `container` is the zip file, or the image file itself if `member` is None.
        path = PurePosixPath(file.member or file.container.as_posix())
        member = "/".join(path.parts[-2:])  # such as train/000003-0.png
        photo_hash = manifests[_root(file)].get(member)
        if photo_hash:
            hashes[file] = photo_hash
    return hashes


def _root(file: ImageFile) -> Root:
    """Return the place where the manifest of a file would be, if the file were in a prepared set.

    A prepared set has its faces in the folders `train` and `val`, beside the manifest.
    """
    if file.member is None:
        return file.container.absolute().parent.parent, ""
    return file.container.absolute(), str(PurePosixPath(file.member).parent.parent)


def _read_manifest(root: Root) -> dict[str, str]:
    """Map the name of each kept face, such as `train/000003-0.png`, to the hash of its photo.

    The result is empty if there is no manifest, or another program wrote it.
    """
    container, folder = root
    hashes: dict[str, str] = {}
    try:
        if zipfile.is_zipfile(container):
            name = str(PurePosixPath(folder, MANIFEST))
            with open_member(container, name) as file:
                manifest = json.load(file)
        else:
            manifest = json.loads((container / MANIFEST).read_bytes())
        for photo in manifest["source_photos"]:
            for face in photo.get("faces", ()):  # missing for a photo that was not used
                if "member" in face:  # missing for a face that was dropped
                    hashes[face["member"]] = photo["pixels_sha256"]
    # `MEMBER_ERRORS` includes OSError: no such file.
    except (*MEMBER_ERRORS, PictureError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return hashes


def _hash_of(file: ImageFile) -> str:
    """Return the hash of an image's pixels; empty if it cannot be decoded."""
    try:
        return pixel_hash(file.read_srgb())
    except PictureError:
        return ""
