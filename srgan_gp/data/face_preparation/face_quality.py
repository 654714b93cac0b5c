"""Face quality: head rotation and blur."""

import cv2
import numpy as np

_REACH = 9  # pixels: width of the second blur, as in the paper
_NOISE_FILTER = 1.0  # pixels: without it, noise hides blur
_MAX_TURN = 10.0  # also for eyes at one position, for which the turn is not defined


def turn(points: np.ndarray) -> float:
    """Measure how far a head is turned sideways, by the position of the nose.

    Args:
        points: (5, 2), as in `Face.points`.

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
        From 0 (sharp) to 1; 1 for an image of one colour.

    Source:
        Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new
        no-reference perceptual blur metric" (2007), equations 1 to 9, after a weak noise filter.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64)
    grey = cv2.GaussianBlur(grey, (0, 0), _NOISE_FILTER)
    shares: list[float] = []
    for axis, kernel in enumerate(((1, _REACH), (_REACH, 1))):
        blurred = cv2.blur(grey, kernel, borderType=cv2.BORDER_REFLECT)
        before = np.abs(np.diff(grey, axis=axis))
        lost = np.maximum(before - np.abs(np.diff(blurred, axis=axis)), 0)
        if before.any():
            shares.append(1 - lost.sum() / before.sum())
    return float(max(shares, default=1.0))
