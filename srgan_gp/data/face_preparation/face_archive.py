"""Archive of prepared faces: PNG files under `train/` and `val/`, and `manifest.json`.

Members are not compressed once more, so that training reads them in place. The same faces give the
same bytes: no time of day is in the file.
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

TRAIN, VALIDATION, MANIFEST = "train", "val", "manifest.json"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file can hold
_READABLE = 0o644  # the mode of an extracted file


class Spool:
    """Encoded pictures that wait on the disk until it is known what they are called.

    Args:
        folder: on whose disk; the file has no name there and goes when it is closed.

    Raises:
        OutputError: from every method: the disk is full, or the folder cannot be written.
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
        """Encode (S, S, 3) uint8 RGB as PNG; give what `read` needs."""
        _, encoded = cv2.imencode(".png", pixels[:, :, ::-1])
        with errors_about(self._folder):
            start = self._file.seek(0, 2)
            return start, self._file.write(encoded.tobytes())

    def read(self, place: tuple[int, int]) -> bytes:
        """Give the PNG file that `add` put there."""
        with errors_about(self._folder):
            self._file.seek(place[0])
            return self._file.read(place[1])


def write_archive(
    path: Path, members: Iterable[tuple[str, bytes]], manifest: Mapping[str, Any]
) -> None:
    """Write the zip file, in full or not at all.

    Args:
        path: the zip file; its folder must exist.
        members: names with their folder, and contents.
        manifest: what is known about them, as JSON can hold it.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
    # The bytes of a file's name that are no UTF-8 become escapes, which JSON reads as they were.
    encoded = text.encode(errors="backslashreplace")
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (*members, (MANIFEST, encoded)):
            member = zipfile.ZipInfo(name, _LONG_AGO)
            member.external_attr = _READABLE << 16
            archive.writestr(member, content)


def validation_photos(faces: Mapping[str, int], share: float, seed: int) -> set[str]:
    """Choose the photos whose faces are held out of training.

    The order is that of a hash, so that a photo tends to keep its side when others come.

    Args:
        faces: number of faces of each photo, by what identifies the photo.
        share: of all faces to hold out, 0 to 1.
        seed: of the order.

    Returns:
        Photos that together hold the number of faces nearest to that share; where `share` is not 0
        and there are two photos or more, each side has one at least.
    """
    order = sorted(faces, key=lambda photo: hashlib.sha256(f"{seed}:{photo}".encode()).digest())
    if share <= 0 or len(order) < 2:
        return set()
    wanted, count = share * sum(faces.values()), faces[order[0]]
    chosen = {order[0]}
    for photo in order[1:-1]:
        if abs(count + faces[photo] - wanted) >= abs(count - wanted):
            break
        chosen.add(photo)
        count += faces[photo]
    return chosen
