"""Photos that prepared faces were cut from, by the hashes in `manifest.json`."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import numpy as np

from srgan_gp.data.face_preparation.face_archive import MANIFEST
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.zipped_images import MEMBER_ERRORS, open_member
from srgan_gp.errors import PictureError

Root = tuple[Path, str]
"""Zip file and the folder in it, or a folder and "": the place of a manifest."""


def pixel_hash(pixels: np.ndarray) -> str:
    """Identify a photo by its pixels, so that a copy in another file has the same hash.

    Args:
        pixels: (H, W, 3), uint8 RGB, of `ImageFile.read_srgb`.

    Returns:
        64 hexadecimal digits: SHA-256 of the shape and the pixels.
    """
    size = "x".join(map(str, pixels.shape))
    return hashlib.sha256(size.encode() + pixels.tobytes()).hexdigest()


def originals_in_training(
    train: Sequence[ImageFile], validation: Sequence[ImageFile]
) -> list[ImageFile]:
    """Find the validation images that show the photo of a training face.

    That is the photo itself, or a face that another preparation cut from it. Validation images are
    decoded only if there are training faces of a prepared set. Images that cannot be decoded are
    skipped.

    Args:
        train: training images; those of a prepared set have a `manifest.json` beside their folder.
        validation: validation images.
    """
    roots = {_root(file) for file in train}
    photos = _photos_of(train)
    if not photos:
        return []
    known = set(photos.values())
    cut_from = _photos_of(validation)
    # The two sets of one preparation have no photo in common.
    others = [file for file in validation if file not in cut_from or _root(file) not in roots]
    return [file for file in others if (cut_from.get(file) or _hash_of(file)) in known]


def _photos_of(files: Sequence[ImageFile]) -> dict[ImageFile, str]:
    """Return the hash of the photo of each file that a manifest lists as a face."""
    manifests = {root: _read_manifest(root) for root in {_root(file) for file in files}}
    found = {}
    for file in files:
        member = "/".join(PurePosixPath(file.member or file.container.as_posix()).parts[-2:])
        if photo := manifests[_root(file)].get(member):
            found[file] = photo
    return found


def _root(file: ImageFile) -> Root:
    """Return the place of the folder `train` or `val` that a file may be in."""
    if file.member is None:
        return file.container.absolute().parent.parent, ""
    return file.container.absolute(), str(PurePosixPath(file.member).parent.parent)


def _read_manifest(root: Root) -> dict[str, str]:
    """Return the hash of the photo of each face by its name, such as `train/000003-0.png`.

    Empty if there is no manifest, or another program wrote it.
    """
    container, folder = root
    try:
        if zipfile.is_zipfile(container):
            name = str(PurePosixPath(folder, MANIFEST))
            with open_member(container, name) as file:
                manifest = json.load(file)
        else:
            manifest = json.loads((container / MANIFEST).read_bytes())
        return {
            face["member"]: photo["pixels_sha256"]
            for photo in manifest["source_photos"]
            for face in photo.get("faces", ())
            if "member" in face
        }
    except (*MEMBER_ERRORS, PictureError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _hash_of(file: ImageFile) -> str:
    """Return the hash of an image's pixels; empty if it cannot be decoded."""
    with suppress(PictureError):
        return pixel_hash(file.read_srgb())
    return ""
