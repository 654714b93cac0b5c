"""Faces that are there already: the same photo in another size, quality or crop."""

import cv2
import numpy as np

_COARSE_SIDE, _FINE_SIDE = 24, 64
_LEAST_COARSE = 0.85  # correlation below which two faces are not compared any further
_LEAST_FINE = 0.975
"""Correlation above which two faces are one, once they are laid over each other."""
_STEPS, _PRECISION = 30, 1e-4
_SMOOTHING = 5  # pixels: so that two faces slide into their best place


class SeenFaces:
    """Remembers aligned faces, and says which one of them another face is."""

    def __init__(self) -> None:
        self._coarse = np.empty((64, _COARSE_SIDE**2), np.float32)
        self._fine: list[np.ndarray] = []

    def add(self, pixels: np.ndarray) -> None:
        """Remember an aligned face, (S, S, 3), uint8 RGB."""
        number = len(self._fine)
        if number == len(self._coarse):
            self._coarse = np.concatenate([self._coarse, np.empty_like(self._coarse)])
        self._coarse[number] = _fingerprint(pixels)
        self._fine.append(_grey(pixels, _FINE_SIDE))

    def find(self, pixels: np.ndarray) -> int | None:
        """Look for an aligned face among those remembered.

        Args:
            pixels: (S, S, 3), uint8 RGB.

        Returns:
            The number of the one it is, in the order of `add`; None: it is another face.
        """
        likeness = self._coarse[: len(self._fine)] @ _fingerprint(pixels)
        fine = _grey(pixels, _FINE_SIDE)
        for number in np.argsort(-likeness):
            if likeness[number] < _LEAST_COARSE:
                break
            if _correlation(self._fine[number], fine) >= _LEAST_FINE:
                return int(number)
        return None


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlate two pictures where they fit best: one is moved, turned and stretched a little.

    Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient
    maximization" (2008).
    """
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, _PRECISION)
    start = np.eye(2, 3, dtype=np.float32)
    try:
        value, _ = cv2.findTransformECC(
            first, second, start, cv2.MOTION_AFFINE, criteria, np.full_like(second, 255), _SMOOTHING
        )
    except cv2.error:  # They have so little in common that there is no best place.
        return 0.0
    return float(value)


def _fingerprint(pixels: np.ndarray) -> np.ndarray:
    """Give a vector of length 1: the product of two is the correlation of the pictures."""
    levels = _grey(pixels, _COARSE_SIDE).astype(np.float32).ravel()
    levels -= levels.mean()
    length = float(np.linalg.norm(levels))
    return levels / length if length else levels


def _grey(pixels: np.ndarray, side: int) -> np.ndarray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
