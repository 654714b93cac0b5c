"""Face selection: which faces are good enough to train on."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from srgan_gp.data.face_preparation.face_alignment import (
    TEMPLATE,
    align,
    framed_side,
    framing,
    share_outside,
)
from srgan_gp.data.face_preparation.face_detection import Face, FaceDetector
from srgan_gp.data.face_preparation.face_quality import blur, turn

_LOOK_SIDE = 192  # of the second look: the face is then about 105 pixels wide
_MOST_MISPLACED = 0.15  # mean distance of a point from the template, in shares of the side


class Reason(StrEnum):
    """Why a face is dropped; the first that holds, in this order."""

    UNSURE = "not found again"
    SMALL = "too small"
    CUT_OFF = "cut off"
    TURNED = "turned away"
    NOT_SQUARE = "not square"
    BLURRED = "blurred"
    REPEATED = "there already"


@dataclass(frozen=True)
class Demands:
    """What a face must be to be kept.

    Raises:
        ValueError: a value makes no sense.
    """

    side: int = 256
    """Of the prepared pictures, in pixels."""
    smallest: int = 128
    """Least side of a face's square in the photo, in pixels; below it, it would be enlarged."""
    most_blur: float = 0.74
    """Most `face_quality.blur` of the prepared picture, 0 to 1; a sharp portrait measures
    0.49; blurred by a Gaussian with a standard deviation of 1, 2 and 3 pixels 0.58, 0.71, 0.79."""
    most_turn: float = 0.45
    """Most `face_quality.turn`: the tip of the nose is below an eye at 0.5."""
    most_outside: float = 0.2
    """Most of the square that lies outside the photo and is filled with a mirror image, 0 to 1."""

    def __post_init__(self) -> None:
        if self.side < 1 or self.smallest < 1:
            raise ValueError(f"need positive sides, got {self.side} and {self.smallest}")


@dataclass(eq=False)
class Candidate:
    """A face, cut out, and what was found out about it."""

    pixels: np.ndarray
    """(side, side, 3), uint8 RGB."""
    face: Face | None
    """Where it is in its photo; None where the picture itself is a face that was aligned before."""
    framed_side: float
    """Side of its square in the photo, in pixels."""
    blur: float
    reason: Reason | None = None
    """Why it is dropped; None: it is kept."""


def find_candidates(
    pixels: np.ndarray, detector: FaceDetector, demands: Demands
) -> list[Candidate]:
    """Find, align and judge the faces of a photo.

    Args:
        pixels: (H, W, 3), uint8 RGB, upright.
        detector: finds them.
        demands: what is kept.

    Returns:
        All faces, the surest first; none is `Reason.REPEATED` yet.
    """
    return [_candidate(pixels, face, detector, demands) for face in detector.detect(pixels)]


def aligned_candidate(pixels: np.ndarray, demands: Demands) -> Candidate:
    """Take a whole picture for one face that was aligned before.

    Args:
        pixels: (H, W, 3), uint8 RGB; what is not square is cut to its middle, and dropped.
        demands: what is kept.
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = pixels[top : top + side, left : left + side]
    way = cv2.INTER_AREA if side > demands.side else cv2.INTER_CUBIC
    resized = cv2.resize(middle, (demands.side, demands.side), interpolation=way)
    found = Candidate(resized, None, side, blur(resized))
    if side < demands.smallest:
        found.reason = Reason.SMALL
    elif height != width:
        found.reason = Reason.NOT_SQUARE
    elif found.blur > demands.most_blur:
        found.reason = Reason.BLURRED
    return found


def _candidate(
    pixels: np.ndarray, face: Face, detector: FaceDetector, demands: Demands
) -> Candidate:
    frame = framing(face.points)
    points = _look_again(pixels, frame, detector)
    if points is not None:
        face = Face(face.box, points, face.score)
        frame = framing(points)
    side = framed_side(frame)
    cut = align(pixels, frame, demands.side)
    found = Candidate(cut, face, side, blur(cut))
    if points is None:
        found.reason = Reason.UNSURE
    elif side < demands.smallest:
        found.reason = Reason.SMALL
    elif share_outside(frame, *pixels.shape[:2]) > demands.most_outside:
        found.reason = Reason.CUT_OFF
    elif turn(points) > demands.most_turn:
        found.reason = Reason.TURNED
    elif found.blur > demands.most_blur:
        found.reason = Reason.BLURRED
    return found


def _look_again(pixels: np.ndarray, frame: np.ndarray, detector: FaceDetector) -> np.ndarray | None:
    """Find the points once more in the aligned square, where every face has one size and place.

    That makes them more exact, and what was no face is not found again.

    Returns:
        (5, 2) in the photo; None where no face is where it should be.
    """
    square = align(pixels, frame, _LOOK_SIDE)
    for face in detector.detect(square):
        shares = (face.points + 0.5) / _LOOK_SIDE
        if np.linalg.norm(shares - TEMPLATE, axis=1).mean() < _MOST_MISPLACED:
            return np.linalg.solve(frame[:, :2], (shares - frame[:, 2]).T).T
    return None
