"""Face quality: turn of the head and blur."""

import cv2
import numpy as np

_REACH = 9  # pixels over which the measure of blur blurs once more, as in its paper
_NOISE_FILTER = 1.0  # pixels: without it, noise makes a blurred photo look sharp
_MOST_TURN = 10.0


def turn(points: np.ndarray) -> float:
    """Measure how far a head is turned aside, by the tip of its nose.

    Args:
        points: (5, 2), as in `Face.points`.

    Returns:
        0 where the nose is midway between the eyes, 0.5 where it is below one of them, and more
        where it is beyond; in distances of the eyes, 10 at most.
    """
    left, right, nose = points[:3]
    between = right - left
    length = float(between @ between)
    if length == 0:
        return _MOST_TURN
    return min(abs(float((nose - (left + right) / 2) @ between)) / length, _MOST_TURN)


def blur(pixels: np.ndarray) -> float:
    """Measure how blurred a picture is: by how little a further blur changes it.

    Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new
    no-reference perceptual blur metric" (2007), eq. 1 to 9, after a slight filter against noise.
    Contrast does not count.

    Args:
        pixels: (H, W, 3), uint8 RGB.

    Returns:
        From 0, sharp, to 1; a picture of one colour has nothing sharp in it and gives 1.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64)
    grey = cv2.GaussianBlur(grey, (0, 0), _NOISE_FILTER)
    shares: list[float] = []
    for axis, kernel in enumerate(((1, _REACH), (_REACH, 1))):
        once_more = cv2.blur(grey, kernel, borderType=cv2.BORDER_REFLECT)
        before = np.abs(np.diff(grey, axis=axis))
        lost = np.maximum(before - np.abs(np.diff(once_more, axis=axis)), 0)
        if before.any():
            shares.append(1 - lost.sum() / before.sum())
    return float(max(shares, default=1.0))
