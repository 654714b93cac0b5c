"""Face quality: head rotation and blur."""

import cv2
import numpy as np
from skimage.measure import blur_effect

_REACH = 9  # pixels: width of the second blur, as in the paper
_NOISE_FILTER = 1.0  # pixels: without it, noise hides blur
_MIN_SIDE = 4  # pixels: the measure ignores two rows and columns at the start and one at the end
_MAX_TURN = 10.0  # also for eyes at one position, for which the turn is not defined


def turn(points: np.ndarray) -> float:
    """Measure how far a head is turned sideways, by the position of the nose.

    Args:
        points: (5, 2), as in `detection.face_detection.Face.points`.

    Returns:
        Distance of the nose from the middle between the eyes along their line, in eye distances: 0
        in the middle, 0.5 below an eye, at most 10.
    """
    left, right, nose = points[:3]
    between = right - left
    length = float(between @ between)
    if length == 0:
        return _MAX_TURN
    return min(abs(float((nose - (left + right) / 2) @ between)) / length, _MAX_TURN)


def blur(pixels: np.ndarray) -> float:
    """Measure the blur of an image by how little a second blur changes it.

    The measure is independent of the contrast.

    Args:
        pixels: (H, W, 3), uint8 RGB.

    Returns:
        From 0 (sharp) to 1; 1 for an image without changes along one axis or with a side below 4.

    Source:
        Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new
        no-reference perceptual blur metric" (2007), as in scikit-image, after a weak noise filter.
    """
    if min(pixels.shape[:2]) < _MIN_SIDE:
        return 1.0
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64) / 255
    grey = cv2.GaussianBlur(grey, (0, 0), _NOISE_FILTER)
    return float(np.max(blur_effect(grey, h_size=_REACH, reduce_func=None)))
