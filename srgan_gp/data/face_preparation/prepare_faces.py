"""Face preparation: photos of people to aligned faces for training."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from srgan_gp.data.face_preparation.face_alignment import TEMPLATE
from srgan_gp.data.face_preparation.face_archive import (
    TRAIN,
    VALIDATION,
    Spool,
    validation_photos,
    write_archive,
)
from srgan_gp.data.face_preparation.face_detection import FaceDetector
from srgan_gp.data.face_preparation.face_duplicates import SeenPictures
from srgan_gp.data.face_preparation.face_selection import (
    Candidate,
    Demands,
    Reason,
    aligned_candidate,
    find_candidates,
)
from srgan_gp.data.face_preparation.face_sheet import (
    MOST_DROPPED,
    MOST_KEPT,
    Cell,
    face_sheet,
    spread,
    thumbnail,
)
from srgan_gp.data.face_preparation.preparation_report import (
    FaceRecord,
    PhotoRecord,
    count,
    summary_lines,
)
from srgan_gp.data.image_sources import PictureFile
from srgan_gp.errors import NothingToDoError, PictureError
from srgan_gp.images import Picture, write_image
from srgan_gp.system.files import hash_file

FORMAT_VERSION = 1
OnPhoto = Callable[[int, PhotoRecord], None]


@dataclass(frozen=True)
class Preparation:
    """What `prepare` is to do."""

    demands: Demands
    """What a face must be to be kept."""
    detector: FaceDetector | None
    """Finds the faces; None: each picture is a face that was aligned before."""
    held_out: float = 0.1
    """Share of the faces that go to `val/`, 0 to 1."""
    seed: int = 0
    """Of the choice of the photos that are held out."""

    def settings(self) -> dict[str, Any]:
        """Give all that decides the result, as the manifest holds it."""
        settings = asdict(self.demands) | {"held_out": self.held_out, "seed": self.seed}
        if self.detector is None:
            return settings | {"aligned_before": True}
        file = self.detector.file
        detector = {"file": file.name, "sha256": hash_file(file)}
        return settings | {"detector": detector, "template": TEMPLATE.tolist()}


def prepare(
    files: Sequence[tuple[str, PictureFile]],
    output: Path,
    sheet: Path,
    preparation: Preparation,
    on_photo: OnPhoto = lambda done, photo: None,
) -> dict[str, Any]:
    """Cut the faces out of photos into a zip file, with a contact sheet beside it.

    Args:
        files: the photos, and what the manifest calls them.
        output: the zip file: PNG files under `train/` and `val/`, and `manifest.json`, which names
            every photo and every face, kept or dropped. An existing file is replaced.
        sheet: the contact sheet, a PNG file; replaced likewise.
        preparation: what to do.
        on_photo: called after each photo with the number done; raising in it ends the work, and
            nothing is written.

    Returns:
        Counts: those of `preparation_report.count`, and of the faces in `train` and `val`.

    Raises:
        NothingToDoError: no face is kept; nothing is written.
        OutputError: a file cannot be written.
    """
    with Spool(output.parent) as spool:
        work = _Work(preparation, spool)
        for done, (name, file) in enumerate(files, 1):
            on_photo(done, work.take(name, file))
        photos = work.photos
        counts = count(photos)
        if not counts["kept"]:
            raise NothingToDoError(f"No face is left: {'; '.join(summary_lines(counts))}.")
        name_members(photos, preparation)
        kept = [face for photo in photos for face in photo.kept]
        folders = Counter(face.member.partition("/")[0] for face in kept)
        counts |= {folder: folders[folder] for folder in (TRAIN, VALIDATION)}
        manifest = {"version": FORMAT_VERSION, "settings": preparation.settings(), **counts}
        manifest["source_photos"] = [photo.entry() for photo in photos]
        write_archive(output, ((f.member, spool.read(f.place)) for f in kept), manifest)
        sections = [_section("kept", _cells(kept, spool), counts["kept"])]
    if work.dropped:
        sections.append(_section("dropped", work.dropped, sum(counts["dropped"].values())))
    write_image(Picture(face_sheet(sections)), sheet, format="png")
    return counts


def name_members(photos: Sequence[PhotoRecord], preparation: Preparation) -> None:
    """Decide for each kept face in which folder of the zip file it goes; photos stay whole."""
    faces = Counter[str]()
    for photo in photos:
        if photo.kept:
            faces[photo.group] += len(photo.kept)
    held_out = validation_photos(faces, preparation.held_out, preparation.seed)
    for number, photo in enumerate(photos):
        folder = VALIDATION if photo.group in held_out else TRAIN
        for i, face in enumerate(photo.kept):
            face.member = f"{folder}/{number:06}-{i}.png"


class _Work:
    """Takes photo after photo, and remembers what has been there."""

    def __init__(self, preparation: Preparation, spool: Spool) -> None:
        self.photos: list[PhotoRecord] = []
        self.dropped: list[Cell] = []
        self._demands, self._detector = preparation.demands, preparation.detector
        self._spool = spool
        self._faces, self._scenes = SeenPictures(), SeenPictures()
        self._owners: list[PhotoRecord] = []  # of the faces in `_faces`
        self._whole: list[PhotoRecord] = []  # the photos in `_scenes`
        self._by_identity: dict[str, PhotoRecord] = {}
        self._groups: dict[str, list[PhotoRecord]] = {}

    def take(self, name: str, file: PictureFile) -> PhotoRecord:
        """Read a photo, find its faces and keep the good ones."""
        photo = PhotoRecord(name)
        self.photos.append(photo)
        try:
            pixels = file.read_srgb()
        except PictureError as error:
            photo.problem = PictureError(error.code, str(error).removeprefix(f"{file.name}: "))
            return photo
        size = "x".join(map(str, pixels.shape))
        photo.identity = photo.group = hashlib.sha256(size.encode() + pixels.tobytes()).hexdigest()
        before = self._by_identity.setdefault(photo.identity, photo)
        if before is not photo:
            photo.like = before.name
            return photo
        self._groups[photo.group] = [photo]
        self._find_scene(photo, pixels)
        for candidate in self._candidates(pixels):
            self._judge(photo, candidate)
        return photo

    def _find_scene(self, photo: PhotoRecord, pixels: np.ndarray) -> None:
        """Group a photo with one that shows the same scene: its faces may differ a little."""
        known = self._scenes.find(pixels)
        if known is not None:
            self._join(photo, self._whole[known])
        self._scenes.add(pixels)
        self._whole.append(photo)

    def _join(self, photo: PhotoRecord, earlier: PhotoRecord) -> None:
        """Make one group of the groups of two photos."""
        if photo.group != earlier.group:
            joining = self._groups.pop(photo.group)
            self._groups[earlier.group] += joining
            for member in joining:
                member.group = earlier.group

    def _candidates(self, pixels: np.ndarray) -> list[Candidate]:
        if self._detector is None:
            return [aligned_candidate(pixels, self._demands)]
        return find_candidates(pixels, self._detector, self._demands)

    def _judge(self, photo: PhotoRecord, candidate: Candidate) -> None:
        record = FaceRecord(candidate.face, candidate.framed_side, candidate.blur, candidate.reason)
        photo.faces.append(record)
        if record.reason is None and (known := self._faces.find(candidate.pixels)) is not None:
            record.reason, record.like = Reason.REPEATED, self._owners[known].name
            self._join(photo, self._owners[known])
        if record.reason is None:
            record.place = self._spool.add(candidate.pixels)
            self._faces.add(candidate.pixels)
            self._owners.append(photo)
        elif len(self.dropped) < MOST_DROPPED:
            self.dropped.append((thumbnail(candidate.pixels), record.reason.value))


def _cells(kept: Sequence[FaceRecord], spool: Spool) -> list[Cell]:
    """Give the kept faces that the contact sheet shows, from first to last."""
    shown = [kept[i] for i in spread(len(kept), MOST_KEPT)]
    return [(_decoded(spool.read(face.place)), face.member.removesuffix(".png")) for face in shown]


def _decoded(png: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(decoded)[:, :, ::-1]


def _section(what: str, cells: Sequence[Cell], total: int) -> tuple[str, Sequence[Cell]]:
    shown = "" if len(cells) == total else f", {len(cells)} of them shown"
    return f"{total} {what}{shown}", cells
