"""Near-duplicate detection: images that differ in size, quality, position or mirroring only.

Images are compared in two stages: by correlation at 24 x 24 pixels, which is fast, and if that is
high, by correlation at 64 x 64 pixels after registration (alignment by an affine transform).
"""

import cv2
import numpy as np

_COARSE_SIDE, _FINE_SIDE = 24, 64
"""Sides in pixels of the images in the two stages. At a larger coarse side a small shift lowers the
correlation more; a larger fine side makes the registration slower."""
_MIN_COARSE_CORRELATION = 0.8
"""Images with a lower correlation are not compared in the second stage. A lower limit finds more
duplicates in other positions, and registers more pairs, which is slow."""
_MIN_FINE_CORRELATION = 0.975
"""Registered images with this correlation or a higher one are duplicates. Among 2,000 aligned faces
of 64 pixels no two different ones reached 0.96; a higher limit misses duplicates of poor quality.
"""
_STEPS, _PRECISION = 30, 1e-4
"""The registration ends after this number of iterations, or when one of them increases the
correlation by less than the precision. A later end takes longer, for increases that hardly matter
to the limit above."""
_SMOOTHING = 5
"""Side in pixels of the blur before the registration. It helps the registration to converge; a
larger one hides the details in which different faces differ."""


class SeenImages:
    """Collection of images that finds the duplicate of a new image.

    The number of an image is its position in the order of `add`, from 0 on.
    """

    def __init__(self) -> None:
        # One row per image, the result of `_fingerprint`. The number of rows doubles when it is
        # full; rows that are not used yet hold no values.
        self._coarse = np.empty((64, _COARSE_SIDE**2), np.float32)  # 64: any first number of rows
        self._fine: list[np.ndarray] = []  # grey images, (64, 64), uint8

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
            The number of a duplicate; None if there is none.
        """
        # Mirrored too, since training mirrors faces at random.
        for view in (pixels, pixels[:, ::-1]):
            coarse_correlations = self._coarse[: len(self._fine)] @ _fingerprint(view)
            fine = _grey(view, _FINE_SIDE)
            for number in np.argsort(-coarse_correlations):  # most similar first
                if coarse_correlations[number] < _MIN_COARSE_CORRELATION:
                    break
                if _correlation(self._fine[number], fine) >= _MIN_FINE_CORRELATION:
                    return int(number)
        return None


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two grey images, (64, 64), uint8, after affine registration.

    Source:
        Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient
        maximization" (2008).
    """
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, _PRECISION)
    start = np.eye(2, 3, dtype=np.float32)  # the identity
    mask = np.full_like(second, 255)  # all pixels are used
    try:
        registered_correlation, _ = cv2.findTransformECC(
            first, second, start, cv2.MOTION_AFFINE, criteria, mask, _SMOOTHING
        )
    except cv2.error:  # the registration does not converge for very different images
        registered_correlation = 0.0
    # 0 for an image of one colour, whose correlation is not defined.
    plain_correlation = 0.0
    if first.std() > 0 and second.std() > 0:
        plain_correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    # The registration may lower the correlation.
    return max(float(registered_correlation), float(plain_correlation))


def _fingerprint(pixels: np.ndarray) -> np.ndarray:
    """Return a unit vector, (576,), float32; the dot product of two is the correlation.

    For an image of one colour the vector is 0.
    """
    levels = _grey(pixels, _COARSE_SIDE).astype(np.float32).ravel()
    levels -= levels.mean()
    norm = float(np.linalg.norm(levels))
    return levels / norm if norm else levels


def _grey(pixels: np.ndarray, side: int) -> np.ndarray:
    """Convert (H, W, 3), uint8 RGB, to grey at `side` x `side` pixels, uint8."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
