"""Face selection: crops faces and drops those that are too small, cut off, turned or blurred.

A face is cropped to a square in which eyes, nose and mouth have the positions `TEMPLATE` of
`detection.face_alignment`. `prepare_faces` calls this module for each photo.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from srgan_gp.data.face_preparation.face_quality import measure_blur, measure_turn
from srgan_gp.detection.face_alignment import (
    TEMPLATE,
    align,
    fit_transform,
    share_outside,
    square_side,
)
from srgan_gp.detection.face_detection import Face, FaceDetector

# Pixels: side of the square of the second detection, in which faces are about 105 wide. A larger
# square takes longer; in a smaller one the landmarks are less accurate.
_SECOND_SIDE = 192
# Mean distance of landmarks and template, as a fraction of the side, from which the second
# detection is not of this face. A smaller limit drops more faces as "not found again".
_MAX_MISPLACEMENT = 0.15


class Reason(StrEnum):
    """Why a face is dropped: the first reason that applies, in this order.

    The values are printed and written to the manifest.
    """

    UNSURE = "not found again"  # the second detection finds no face that fits the template
    SMALL = "too small"
    CUT_OFF = "cut off"
    TURNED = "turned away"
    NOT_SQUARE = "not square"  # an image that should be an aligned face
    BLURRED = "blurred"
    REPEATED = "there already"  # a duplicate of an earlier face


@dataclass(frozen=True)
class Requirements:
    """Requirements that a face must meet to be kept.

    The limits of blur, turn and share are not checked: out of range, they drop no face or all.

    Raises:
        ValueError: a side is not positive.
    """

    side: int = 256
    """Side of the prepared images, in pixels."""
    smallest: int = 128
    """Smallest side of the square of a face, in pixels of the photo. With half of `side` as the
    default, faces are enlarged at most twice; a larger side drops more faces."""
    most_blur: float = 0.75
    """Largest `measure_blur` of the prepared image, 0 to 1. A sharp portrait has 0.54; after a
    Gaussian blur with a standard deviation of 1, 2 and 3 pixels it has 0.62, 0.75 and 0.85."""
    most_turn: float = 0.45
    """Largest `measure_turn`, from 0 (frontal); at 0.5 the tip of the nose is below an eye."""
    most_outside: float = 0.2
    """Largest share of the square that lies outside the photo, 0 to 1. Mirroring fills it: a larger
    share keeps faces with visible mirroring, a smaller one drops faces near the edge of a photo."""

    def __post_init__(self) -> None:
        if self.side < 1 or self.smallest < 1:
            raise ValueError(f"need positive sides, got {self.side} and {self.smallest}")


@dataclass(eq=False)
class Candidate:
    """A cropped face and its properties."""

    pixels: np.ndarray
    """(side, side, 3), uint8 RGB; `side` is that of the requirements."""
    face: Face | None
    """The detection in the photo; None if the whole image is an aligned face."""
    square_side: float
    """Side of the square that was cropped, in pixels of the photo."""
    blur: float
    """`measure_blur` of `pixels`, 0 (sharp) to 1."""
    reason: Reason | None = None
    """Why the face is dropped; None: it is kept."""


def find_candidates(
    pixels: np.ndarray, detector: FaceDetector, requirements: Requirements
) -> list[Candidate]:
    """Detect, align and check the faces of a photo.

    Args:
        pixels: (H, W, 3), uint8 RGB, upright.
        detector: detects the faces.
        requirements: requirements for a face to be kept.

    Returns:
        All faces, in descending order of the detector's scores. Those that do not meet the
        requirements have a reason. `Reason.REPEATED` is not set in this module, because it needs
        the other faces.
    """
    faces = detector.detect(pixels)
    return [_align_and_check(pixels, face, detector, requirements) for face in faces]


def aligned_candidate(pixels: np.ndarray, requirements: Requirements) -> Candidate:
    """Check a whole image as one face that is already aligned.

    No landmarks are detected, so that the turn is not checked, and no part is outside the photo.

    Args:
        pixels: (H, W, 3), uint8 RGB; an image that is not square is cropped to its centre and
            dropped.
        requirements: requirements for the face to be kept.

    Returns:
        The face, resized to the side of the requirements, with the reason why it is dropped.
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = pixels[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side > requirements.side else cv2.INTER_CUBIC
    resized = cv2.resize(middle, (requirements.side, requirements.side), interpolation=method)
    candidate = Candidate(resized, face=None, square_side=side, blur=measure_blur(resized))
    if side < requirements.smallest:
        candidate.reason = Reason.SMALL
    elif height != width:
        candidate.reason = Reason.NOT_SQUARE
    elif candidate.blur > requirements.most_blur:
        candidate.reason = Reason.BLURRED
    return candidate


def _align_and_check(
    pixels: np.ndarray, face: Face, detector: FaceDetector, requirements: Requirements
) -> Candidate:
    """Align a detected face by landmarks of a second detection, and check the requirements."""
    transform = fit_transform(face.points)
    points = _detect_again(pixels, transform, detector)
    if points is not None:
        face = Face(face.box, points, face.score)
        transform = fit_transform(points)
    side = square_side(transform)
    aligned = align(pixels, transform, requirements.side)
    candidate = Candidate(aligned, face, side, measure_blur(aligned))
    if points is None:
        candidate.reason = Reason.UNSURE
    elif side < requirements.smallest:
        candidate.reason = Reason.SMALL
    elif share_outside(transform, *pixels.shape[:2]) > requirements.most_outside:
        candidate.reason = Reason.CUT_OFF
    elif measure_turn(points) > requirements.most_turn:
        candidate.reason = Reason.TURNED
    elif candidate.blur > requirements.most_blur:
        candidate.reason = Reason.BLURRED
    return candidate


def _detect_again(
    pixels: np.ndarray, transform: np.ndarray, detector: FaceDetector
) -> np.ndarray | None:
    """Detect the landmarks again in the aligned square, in which all faces have one size.

    The second detection makes the landmarks more accurate and removes most false detections.

    Args:
        pixels: the photo, (H, W, 3), uint8 RGB.
        transform: (2, 3), from pixels of the photo to fractions of the side of the square.
        detector: detects the face.

    Returns:
        Landmarks, (5, 2), x and y in pixels of the photo; None if no face is near the template.
    """
    square = align(pixels, transform, _SECOND_SIDE)
    for face in detector.detect(square):
        # From pixel centres at integer coordinates to fractions of the side.
        fractions = (face.points + 0.5) / _SECOND_SIDE
        misplacement = np.linalg.norm(fractions - TEMPLATE, axis=1).mean()
        if misplacement < _MAX_MISPLACEMENT:
            # The inverse of `transform`: solve A x + b = fractions for the pixels x.
            linear, offset = transform[:, :2], transform[:, 2]
            return np.linalg.solve(linear, (fractions - offset).T).T
    return None
