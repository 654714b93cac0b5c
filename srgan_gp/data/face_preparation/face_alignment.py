"""Face alignment: crops a face to a square with eyes, nose and mouth at fixed positions.

The crop is loose, as in FFHQ (Karras, Laine and Aila, 2019): it includes hair and chin.
"""

import math

import cv2
import numpy as np

TEMPLATE = np.array([(0.37, 0.47), (0.63, 0.47), (0.5, 0.631), (0.387, 0.736), (0.613, 0.736)])
"""(5, 2): target positions of the landmarks, in shares of the side, in the order of `Face.points`.
The eyes are chosen; nose and mouth relative to them are the median of 300 FFHQ and CelebA faces."""

_MARGIN = 4  # pixels around the square: reach of the cubic interpolation, and one more


def framing(points: np.ndarray) -> np.ndarray:
    """Fit the similarity transform from a face to `TEMPLATE`.

    Rotation, scale and translation, by least squares (Umeyama, 1991); faces are not distorted.

    Args:
        points: (5, 2), as in `Face.points`.

    Returns:
        (2, 3), float64: from pixels of the photo to shares of the side of the square.
    """
    x, y = points.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    # u = a x - b y + c and v = b x + a y + d.
    equations = np.vstack([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(equations, TEMPLATE.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


def framed_side(frame: np.ndarray) -> float:
    """Side of the square in pixels of the photo."""
    return 1 / math.hypot(*frame[:, 0])


def share_outside(frame: np.ndarray, height: int, width: int) -> float:
    """Share of the square, 0 to 1, that lies outside a photo of this size in pixels."""
    photo = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    square = _corners(frame).astype(np.float32)
    inside, _ = cv2.intersectConvexConvex(square, photo)
    return 1 - min(inside / framed_side(frame) ** 2, 1.0)


def align(pixels: np.ndarray, frame: np.ndarray, side: int) -> np.ndarray:
    """Crop the square from a photo, antialiased when downscaling.

    The area outside the photo is filled by mirroring.

    Args:
        pixels: (H, W, 3), uint8 RGB.
        frame: from `framing`.
        side: of the result, in pixels.

    Returns:
        (side, side, 3), uint8 RGB.
    """
    corners, (height, width) = _corners(frame), pixels.shape[:2]
    left, top = np.clip(np.floor(corners.min(0)) - _MARGIN, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.ceil(corners.max(0)).astype(int) + _MARGIN
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    # Cubic interpolation alone would skip pixels when downscaling: crop at a multiple of the side
    # that samples all of them, and then average.
    multiple = max(1, math.ceil(framed_side(frame) / side))
    matrix = frame * side * multiple
    matrix[:, 2] = matrix[:, :2] @ (left, top) + matrix[:, 2] - 0.5
    size = (side * multiple, side * multiple)
    # OpenCV does not terminate when it mirrors a single pixel.
    border = cv2.BORDER_REFLECT_101 if min(part.shape[:2]) > 1 else cv2.BORDER_REPLICATE
    square = cv2.warpAffine(part, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border)
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)


def _corners(frame: np.ndarray) -> np.ndarray:
    """Corners of the square in the photo, (4, 2), in order around it."""
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)
    return np.linalg.solve(frame[:, :2], (unit - frame[:, 2]).T).T
