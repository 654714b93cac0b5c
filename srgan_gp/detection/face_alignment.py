"""Face alignment: crops a face to a square with eyes, nose and mouth at fixed positions.

The crop is loose, as in the data set FFHQ (Karras, Laine and Aila, 2019): it includes hair and
chin. A transform is a (2, 3) array [A | b]. It maps a point p of the photo, (x, y) in pixels, to
the point (A p + b) of the square, whose corners are (0, 0) and (1, 1).
"""

import math

import numpy as np

from srgan_gp.detection.face_detection import import_opencv

TEMPLATE = np.array([(0.37, 0.47), (0.63, 0.47), (0.5, 0.631), (0.387, 0.736), (0.613, 0.736)])
"""(5, 2): target positions (x, y) of the landmarks, as fractions of the side of the square, in the
order of `face_detection.Face.points`: left eye, right eye, nose, left and right corner of the
mouth. The positions of the eyes were chosen for this project. Nose and mouth are the median,
relative to the eyes, of 300 faces of FFHQ and CelebA."""

_TOLERANCE = 1e-6
"""Excess of a ratio of sides over a whole number that counts as rounding error: on some CPUs equal
sides give 1.0000000000000002. Samples that are a millionth of a pixel too far apart do no harm."""
_MARGIN = 4
"""Pixels of the photo that are used around the square. Cubic interpolation reaches two; the others
are a reserve for rounding."""


def fit_transform(points: np.ndarray) -> np.ndarray:
    """Fit the similarity transform from a face to `TEMPLATE`.

    A similarity rotates, scales and translates, and does not distort faces. It has four parameters
    a, b, c and d: (x, y) becomes (a x - b y + c, b x + a y + d). They minimise the sum of the
    squared distances to the template; the method of Umeyama (1991) has the same solution.

    Args:
        points: (5, 2), as in `face_detection.Face.points`.

    Returns:
        The transform, (2, 3), float64.
    """
    x, y = points.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows_of_x = np.stack([x, -y, one, zero], 1)  # each row times (a, b, c, d) is the new x
    rows_of_y = np.stack([y, x, zero, one], 1)
    equations = np.vstack([rows_of_x, rows_of_y])
    # `TEMPLATE.T.ravel()`: the five x, then the five y.
    a, b, c, d = np.linalg.lstsq(equations, TEMPLATE.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


def square_side(transform: np.ndarray) -> float:
    """Return the side of the square in pixels of the photo, which the transform maps to 1."""
    return 1 / math.hypot(*transform[:, 0])


def share_outside(transform: np.ndarray, height: int, width: int) -> float:
    """Return the share of the square's area, 0 to 1, that is outside of a photo.

    Args:
        transform: result of `fit_transform`.
        height: height of the photo in pixels.
        width: width of the photo in pixels.
    """
    # Pixel centres have integer coordinates: the photo begins half a pixel before the first centre.
    photo = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    square = _corners_in_photo(transform).astype(np.float32)
    area_inside, _ = import_opencv().intersectConvexConvex(square, photo)
    return 1 - min(area_inside / square_side(transform) ** 2, 1.0)


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
    height, width = pixels.shape[:2]
    # Only the part of the photo around the square is used.
    corners = _corners_in_photo(transform)
    first_corner = np.floor(corners.min(0)) - _MARGIN
    left, top = np.clip(first_corner, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.ceil(corners.max(0)).astype(int) + _MARGIN
    # A slice ends at the border of the photo, and has a pixel even if the square is outside.
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    # When downscaling, cubic interpolation alone would skip pixels and cause aliasing. Therefore
    # sample the square at a multiple of `side`, at least one sample per pixel of the photo, and
    # average blocks of samples at the end.
    multiple = max(1, math.ceil(square_side(transform) / side - _TOLERANCE))
    # `matrix` maps pixels of `part` to samples. In the square, sample 0 is half a sample inside the
    # edge, hence - 0.5.
    matrix = transform * side * multiple
    matrix[:, 2] = matrix[:, :2] @ (left, top) + matrix[:, 2] - 0.5
    size = (side * multiple, side * multiple)
    # OpenCV does not terminate when it mirrors a single pixel.
    border = cv2.BORDER_REFLECT_101 if min(part.shape[:2]) > 1 else cv2.BORDER_REPLICATE
    square = cv2.warpAffine(part, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border)
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)


def _corners_in_photo(transform: np.ndarray) -> np.ndarray:
    """Return the corners of the square in pixels of the photo, (4, 2), in order around it."""
    corners_in_square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)
    # The inverse of the transform: solve A p = corner - b.
    return np.linalg.solve(transform[:, :2], (corners_in_square - transform[:, 2]).T).T
