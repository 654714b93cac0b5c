"""Near-duplicate detection: images that differ in size, quality, position or mirroring."""

import cv2
import numpy as np

_COARSE_SIDE, _FINE_SIDE = 24, 64
_MIN_COARSE_CORRELATION = 0.8  # below it two images are not compared further
_MIN_FINE_CORRELATION = 0.975
"""Correlation of the registered images above which they are duplicates. Among 2,000 aligned faces
of 64 pixels no two different ones reached 0.96."""
_STEPS, _PRECISION = 30, 1e-4  # of the registration: it ends at the first limit reached
_SMOOTHING = 5  # pixels: helps the registration to converge


class SeenImages:
    """Index of images that finds the duplicate of an image."""

    def __init__(self) -> None:
        self._coarse = np.empty((64, _COARSE_SIDE**2), np.float32)  # rows; grows when it is full
        self._fine: list[np.ndarray] = []

    def add(self, pixels: np.ndarray) -> None:
        """Add an image, (H, W, 3), uint8 RGB."""
        number = len(self._fine)
        if number == len(self._coarse):
            self._coarse = np.concatenate([self._coarse, np.empty_like(self._coarse)])
        self._coarse[number] = _fingerprint(pixels)
        self._fine.append(_grey(pixels, _FINE_SIDE))

    def find(self, pixels: np.ndarray) -> int | None:
        """Find the duplicate of an image.

        Args:
            pixels: (H, W, 3), uint8 RGB, of any size.

        Returns:
            The number of the duplicate in the order of `add`; None if there is none.
        """
        # Mirrored too, since training mirrors faces at random.
        for view in (pixels, pixels[:, ::-1]):
            similarity = self._coarse[: len(self._fine)] @ _fingerprint(view)
            fine = _grey(view, _FINE_SIDE)
            for number in np.argsort(-similarity):
                if similarity[number] < _MIN_COARSE_CORRELATION:
                    break
                if _correlation(self._fine[number], fine) >= _MIN_FINE_CORRELATION:
                    return int(number)
        return None


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two images after affine registration.

    Source:
        Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient
        maximization" (2008).
    """
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, _PRECISION)
    start = np.eye(2, 3, dtype=np.float32)
    mask = np.full_like(second, 255)  # the whole image
    try:
        value, _ = cv2.findTransformECC(
            first, second, start, cv2.MOTION_AFFINE, criteria, mask, _SMOOTHING
        )
    except cv2.error:  # the registration does not converge for very different images
        value = 0.0
    plain = np.corrcoef(first.ravel(), second.ravel())[0, 1] if first.std() * second.std() else 0.0
    return max(float(value), float(plain))  # the registration may end worse than it starts


def _fingerprint(pixels: np.ndarray) -> np.ndarray:
    """Return a vector of length 1; the dot product of two is the correlation of the images."""
    levels = _grey(pixels, _COARSE_SIDE).astype(np.float32).ravel()
    levels -= levels.mean()
    length = float(np.linalg.norm(levels))
    return levels / length if length else levels


def _grey(pixels: np.ndarray, side: int) -> np.ndarray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
