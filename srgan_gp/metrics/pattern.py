"""Pattern and grain: texture that an upscaler adds to the flat areas of a set of images.

Pattern is the regular part of this texture, such as a checkerboard from transposed convolutions;
grain is the whole texture. Both are read from the power spectrum of windows without edges. Neither
is used as a loss or to choose a checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from srgan_gp.data.benchmark_downscalers import bicubic
from srgan_gp.metrics.psnr_ssim import luma

# All constants were chosen by this project, and are fixed, so that values of different versions are
# comparable.
WINDOW = 64  # pixels: side; larger windows resolve frequencies better, but few are flat
STRIDE = 32  # pixels: distance of neighbouring windows
MARGIN = 8  # pixels: least distance of a window from the border, where upscalers lack context
SMALLEST_SIDE = WINDOW + 2 * MARGIN  # pixels: smallest side of an image that has a window
_FLAT = 4.0  # levels: a window with a smaller standard deviation is flat
_FLAT_SIGMA = 6.0  # pixels: sigma of the blur that is subtracted before the test for flatness
_TEXTURE_SIGMA = 4.0  # pixels: sigma of the blur that is subtracted from the output
_MIN_RADIUS, _MAX_RADIUS = 0.13, 0.5  # cycles per pixel: periods of 7.7 and 2 pixels
_RING = 0.02  # cycles per pixel: half the width of the ring that a frequency is compared with
_PEAK = 4.0  # times the median power of the ring: power above this belongs to a pattern


@dataclass(frozen=True)
class FlatTexture:
    """Texture in the flat windows of a set of images.

    Attributes:
        pattern: root mean square of the regular part of the texture, such as a lattice with a
            period of 2 to 7.7 pixels in any direction. The unit is a level of the luma, which is in
            [16, 235]. The power of each frequency is compared with 4 times the median power of all
            frequencies of about the same length; the value is the root of the summed excess.
            Frequencies above half a cycle per pixel, in the corners of the spectrum, are not
            measured. With few windows random noise increases the value: with one window by about a
            fifth of the noise's root mean square, with a hundred windows not at all.
        grain: root mean square of all texture with periods of 2 to 7.7 pixels, including the
            pattern, in the same unit.
        windows: number of flat windows, at least 1.
    """

    pattern: float
    grain: float
    windows: int

    def by_name(self) -> dict[str, float]:
        """Return `pattern` and `grain` by their names."""
        return {"pattern": self.pattern, "grain": self.grain}


class FlatSpectrum:
    """Mean power spectrum of the flat windows of a set, accumulated image by image.

    Windows are 64x64 pixels at stride 32, at least 8 pixels from the border. A window is flat if
    the luma of both the enlarged input and the original, minus a Gaussian blur of sigma 6, has a
    standard deviation below 4.
    """

    def __init__(self) -> None:
        self._summed_power = np.zeros((WINDOW, WINDOW))
        self._window_count = 0

    def add(
        self, output: np.ndarray, low_res: np.ndarray, original: np.ndarray | None = None
    ) -> None:
        """Add the flat windows of an image; one with a side below `SMALLEST_SIDE` has none.

        Args:
            output: (H * scale, W * scale, 3), uint8 RGB.
            low_res: input of the network, (H, W, 3), uint8 RGB; or its enlargement, with the shape
                of `output`.
            original: same shape as `output`; None: only the enlarged input determines what is flat.

        Raises:
            ValueError: the shapes do not fit.
        """
        scale = output.shape[0] // low_res.shape[0]
        enlarged = bicubic(low_res, scale)  # with scale 1 the pixels stay as they are
        self.add_luma(luma(output), luma(enlarged), None if original is None else luma(original))

    def add_luma(
        self, output: np.ndarray, enlarged: np.ndarray, original: np.ndarray | None = None
    ) -> None:
        """Add the flat windows of an image, as `add` does, from its luma.

        Args:
            output: (H, W), float64 in [16, 235].
            enlarged: bicubic enlargement of the input, same shape.
            original: same shape; None: only `enlarged` determines what is flat.

        Raises:
            ValueError: the shapes differ.
        """
        references = [enlarged] if original is None else [enlarged, original]
        if any(reference.shape != output.shape for reference in references):
            shapes = [reference.shape for reference in references]
            raise ValueError(f"cannot compare {output.shape} with {shapes}")
        if min(output.shape) < SMALLEST_SIDE:
            return
        # A window is used if it is flat in every reference.
        is_flat = np.all([_flat_windows(reference) for reference in references], axis=0)
        windows = _windows(_without_blur(output, _TEXTURE_SIGMA))
        for row, column in np.argwhere(is_flat):  # `windows[is_flat]` would copy all of them
            self._summed_power += _power_spectrum(windows[row, column])
            self._window_count += 1

    def texture(self) -> FlatTexture | None:
        """Compute the texture of all windows added so far; None if none is flat."""
        if not self._window_count:
            return None
        power = self._summed_power / self._window_count  # (64, 64)
        frequencies = np.fft.fftfreq(WINDOW)
        radii = np.hypot(frequencies[:, None], frequencies)  # (64, 64), cycles per pixel
        is_measured = (radii >= _MIN_RADIUS) & (radii <= _MAX_RADIUS)
        measured_power, measured_radii = power[is_measured], radii[is_measured]
        # Random texture has about the same power in all directions, so that the median of a ring
        # is its power there, and a pattern stands out as a peak.
        median_by_radius = {}
        for radius in np.unique(measured_radii):
            median_by_radius[radius] = np.median(power[np.abs(radii - radius) < _RING])
        background = np.array([median_by_radius[radius] for radius in measured_radii])
        peaks = np.clip(measured_power - _PEAK * background, 0, None)
        return FlatTexture(
            pattern=float(np.sqrt(peaks.sum())),
            grain=float(np.sqrt(measured_power.sum())),
            windows=self._window_count,
        )


def pattern_and_grain(
    outputs: Sequence[np.ndarray],
    low_res: Sequence[np.ndarray],
    originals: Sequence[np.ndarray] | None = None,
) -> FlatTexture | None:
    """Measure the texture in the flat windows of a set of images.

    Args:
        outputs: images (H * scale, W * scale, 3), uint8 RGB; sizes may differ.
        low_res: the input of each, (H, W, 3), uint8 RGB; or its bicubic enlargement.
        originals: same shapes as `outputs`; None: the enlarged inputs determine what is flat.

    Returns:
        Texture of the flat windows of all images together; None if no window is flat.

    Raises:
        ValueError: the shapes or the numbers of images do not fit.
    """
    originals_or_none = [None] * len(outputs) if originals is None else originals
    if not len(outputs) == len(low_res) == len(originals_or_none):
        raise ValueError("the numbers of outputs, inputs and originals differ")
    spectrum = FlatSpectrum()
    for output, small, original in zip(outputs, low_res, originals_or_none, strict=True):
        spectrum.add(output, small, original)
    return spectrum.texture()


def no_texture_line(suffix: str = "", *, centre: int | None = None) -> str:
    """Return a line for users that says why a set of images has no pattern and no grain.

    It does not say that no image has a flat area of the size of a window: windows lie on a grid,
    and the blur brings the surroundings of a flat area into it.

    Args:
        suffix: follows the names of both scores, such as the name of a downscaler in brackets.
        centre: largest side in pixels of the centre crops that were examined; None: whole images.
    """
    where = f" in the centre of {centre} x {centre} pixels of an image" if centre else ""
    return (
        f"Pattern and grain{suffix} are not measured: they need flat areas, such as a clear sky, "
        f"and no square of {WINDOW} x {WINDOW} pixels that was examined{where} is flat. This is no "
        "fault."
    )


def _flat_windows(values: np.ndarray) -> np.ndarray:
    """Return which windows of the luma (H, W) are flat: (rows, columns), bool."""
    windows = _windows(_without_blur(values, _FLAT_SIGMA))
    return np.array([[window.std() < _FLAT for window in row] for row in windows])


def _windows(values: np.ndarray) -> np.ndarray:
    """Return the windows of (H, W), as a view: (rows, columns, 64, 64)."""
    inside = values[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return sliding_window_view(inside, (WINDOW, WINDOW))[::STRIDE, ::STRIDE]


def _without_blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """Subtract a Gaussian blur of `sigma` pixels, which removes slow changes of brightness."""
    return values - cv2.GaussianBlur(values, (0, 0), sigma)


def _power_spectrum(window: np.ndarray) -> np.ndarray:
    """Power spectrum of (64, 64) with a Hann taper: (64, 64); its sum estimates the mean square."""
    hann = np.outer(np.hanning(WINDOW), np.hanning(WINDOW))
    return np.abs(np.fft.fft2(window * hann)) ** 2 / (WINDOW**2 * (hann**2).sum())
