"""Zip file of prepared faces: PNG files in `train/` and `val/`, and `manifest.json`.

Members are stored without further compression. The same faces give the same bytes: the file
contains no timestamps.
"""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import errors_about

MANIFEST = "manifest.json"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip file
_READABLE = 0o644  # mode of an extracted file


class Spool:
    """Temporary file of encoded images whose final names are not known yet.

    Args:
        folder: folder of the temporary file, which is unnamed and deleted when it is closed.

    Raises:
        OutputError: from every method, if the disk is full or the folder is not writable.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with errors_about(folder):
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, pixels: np.ndarray) -> tuple[int, int]:
        """Encode (S, S, 3) uint8 RGB as PNG; return its position and length for `read`."""
        _, encoded = cv2.imencode(".png", pixels[:, :, ::-1])
        with errors_about(self._folder):
            start = self._file.seek(0, 2)
            return start, self._file.write(encoded.tobytes())

    def read(self, place: tuple[int, int]) -> bytes:
        """Return a PNG file stored by `add`."""
        with errors_about(self._folder):
            self._file.seek(place[0])
            return self._file.read(place[1])


def write_archive(
    path: Path, members: Iterable[tuple[str, bytes]], manifest: Mapping[str, Any]
) -> None:
    """Write the zip file atomically.

    Args:
        path: the zip file; its folder must exist.
        members: names including their folder, and contents.
        manifest: content of `manifest.json`.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
    # Bytes of file names that are not valid UTF-8 become escapes, which JSON restores.
    encoded = text.encode(errors="backslashreplace")
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (*members, (MANIFEST, encoded)):
            member = zipfile.ZipInfo(name, _FIXED_DATE)
            member.external_attr = _READABLE << 16
            archive.writestr(member, content)


def validation_photos(
    faces: Mapping[str, int], share: float, seed: int, least: int = 0
) -> set[str]:
    """Choose the photos whose faces form the validation set.

    They are chosen in the order of a hash, so that most photos stay in their set when photos are
    added.

    Args:
        faces: number of faces of each photo, or group of photos, by its identity.
        share: target share of the faces in the validation set, 0 to 1.
        seed: seed of the order.
        least: smallest number of faces in the validation set, if there are enough photos.

    Returns:
        The first photos in that order whose total number of faces is closest to the share, and at
        least `least`. If `share` is not 0 and there are at least two photos, both sets have at
        least one photo.
    """
    order = sorted(faces, key=lambda photo: hashlib.sha256(f"{seed}:{photo}".encode()).digest())
    if share <= 0 or len(order) < 2:
        return set()
    wanted, count = share * sum(faces.values()), faces[order[0]]
    chosen = {order[0]}
    for photo in order[1:-1]:  # the last one remains for training
        if count >= least and abs(count + faces[photo] - wanted) >= abs(count - wanted):
            break
        chosen.add(photo)
        count += faces[photo]
    return chosen
