"""Pattern and grain: regular and irregular texture in the flat areas of a set of images.

They are neither used as a loss nor to choose a checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from srgan_gp.data.benchmark_downscalers import bicubic
from srgan_gp.metrics.psnr_ssim import luma

WINDOW, STRIDE, MARGIN = 64, 32, 8  # pixels
SMALLEST_IMAGE = WINDOW + 2 * MARGIN  # pixels: smallest side of an image with a window

_FLAT = 4.0  # levels: a window with a smaller standard deviation is flat
_FLAT_SIGMA = 6.0  # pixels: blur subtracted before this test
_TEXTURE_SIGMA = 4.0  # pixels: blur subtracted from the output
_MIN_RADIUS, _MAX_RADIUS = 0.13, 0.5  # cycles per pixel: range of measured frequencies
_RING = 0.02  # cycles per pixel: frequencies with a smaller difference in radius are compared
_PEAK = 4.0  # times the median of its ring: power above it belongs to a pattern


@dataclass(frozen=True)
class FlatTexture:
    """Texture in the flat windows of a set of images.

    Attributes:
        pattern: levels rms of the luma in [16, 235]: peaks of the spectrum, such as a lattice of
            2 to 7.7 pixels in any direction. Frequencies of more than half a cycle per pixel, in
            the corners of the spectrum, are not measured. With few windows random noise adds to it:
            about a fifth of its own rms in one window, nothing in a hundred.
        grain: levels rms of the luma: all texture of 2 to 7.7 pixels, including a pattern.
        windows: number of flat windows, at least 1.
    """

    pattern: float
    grain: float
    windows: int

    def values(self) -> dict[str, float]:
        """Return `pattern` and `grain` by their names."""
        return {"pattern": self.pattern, "grain": self.grain}


class FlatSpectrum:
    """Mean power spectrum of the flat windows of a set, accumulated image by image.

    Windows are 64x64 pixels at stride 32, at least 8 pixels from the border. A window is flat if
    the luma of both the enlarged input and the original, minus a Gaussian blur of sigma 6, has a
    standard deviation below 4.
    """

    def __init__(self) -> None:
        self._power = np.zeros((WINDOW, WINDOW))
        self._windows = 0

    def add(
        self, output: np.ndarray, low_res: np.ndarray, original: np.ndarray | None = None
    ) -> None:
        """Add the flat windows of an image.

        Args:
            output: (H * scale, W * scale, 3), uint8 RGB.
            low_res: input of the network, (H, W, 3), uint8 RGB; or its enlargement, with the shape
                of `output`.
            original: same shape as `output`; None: only the enlarged input determines what is flat.

        Raises:
            ValueError: the shapes do not fit.
        """
        # A scale of 1, that of an enlargement, changes nothing.
        enlarged = bicubic(low_res, output.shape[0] // low_res.shape[0])
        self.add_luma(luma(output), luma(enlarged), None if original is None else luma(original))

    def add_luma(
        self, output: np.ndarray, enlarged: np.ndarray, original: np.ndarray | None = None
    ) -> None:
        """Add the flat windows of an image, given as luma.

        Args:
            output: (H, W), float64 in [16, 235].
            enlarged: bicubic enlargement of the input, same shape.
            original: same shape, or None.

        Raises:
            ValueError: the shapes differ.
        """
        guides = [enlarged] if original is None else [enlarged, original]
        if any(guide.shape != output.shape for guide in guides):
            shapes = [guide.shape for guide in guides]
            raise ValueError(f"cannot compare {output.shape} with {shapes}")
        if min(output.shape) < SMALLEST_IMAGE:
            return
        is_flat = np.logical_and.reduce([_flat_windows(guide) for guide in guides])
        windows = _windows(_without_blur(output, _TEXTURE_SIGMA))[is_flat]
        for window in windows:  # one at a time: all of them may take gigabytes
            self._power += _power(window)
        self._windows += len(windows)

    def texture(self) -> FlatTexture | None:
        """Compute the texture of all windows added so far; None if none is flat."""
        if not self._windows:
            return None
        power = self._power / self._windows
        frequencies = np.fft.fftfreq(WINDOW)
        radius = np.hypot(frequencies[:, None], frequencies)
        measured = (radius >= _MIN_RADIUS) & (radius <= _MAX_RADIUS)
        medians = {
            r: np.median(power[np.abs(radius - r) < _RING]) for r in np.unique(radius[measured])
        }
        background = np.array([medians[r] for r in radius[measured]])
        pattern = np.clip(power[measured] - _PEAK * background, 0, None).sum()
        return FlatTexture(
            pattern=float(np.sqrt(pattern)),
            grain=float(np.sqrt(power[measured].sum())),
            windows=self._windows,
        )


def pattern_and_grain(
    outputs: Sequence[np.ndarray],
    low_res: Sequence[np.ndarray],
    originals: Sequence[np.ndarray] | None = None,
) -> FlatTexture | None:
    """Measure the texture in the flat windows of a set of images.

    Args:
        outputs: (H * scale, W * scale, 3) each, uint8 RGB; sizes may differ.
        low_res: the input of each, (H, W, 3), uint8 RGB; or its enlargement.
        originals: same shapes as `outputs`; None: the enlarged inputs determine what is flat.

    Returns:
        None if no window is flat.

    Raises:
        ValueError: the shapes or the numbers of images do not fit.
    """
    if len(outputs) != len(low_res) or (originals is not None and len(originals) != len(outputs)):
        raise ValueError("the numbers of outputs, inputs and originals differ")
    spectrum = FlatSpectrum()
    # Not strict: `repeat` is endless, and the numbers are equal as checked above.
    for output, small, original in zip(outputs, low_res, originals or repeat(None), strict=False):
        spectrum.add(output, small, original)
    return spectrum.texture()


def _flat_windows(values: np.ndarray) -> np.ndarray:
    """Return which windows of (H, W) are flat: (rows, columns), bool."""
    windows = _windows(_without_blur(values, _FLAT_SIGMA))
    return np.array([[window.std() < _FLAT for window in row] for row in windows])


def _windows(values: np.ndarray) -> np.ndarray:
    """Return a view of the windows of (H, W): (rows, columns, 64, 64)."""
    inside = values[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return sliding_window_view(inside, (WINDOW, WINDOW))[::STRIDE, ::STRIDE]


def _without_blur(values: np.ndarray, sigma: float) -> np.ndarray:
    return values - cv2.GaussianBlur(values, (0, 0), sigma)


def _power(window: np.ndarray) -> np.ndarray:
    """Power spectrum of (64, 64) with a Hann window; its sum is the variance."""
    hann = np.outer(np.hanning(WINDOW), np.hanning(WINDOW))
    return np.abs(np.fft.fft2(window * hann)) ** 2 / (WINDOW**2 * (hann**2).sum())
