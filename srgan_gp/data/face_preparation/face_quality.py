"""Measures of the quality of a face image: rotation of the head, and blur.

`face_selection` drops faces by these measures.
"""

import cv2
import numpy as np
from skimage.measure import blur_effect

# Pixels: width of the mean filter with which `blur_effect` blurs an image again (Crete et al. 2007)
_MEAN_WIDTH = 9
# Pixels: sigma of the Gaussian that filters noise before the measure. Without it, noise hides blur;
# a wider one would blur sharp images too.
_NOISE_SIGMA = 1.0
_MIN_SIDE = 4  # pixels: the measure ignores two rows and columns at the start and one at the end
# Eye distances: largest result of `measure_turn`, also used if both eyes are at one position. Any
# number above the largest turn that `face_selection` accepts would do.
_MAX_TURN = 10.0


def measure_turn(points: np.ndarray) -> float:
    """Measure how far a head is turned sideways, by the position of the nose.

    Args:
        points: landmarks, (5, 2), x and y in pixels: two eyes, tip of the nose, two corners of the
            mouth, as in `detection.face_detection.Face.points`.

    Returns:
        Distance of the nose from the middle between the eyes, measured along the line through the
        eyes, as a multiple of the distance of the eyes: 0 in the middle, 0.5 below an eye, at most
        10.
    """
    first_eye, second_eye, nose = points[:3]
    eye_line = second_eye - first_eye
    squared_length = float(eye_line @ eye_line)
    if squared_length == 0:
        return _MAX_TURN
    middle = (first_eye + second_eye) / 2
    projection = abs(float((nose - middle) @ eye_line)) / squared_length
    return min(projection, _MAX_TURN)


def measure_blur(pixels: np.ndarray) -> float:
    """Measure the blur of an image by how little a second blur changes it.

    The measure is independent of the contrast.

    Args:
        pixels: (H, W, 3), uint8 RGB.

    Returns:
        From 0 (sharp) to 1. Also 1 for an image without changes along one axis or with a side below
        4 pixels.

    Source:
        Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new
        no-reference perceptual blur metric" (2007), as in scikit-image, after a weak noise filter.
    """
    if min(pixels.shape[:2]) < _MIN_SIDE:
        return 1.0
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64) / 255
    grey = cv2.GaussianBlur(grey, (0, 0), _NOISE_SIGMA)
    # `reduce_func=None` returns one value per axis. The default returns their maximum, but the type
    # checker infers that it may be a list, which it refuses as an argument of `float`.
    blur_by_axis = blur_effect(grey, h_size=_MEAN_WIDTH, reduce_func=None)
    return float(np.max(blur_by_axis))
