"""PSNR and SSIM of an upscaled image, and its consistency: PSNR after downscaling it again.

All three are computed on the luma of 8-bit images, as in the super-resolution literature.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from srgan_gp.data.benchmark_downscalers import matlab

# Weights of R, G and B in [0, 255] for Y - 16 in [0, 219], by BT.601.
_LUMA = np.array([65.481, 128.553, 24.966]) / 255.0


def luma(pixels: np.ndarray) -> np.ndarray:
    """BT.601 luma in studio range.

    Args:
        pixels: (H, W, 3), uint8 RGB.

    Returns:
        (H, W), float64 in [16, 235], not rounded.

    Source:
        ITU-R BT.601, as in MATLAB's `rgb2ycbcr`.
    """
    return pixels.astype(np.float64) @ _LUMA + 16.0


def psnr_y(output: np.ndarray, target: np.ndarray, border: int) -> float:
    """Peak signal-to-noise ratio of the luma in dB; infinite for equal images.

    Args:
        output: (H, W, 3), uint8 RGB.
        target: same shape.
        border: pixels ignored on each side; the scale, by convention.

    Raises:
        ValueError: the shapes differ, or no pixel is inside the border.
    """
    x, y = _crop_border(luma(output), border), _crop_border(luma(target), border)
    if x.shape != y.shape or x.size == 0:
        raise ValueError(f"cannot compare {output.shape} with {target.shape}, {border=}")
    mean_square = float(np.mean((x - y) ** 2))
    if mean_square == 0:
        return float("inf")
    # The peak is 255 by convention, although the luma ends at 235.
    return 10 * float(np.log10(255.0**2 / mean_square))


def ssim_y(output: np.ndarray, target: np.ndarray, border: int) -> float:
    """Structural similarity of the luma, at each pixel in an 11x11 Gaussian window of sigma 1.5.

    Only windows that lie within the image are used.

    Args:
        output: (H, W, 3), uint8 RGB.
        target: same shape.
        border: pixels ignored on each side; the scale, by convention.

    Returns:
        Mean over the windows, at most 1; 1 for equal images.

    Raises:
        ValueError: the shapes differ, or a side is below 11 inside the border.

    Source:
        Wang et al. 2004, "Image quality assessment: from error visibility to structural
        similarity", equation 13, with K1 = 0.01, K2 = 0.03, L = 255.
    """
    x, y = _crop_border(luma(output), border), _crop_border(luma(target), border)
    if x.shape != y.shape or min(x.shape) < 11:
        raise ValueError(f"cannot compare {output.shape} with {target.shape}, {border=}")
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x**2
    variance_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(similarity.mean())


def consistency(output: np.ndarray, low_res: np.ndarray) -> float:
    """PSNR-Y in dB between the output, downscaled by MATLAB's bicubic, and the LR input.

    Detail that the generator adds should vanish when its output is downscaled. If the input was not
    made by MATLAB's bicubic, the value also reflects how much of the input's noise and JPEG
    artefacts was kept.

    Args:
        output: (H * scale, W * scale, 3), uint8 RGB.
        low_res: (H, W, 3), uint8 RGB; one pixel on each side is ignored, which is `scale` pixels of
            `output`.

    Returns:
        Decibels; infinite for equal images.

    Raises:
        ValueError: the sides of `output` are not multiples of those of `low_res`, or a side of
            `low_res` is below 3.
    """
    height, width = low_res.shape[:2]
    scale = output.shape[0] // height
    if output.shape[:2] != (height * scale, width * scale):
        raise ValueError(f"cannot compare {output.shape} with {low_res.shape}")
    return psnr_y(matlab(output, scale), low_res, border=1)


def _crop_border(values: np.ndarray, border: int) -> np.ndarray:
    """Remove `border` pixels on each side of (H, W)."""
    height, width = values.shape
    return values[border : height - border, border : width - border]


def _blur(values: np.ndarray) -> np.ndarray:
    """Convolve (H, W) with the 11x11 Gaussian of sigma 1.5: the valid region, (H - 10, W - 10)."""
    offsets = np.arange(-5, 6)
    kernel = np.exp(-(offsets**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    rows = sliding_window_view(values, 11, axis=0) @ kernel
    return sliding_window_view(rows, 11, axis=1) @ kernel
