"""Report of a face preparation: counts and manifest entries of photos and faces.

`prepare_faces` fills one `PhotoRecord` per photo. The manifest is the file `manifest.json` in the
zip file of prepared faces.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srgan_gp.data.face_preparation.face_selection import Reason
from srgan_gp.detection.face_detection import Face
from srgan_gp.errors import PictureError

OUTCOMES = ("used", "no face kept", "without a face", "repeated", "unreadable")
"""Outcomes of a photo: a face is kept; all faces are dropped; none is found; its pixels equal those
of an earlier photo; it cannot be decoded."""


@dataclass(eq=False)
class FaceRecord:
    """One face of a photo: measurements, and its name in the zip file or why it was dropped."""

    face: Face | None
    """The detection; None if the whole image is an aligned face."""
    square_side: float
    """Side of the square that is cut out around it, in pixels of the photo."""
    blur: float
    """`face_quality.measure_blur` of the prepared image, 0 (sharp) to 1."""
    reason: Reason | None = None
    """Why it was dropped; None: it is kept."""
    duplicate_of: str | None = None
    """Name of an earlier photo with the same face; None: there is none."""
    byte_range: tuple[int, int] = (0, 0)
    """Position and length, in bytes, in the `face_archive.Spool`; unused if it was dropped."""
    member: str = ""
    """Name in the zip file, `train/NAME.png` or `val/NAME.png`, set after the last photo; empty if
    it was dropped."""


@dataclass(eq=False)
class PhotoRecord:
    """One photo, its faces, and the photos that it is related to."""

    name: str
    """Name in the manifest."""
    pixels_sha256: str = ""
    """Hash of its pixels; empty if it cannot be decoded."""
    group: str = ""
    """Hash that all photos of its group have in common, the `pixels_sha256` of one of them. Photos
    that share a scene or a face, directly or through others, are a group, and all of them are in
    the same set, training or validation."""
    problem: PictureError | None = None
    """Why it cannot be decoded; None: it can."""
    duplicate_of: str | None = None
    """Name of an earlier photo with identical pixels; None: there is none."""
    faces: list[FaceRecord] = field(default_factory=list)

    @property
    def kept(self) -> list[FaceRecord]:
        """The faces that were not dropped."""
        return [face for face in self.faces if face.reason is None]

    @property
    def outcome(self) -> str:
        """What became of the photo, one of `OUTCOMES`."""
        if self.problem is not None:
            return "unreadable"
        if self.duplicate_of is not None:
            return "repeated"
        if not self.faces:
            return "without a face"
        return "used" if self.kept else "no face kept"

    def entry(self) -> dict[str, Any]:
        """Return its entry in the manifest, as JSON types.

        The keys `name` and `outcome` are always there. A photo that cannot be decoded also has
        `code` and `problem`, one that repeats an earlier photo `like`, and any other
        `pixels_sha256` and `faces`; see `_face_entry`.
        """
        entry: dict[str, Any] = {"name": self.name, "outcome": self.outcome}
        if self.problem is not None:
            return entry | {"code": self.problem.code, "problem": str(self.problem)}
        if self.duplicate_of is not None:
            return entry | {"like": self.duplicate_of}
        faces = [_face_entry(face) for face in self.faces]
        return entry | {"pixels_sha256": self.pixels_sha256, "faces": faces}


def count_outcomes(photos: Sequence[PhotoRecord]) -> dict[str, Any]:
    """Count photos by outcome, and dropped faces by reason.

    Returns:
        `photos`, `faces` and `kept` (faces): int. `photos_by_outcome` and `dropped` (faces by
        reason): dict[str, int], with 0 for outcomes and reasons that do not occur.
    """
    faces = [face for photo in photos for face in photo.faces]
    outcomes = Counter(photo.outcome for photo in photos)
    reasons = Counter(face.reason for face in faces)
    return {
        "photos": len(photos),
        "photos_by_outcome": {outcome: outcomes[outcome] for outcome in OUTCOMES},
        "faces": len(faces),
        "kept": reasons[None],
        "dropped": {reason.value: reasons[reason] for reason in Reason},
    }


def count_enlarged(photos: Sequence[PhotoRecord], side: int) -> dict[str, int]:
    """Count the kept faces whose enlargement to `side` pixels was by more than a quarter.

    At least one face must have been kept.

    Returns:
        `enlarged`: number of these faces. `smallest_side`: smallest side of the square of a kept
        face, in pixels of the photo, rounded down.
    """
    sides = [face.square_side for photo in photos for face in photo.kept]
    enlarged = sum(square_side < enlargement_limit(side) for square_side in sides)
    return {"enlarged": enlarged, "smallest_side": int(min(sides))}


def enlargement_limit(side: int) -> int:
    """Return the side in a photo below which a face grows by more than a quarter to reach `side`.

    With a lower limit than a quarter, faces that are still sharp would be reported too; with a
    higher one, some blurred faces would not.

    The limit is rounded down, because `--smallest`, which drops smaller faces, takes a whole number
    of pixels. A face between the rounded and the exact limit does not count as enlarged by more
    than a quarter.

    >>> enlargement_limit(256)  # 256 / 1.25 is 204.8
    204
    """
    return side * 4 // 5


def summary_lines(counts: Mapping[str, Any]) -> list[str]:
    """Format the result of `count_outcomes`: one line for the photos and one for the faces.

    >>> summary_lines({"photos": 3,
    ...     "photos_by_outcome": {"used": 2, "repeated": 0, "unreadable": 1},
    ...     "faces": 3, "kept": 2, "dropped": {"too small": 0, "blurred": 1}})
    ['3 photos: 2 used, 1 unreadable', '3 faces: 2 kept, 1 dropped (1 blurred)']
    """
    dropped = sum(counts["dropped"].values())
    reasons = f", {dropped} dropped ({_format_counts(counts['dropped'])})" if dropped else ""
    return [
        f"{number_of(counts['photos'], 'photo')}: {_format_counts(counts['photos_by_outcome'])}",
        f"{number_of(counts['faces'], 'face')}: {counts['kept']} kept{reasons}",
    ]


def none_kept_message(counts: Mapping[str, Any]) -> str:
    """Format the result of `count_outcomes` as the message that no face was kept, with advice.

    >>> none_kept_message({"photos": 1, "photos_by_outcome": {"without a face": 1},
    ...     "faces": 0, "kept": 0, "dropped": {}}).splitlines()  # doctest: +ELLIPSIS
    ['No face was kept: 1 photo: 1 without a face; 0 faces: 0 kept. Faces are found if ...']
    """
    message = f"No face was kept: {'; '.join(summary_lines(counts))}."
    if counts["faces"]:
        return f"{message} {advice}" if (advice := cut_off_advice(counts)) else message
    return (
        f"{message} Faces are found if they are photographed from the front. If the images are "
        "aligned faces already, pass --aligned; other subjects go to `srgan-gp finetune` as they "
        "are, in a folder."
    )


def cut_off_advice(counts: Mapping[str, Any]) -> str:
    """Return advice for `counts` from `count_outcomes`, if most dropped faces are cut off; else "".

    >>> cut_off_advice({"dropped": {"cut off": 3, "blurred": 1}})  # doctest: +ELLIPSIS
    'Cut off is a face whose square reaches too far beyond the photo. If the images are ...'
    """
    dropped = counts["dropped"]
    if 2 * dropped.get(Reason.CUT_OFF.value, 0) <= sum(dropped.values()):
        return ""
    return (
        "Cut off is a face whose square reaches too far beyond the photo. If the images are faces "
        "already, each a square crop of one face, pass --aligned."
    )


def number_of(number: int, noun: str) -> str:
    """Format a number with a singular or plural noun.

    >>> number_of(1, "face"), number_of(2, "face")
    ('1 face', '2 faces')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _format_counts(numbers: Mapping[str, int]) -> str:
    """Format counts, without those that are 0: `2 used, 1 unreadable`."""
    return ", ".join(f"{number} {name}" for name, number in numbers.items() if number)


def _face_entry(record: FaceRecord) -> dict[str, Any]:
    """Return the entry of a face in the manifest, without the keys that do not apply.

    `side_in_photo` and `box` (left, top, width, height) are in pixels of the photo, as is `points`
    (five landmarks, x and y).
    """
    entry: dict[str, Any] = {
        "reason": record.reason, "like": record.duplicate_of, "member": record.member or None,
        "side_in_photo": round(record.square_side, 1), "blur": round(record.blur, 3),
    }  # fmt: skip
    if record.face is not None:
        entry["score"] = round(record.face.score, 3)
        entry["box"] = [round(value, 1) for value in record.face.box]
        entry["points"] = record.face.points.round(1).tolist()
    return {key: value for key, value in entry.items() if value is not None}
