"""Zip file of prepared faces: PNG files in `train/` and `val/`, and `manifest.json`.

PNG files are stored without further compression. The same faces give the same bytes: the file
contains no timestamps. `prepare_faces` writes the faces to a temporary file first, a `Spool`. The
reason is that the name of a face has its set, training or validation, and the sets are chosen after
the last photo, by `choose_validation_groups`.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import convert_write_errors

MANIFEST = "manifest.json"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip file
# Number of starting points in the order of groups that `choose_validation_groups` tries. Each takes
# time for one pass over all groups. With fewer, the validation set may miss its target by more.
_MAX_STARTS = 20
_FILE_MODE = 0o644  # permissions of an extracted file


class Spool:
    """Temporary file of encoded images, for use in a `with` statement.

    Args:
        folder: folder of the temporary file, which has no name and disappears when it is closed.

    Raises:
        OutputError: from every method, if the disk is full or the folder is not writable.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with convert_write_errors(folder):
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, pixels: np.ndarray) -> tuple[int, int]:
        """Encode (S, S, 3), uint8 RGB, as PNG; return its position and length in bytes."""
        succeeded, encoded = cv2.imencode(".png", pixels[:, :, ::-1])  # OpenCV encodes BGR
        assert succeeded  # PNG takes all pixels of this shape and dtype
        with convert_write_errors(self._folder):
            position = self._file.seek(0, os.SEEK_END)
            length = self._file.write(encoded.tobytes())
        return position, length

    def read(self, byte_range: tuple[int, int]) -> bytes:
        """Return a PNG file, whose position and length `add` returned."""
        position, length = byte_range
        with convert_write_errors(self._folder):
            self._file.seek(position)
            return self._file.read(length)


def write_archive(
    path: Path, members: Iterable[tuple[str, bytes]], manifest: Mapping[str, Any]
) -> None:
    """Write the zip file atomically.

    Args:
        path: the zip file; its folder must exist.
        members: pairs of a name, including its folder, and the content of a file.
        manifest: content of `manifest.json`, as JSON types.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
    # Lone surrogates, which stand for bytes of file names that are not valid UTF-8, become JSON
    # escapes such as \udcff.
    encoded = text.encode(errors="backslashreplace")
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (*members, (MANIFEST, encoded)):
            member = zipfile.ZipInfo(name, _FIXED_DATE)
            member.external_attr = _FILE_MODE << 16  # the upper 16 bits hold the Unix mode
            archive.writestr(member, content)


def choose_validation_groups(
    faces_by_group: Mapping[str, int], share: float, seed: int, least: int = 0
) -> set[str]:
    """Choose the groups of photos whose faces form the validation set.

    A group is one photo, or several photos that share a scene or a face. Groups are taken in the
    order of a hash, so that most groups stay in their set when photos are added. A group is skipped
    if its faces would lead further away from the target. If the set is below `least`, or misses the
    target by more than half a face, other starting points in the order are tried, and the best set
    is used.

    Args:
        faces_by_group: number of faces of each group, by the hash of the group.
        share: target share of the faces in the validation set, 0 to 1; 0: no validation set.
        seed: seed of the order.
        least: smallest number of faces in the validation set, if there are enough groups; not used
            if `share` is 0.

    Returns:
        Hashes of the groups. If `share` is not 0 and there are at least two groups, both sets have
        at least one group.
    """

    def seeded_hash(group: str) -> bytes:
        return hashlib.sha256(f"{seed}:{group}".encode()).digest()

    order = sorted(faces_by_group, key=seeded_hash)
    if share <= 0 or len(order) < 2:
        return set()
    target = share * sum(faces_by_group.values())

    def badness(groups: set[str]) -> tuple[bool, float]:  # the smaller, the better
        count = sum(faces_by_group[group] for group in groups)
        return count < least, abs(count - target)

    best = _take_groups(order, faces_by_group, target, least)
    for start in range(1, min(len(order), _MAX_STARTS)):
        is_too_small, miss = badness(best)
        if not is_too_small and miss <= 0.5:  # half a face: no whole number is nearer to the target
            break
        # The groups before the starting point follow at the end.
        other = _take_groups(order[start:] + order[:start], faces_by_group, target, least)
        best = min(best, other, key=badness)
    return best


def _take_groups(
    order: Sequence[str], faces_by_group: Mapping[str, int], target: float, least: int
) -> set[str]:
    """Take each group, in this order, that brings the number of faces closer to the target.

    At least one group is taken, and at least one is left. If the faces taken are fewer than
    `least`, more groups are taken.
    """
    taken = set[str]()
    count = 0
    for group in order:
        is_closer = abs(count + faces_by_group[group] - target) < abs(count - target)
        if is_closer and len(taken) < len(order) - 1:
            taken.add(group)
            count += faces_by_group[group]
    while not taken or (count < least and len(taken) < len(order) - 1):
        rest = [group for group in order if group not in taken]
        nearest = min(rest, key=lambda group: abs(count + faces_by_group[group] - target))
        taken.add(nearest)
        count += faces_by_group[nearest]
    return taken
