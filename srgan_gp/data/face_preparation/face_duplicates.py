"""Near-duplicate detection: other size or quality, shifted, or mirrored."""

import cv2
import numpy as np

_COARSE_SIDE, _FINE_SIDE = 24, 64
_LEAST_COARSE = 0.8  # correlation below which two pictures are not compared any further
_LEAST_FINE = 0.975
"""Correlation above which two pictures are one, once they are laid over each other: among 2,000
aligned faces of 64 pixels no two different ones reached 0.96."""
_STEPS, _PRECISION = 30, 1e-4
_SMOOTHING = 5  # pixels: so that two pictures slide into their best place


class SeenPictures:
    """Remembers pictures, and says which one of them another picture is."""

    def __init__(self) -> None:
        self._coarse = np.empty((64, _COARSE_SIDE**2), np.float32)
        self._fine: list[np.ndarray] = []

    def add(self, pixels: np.ndarray) -> None:
        """Remember a picture, (H, W, 3), uint8 RGB."""
        number = len(self._fine)
        if number == len(self._coarse):
            self._coarse = np.concatenate([self._coarse, np.empty_like(self._coarse)])
        self._coarse[number] = _fingerprint(pixels)
        self._fine.append(_grey(pixels, _FINE_SIDE))

    def find(self, pixels: np.ndarray) -> int | None:
        """Look for a picture among those remembered.

        Args:
            pixels: (H, W, 3), uint8 RGB; only what is in it counts, not its size.

        Returns:
            The number of the one it is, in the order of `add`; None: it is another.
        """
        # Mirrored as well: training shows every face both ways.
        for view in (pixels, pixels[:, ::-1]):
            likeness = self._coarse[: len(self._fine)] @ _fingerprint(view)
            fine = _grey(view, _FINE_SIDE)
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
        value = 0.0
    plain = np.corrcoef(first.ravel(), second.ravel())[0, 1] if first.std() * second.std() else 0.0
    return max(float(value), float(plain))  # The search may end in a worse place than its start.


def _fingerprint(pixels: np.ndarray) -> np.ndarray:
    """Give a vector of length 1: the product of two is the correlation of the pictures."""
    levels = _grey(pixels, _COARSE_SIDE).astype(np.float32).ravel()
    levels -= levels.mean()
    length = float(np.linalg.norm(levels))
    return levels / length if length else levels


def _grey(pixels: np.ndarray, side: int) -> np.ndarray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
