"""Preparation of faces for training: detects, aligns, checks and deduplicates the faces in photos.

`prepare` does it for `srgan-gp prepare`; its parts are in the other modules of this folder. Two
photos are of one scene if they are near-duplicates, such as a photo and its downscaled copy. Photos
that share a scene or a face are a group, which is never divided between training and validation.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srgan_gp.data.face_preparation.face_archive import Spool, write_archive
from srgan_gp.data.face_preparation.face_duplicates import SeenImages
from srgan_gp.data.face_preparation.face_names import divide_and_name
from srgan_gp.data.face_preparation.face_originals import pixel_hash
from srgan_gp.data.face_preparation.face_selection import (
    Candidate,
    Reason,
    Requirements,
    aligned_candidate,
    find_candidates,
)
from srgan_gp.data.face_preparation.face_sheet import (
    SHEET_XMP,
    Cell,
    draw_sheet,
    kept_cells,
    make_section,
    make_thumbnail,
)
from srgan_gp.data.face_preparation.preparation_report import (
    FaceRecord,
    PhotoRecord,
    count_enlarged,
    count_outcomes,
    none_kept_message,
)
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.validation_split import MIN_VALIDATION_IMAGES, TRAIN, VALIDATION
from srgan_gp.detection.face_alignment import TEMPLATE
from srgan_gp.detection.face_detection import FaceDetector
from srgan_gp.errors import NothingToDoError, PictureError
from srgan_gp.images import DEFAULT_MAX_PIXELS, Picture, write_image
from srgan_gp.system.files import hash_file

MAX_DROPPED = 96
"""Dropped faces shown at most on the contact sheet: eight rows. More would make it longer."""
FORMAT_VERSION = 1
"""Version of the layout of the zip file and its manifest."""
SMALL_SET = 200
"""Number of faces below which a fifth, not a tenth, is the validation set: scores of few validation
faces are uncertain. A larger share would leave fewer faces for training."""
OnPhoto = Callable[[int, PhotoRecord], None]
"""Called after each photo with the number of photos done, and the record of the photo."""


@dataclass(frozen=True)
class Preparation:
    """Options of `prepare`."""

    requirements: Requirements
    """Requirements for a face to be kept."""
    detector: FaceDetector | None
    """Detects the faces; None: each image is a face that is already aligned."""
    validation_share: float | None = None
    """Target share of the kept faces in the validation set, `val/`, 0 to 1; None: chosen by
    `target_share`. The actual share may differ, because groups are not divided."""
    seed: int = 0
    """Seed of the choice of the groups of photos for validation."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Width x height above which a photo is not decoded."""

    def target_share(self, faces: int) -> float:
        """Return the target share of the validation set among `faces` kept faces, one or more.

        It is `validation_share` if that is set. Otherwise it is a tenth, or a fifth of fewer than
        `SMALL_SET` faces. If a fifth is fewer than the `MIN_VALIDATION_IMAGES` faces that `srgan-gp
        finetune` needs, the share is raised to give that number, at most to a half.
        """
        if self.validation_share is not None:
            return self.validation_share
        if faces >= SMALL_SET:
            return 0.1
        return max(0.2, min(MIN_VALIDATION_IMAGES / faces, 0.5))

    def settings(self, faces: int) -> dict[str, Any]:
        """Return all settings that determine a result of `faces` faces, as in the manifest."""
        settings = asdict(self.requirements)
        # "held_out" is the name of the validation share in `FORMAT_VERSION` 1.
        settings |= {"held_out": self.target_share(faces), "seed": self.seed}
        if self.detector is None:
            return settings | {"aligned_before": True}
        file = self.detector.file
        detector = {"file": file.name, "sha256": hash_file(file)}
        return settings | {"detector": detector, "template": TEMPLATE.tolist()}


def prepare(
    files: Sequence[tuple[str, ImageFile]],
    output: Path,
    sheet: Path,
    preparation: Preparation,
    on_photo: OnPhoto = lambda done, photo: None,
) -> dict[str, Any]:
    """Write the faces in photos to a zip file, and a contact sheet.

    Args:
        files: the photos with their names in the manifest.
        output: the zip file: PNG files in `train/` and `val/`, and `manifest.json`, which lists all
            photos and all faces, kept or dropped. An existing file is replaced.
        sheet: the contact sheet, a PNG file. An existing file is replaced.
        preparation: the options.
        on_photo: called after each photo. If it raises an exception, nothing is written.

    Returns:
        The counts of `preparation_report.count_outcomes`; `train` and `val`, the numbers of faces
        in these folders; `val_target` and `val_largest_group`, see `divide_and_name`; `enlarged`
        and `smallest_side`, see `preparation_report.count_enlarged`.

    Raises:
        NothingToDoError: no face is kept; nothing is written.
        OutputError: a file cannot be written.
    """
    with Spool(output.parent) as spool:
        collector = _Collector(preparation, spool)
        for number, (name, file) in enumerate(files, 1):
            on_photo(number, collector.add(name, file))
        photos = collector.photos
        counts = count_outcomes(photos)
        if not counts["kept"]:
            raise NothingToDoError(none_kept_message(counts))
        # A share that the user set is kept, even if it gives fewer than the minimum.
        is_share_chosen_here = preparation.validation_share is None
        validation_counts = divide_and_name(
            photos,
            share=preparation.target_share(counts["kept"]),
            seed=preparation.seed,
            minimum=MIN_VALIDATION_IMAGES if is_share_chosen_here else 0,
        )
        kept = [face for photo in photos for face in photo.kept]
        folders = Counter(face.member.partition("/")[0] for face in kept)
        counts |= {folder: folders[folder] for folder in (TRAIN, VALIDATION)}
        manifest = {
            "version": FORMAT_VERSION,
            "settings": preparation.settings(len(kept)),
            **counts,
        }
        manifest["source_photos"] = [photo.entry() for photo in photos]
        members = ((face.member, spool.read(face.byte_range)) for face in kept)
        write_archive(output, members, manifest)
        sections = [make_section("kept", kept_cells(kept, spool), counts["kept"])]
    if collector.dropped:
        dropped_count = sum(counts["dropped"].values())
        sections.append(make_section("dropped", collector.dropped, dropped_count))
    write_image(Picture(draw_sheet(sections), xmp=SHEET_XMP), sheet, format="png")
    enlarged = count_enlarged(photos, preparation.requirements.side)
    return counts | validation_counts | enlarged


