"""Face alignment: crops a face to a square with eyes, nose and mouth at fixed positions.

The crop is loose, as in FFHQ (Karras, Laine and Aila, 2019): it includes hair and chin.
"""

import math

import numpy as np

from srgan_gp.detection.face_detection import import_opencv

TEMPLATE = np.array([(0.37, 0.47), (0.63, 0.47), (0.5, 0.631), (0.387, 0.736), (0.613, 0.736)])
"""(5, 2): target positions (x, y) of the landmarks, as fractions of the side of the square, in the
order of `face_detection.Face.points`. The positions of the eyes were chosen for this project. Nose
and mouth are the median, relative to the eyes, of 300 faces of FFHQ and CelebA."""

_TOLERANCE = 1e-6
"""Of a side relative to the result's: the least squares of some CPUs return 1.0000000000000002."""
_MARGIN = 4  # pixels around the square: reach of the cubic interpolation, and one more


def fit_transform(points: np.ndarray) -> np.ndarray:
    """Fit the similarity transform from a face to `TEMPLATE`.

    It rotates, scales and translates, and does not distort faces. The problem is a linear least
    squares problem in four unknowns; Umeyama (1991) has the same solution.

    Args:
        points: (5, 2), as in `face_detection.Face.points`.

    Returns:
        (2, 3), float64: from pixels of the photo to fractions of the side of the square.
    """
    x, y = points.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    # u = a x - b y + c and v = b x + a y + d.
    equations = np.vstack([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(equations, TEMPLATE.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


def square_side(transform: np.ndarray) -> float:
    """Side of the square in pixels of the photo."""
    return 1 / math.hypot(*transform[:, 0])


def share_outside(transform: np.ndarray, height: int, width: int) -> float:
    """Share of the square's area, 0 to 1, outside a photo of `height` x `width` pixels."""
    # Pixel centres have integer coordinates: the photo begins half a pixel before the first centre.
    photo = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    square = _corners(transform).astype(np.float32)
    inside, _ = import_opencv().intersectConvexConvex(square, photo)
    return 1 - min(inside / square_side(transform) ** 2, 1.0)


def align(pixels: np.ndarray, transform: np.ndarray, side: int) -> np.ndarray:
    """Crop the square from a photo, antialiased when downscaling.

    The area outside the photo is filled by mirroring.

    Args:
        pixels: (H, W, 3), uint8 RGB.
        transform: result of `fit_transform`.
        side: side of the result, in pixels.

    Returns:
        (side, side, 3), uint8 RGB.
    """
    cv2 = import_opencv()
    corners, (height, width) = _corners(transform), pixels.shape[:2]
    left, top = np.clip(np.floor(corners.min(0)) - _MARGIN, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.ceil(corners.max(0)).astype(int) + _MARGIN
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    # When downscaling, cubic interpolation alone would skip pixels and cause aliasing. Therefore
    # sample the square at a multiple of `side`, at least one sample per pixel of the photo, and
    # average blocks of samples at the end.
    multiple = max(1, math.ceil(square_side(transform) / side - _TOLERANCE))
    matrix = transform * side * multiple
    # From pixels of `part` to samples, both with integer coordinates at the centres.
    matrix[:, 2] = matrix[:, :2] @ (left, top) + matrix[:, 2] - 0.5
    size = (side * multiple, side * multiple)
    # OpenCV does not terminate when it mirrors a single pixel.
    border = cv2.BORDER_REFLECT_101 if min(part.shape[:2]) > 1 else cv2.BORDER_REPLICATE
    square = cv2.warpAffine(part, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border)
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)


def _corners(transform: np.ndarray) -> np.ndarray:
    """Corners of the square in the photo, (4, 2), in order around it."""
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)
    return np.linalg.solve(transform[:, :2], (unit - transform[:, 2]).T).T