class _Collector:
    """Collects the faces of photos, drops duplicates, and groups photos of one scene or face.

    Attributes:
        photos: records of all photos added so far.
        dropped: the first `MAX_DROPPED` dropped faces, with the reasons, for the contact sheet. The
            others are not stored anywhere.
    """

    def __init__(self, preparation: Preparation, spool: Spool) -> None:
        self.photos: list[PhotoRecord] = []
        self.dropped: list[Cell] = []
        self._preparation = preparation
        self._spool = spool
        self._faces, self._scenes = SeenImages(), SeenImages()  # kept faces, and whole photos
        self._photos_of_faces: list[PhotoRecord] = []  # by the numbers of `_faces`
        self._photos_of_scenes: list[PhotoRecord] = []  # by the numbers of `_scenes`
        self._by_pixels: dict[str, PhotoRecord] = {}  # by `pixels_sha256`, the first of equal ones
        self._groups: dict[str, list[PhotoRecord]] = {}  # by `PhotoRecord.group`

    def add(self, name: str, file: ImageFile) -> PhotoRecord:
        """Read a photo, collect its faces, and add its record to `photos` and return it."""
        photo = PhotoRecord(name)
        self.photos.append(photo)
        try:
            pixels = file.read_srgb(self._preparation.max_pixels)
        except PictureError as error:
            # The manifest must not contain paths of this machine; it has `photo.name`.
            photo.problem = PictureError(error.code, str(error).removeprefix(f"{file.name}: "))
            return photo
        photo.pixels_sha256 = photo.group = pixel_hash(pixels)
        first = self._by_pixels.setdefault(photo.pixels_sha256, photo)
        if first is not photo:
            photo.duplicate_of = first.name
            return photo
        self._groups[photo.group] = [photo]
        self._group_by_scene(photo, pixels)
        for candidate in self._candidates(pixels):
            self._add_face(photo, candidate)
        return photo

    def _group_by_scene(self, photo: PhotoRecord, pixels: np.ndarray) -> None:
        """Group a photo with an earlier one of the same scene, even if no face is repeated."""
        number = self._scenes.find(pixels)
        if number is not None:
            self._merge_groups(photo, self._photos_of_scenes[number])
        self._scenes.add(pixels)
        self._photos_of_scenes.append(photo)

    def _merge_groups(self, photo: PhotoRecord, earlier: PhotoRecord) -> None:
        """Merge the group of a photo into the group of an earlier photo."""
        if photo.group == earlier.group:
            return
        moved = self._groups.pop(photo.group)
        self._groups[earlier.group] += moved
        for other in moved:
            other.group = earlier.group

    def _candidates(self, pixels: np.ndarray) -> list[Candidate]:
        """Return the faces of a photo; without a detector the whole photo is one."""
        detector, requirements = self._preparation.detector, self._preparation.requirements
        if detector is None:
            return [aligned_candidate(pixels, requirements)]
        return find_candidates(pixels, detector, requirements)

    def _add_face(self, photo: PhotoRecord, candidate: Candidate) -> None:
        """Record a face, and store its image if it is kept."""
        record = FaceRecord(candidate.face, candidate.square_side, candidate.blur, candidate.reason)
        photo.faces.append(record)
        if record.reason is None:
            self._drop_if_repeated(photo, record, candidate.pixels)  # may set `record.reason`
        if record.reason is not None:
            if len(self.dropped) < MAX_DROPPED:
                self.dropped.append((make_thumbnail(candidate.pixels), record.reason.value))
            return
        record.byte_range = self._spool.add(candidate.pixels)
        self._faces.add(candidate.pixels)
        self._photos_of_faces.append(photo)

    def _drop_if_repeated(self, photo: PhotoRecord, record: FaceRecord, pixels: np.ndarray) -> None:
        """If a face was kept before, set the reason to drop it, and merge the photos' groups."""
        number = self._faces.find(pixels)
        if number is None:
            return
        earlier = self._photos_of_faces[number]
        record.reason, record.duplicate_of = Reason.REPEATED, earlier.name
        self._merge_groups(photo, earlier)
