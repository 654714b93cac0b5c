"""Four fixed downscalers that make the LR images of benchmarks, and the bicubic baseline.

They take and return numpy images, for evaluation. Their constants are this project's choice, and
must not change: scores of models are compared across versions. Random degradations for training are
in `degradations`.
"""

from collections.abc import Callable

import numpy as np
import torch

from srgan_gp.data.resampling import bicubic_enlarge, matlab_bicubic

Downscaler = Callable[[np.ndarray, int], np.ndarray]
"""Called with an image and a scale, as `matlab`."""


def matlab(high_res: np.ndarray, scale: int) -> np.ndarray:
    """MATLAB's antialiased bicubic, as in the published benchmarks.

    Args:
        high_res: (H, W, 3), uint8 RGB; sides are multiples of `scale`.
        scale: integer >= 2.

    Returns:
        (H / scale, W / scale, 3), uint8 RGB, as from the other downscalers.
    """
    return _from_tensor(matlab_bicubic(_as_tensor(high_res), scale))


def cv2_bicubic(high_res: np.ndarray, scale: int) -> np.ndarray:
    """OpenCV's INTER_CUBIC, which does not antialias; arguments and result as for `matlab`."""
    # Here and below not at the top of the module: `matlab` and `bicubic` work without OpenCV.
    import cv2

    height, width = high_res.shape[:2]
    size = (width // scale, height // scale)
    return cv2.resize(high_res, size, interpolation=cv2.INTER_CUBIC)


def area_jpeg75(high_res: np.ndarray, scale: int) -> np.ndarray:
    """Area mean, then JPEG at quality 75; arguments and result as for `matlab`."""
    return _through_jpeg(_area(high_res, scale), quality=75)


def real(high_res: np.ndarray, scale: int) -> np.ndarray:
    """Imitation of a photo: blur, area mean, noise and JPEG; arguments and result as for `matlab`.

    The blur has a sigma of 1.2 HR pixels, the noise a sigma of 6 levels, the JPEG quality 60.
    """
    import cv2

    # (0, 0): OpenCV chooses the size of the kernel by the sigma.
    low_res = _area(cv2.GaussianBlur(high_res, (0, 0), sigmaX=1.2), scale)
    # The same noise in each evaluation, so that scores can be compared.
    noise = np.random.default_rng(0).normal(0, 6, low_res.shape)
    noisy = np.rint(low_res + noise).clip(0, 255).astype(np.uint8)
    return _through_jpeg(noisy, quality=60)


def bicubic(low_res: np.ndarray, scale: int) -> np.ndarray:
    """Upscale (not downscale) with the bicubic kernel, the baseline for every model.

    Args:
        low_res: (H, W, 3), uint8 RGB.
        scale: integer >= 1.

    Returns:
        (H * scale, W * scale, 3), uint8 RGB.
    """
    return _from_tensor(bicubic_enlarge(_as_tensor(low_res), scale))


def _area(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Average blocks of `scale` x `scale` pixels of (H, W, 3), uint8."""
    import cv2

    height, width = pixels.shape[:2]
    return cv2.resize(pixels, (width // scale, height // scale), interpolation=cv2.INTER_AREA)


def _through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Encode (H, W, 3), uint8 RGB, as JPEG and decode it again."""
    import cv2

    # OpenCV encodes and decodes BGR.
    _, encoded = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(decoded[:, :, ::-1])


def _as_tensor(pixels: np.ndarray) -> torch.Tensor:
    """Convert (H, W, 3), uint8, to (1, 3, H, W), float64, in which `matlab_bicubic` is exact."""
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float64))[None]


def _from_tensor(images: torch.Tensor) -> np.ndarray:
    """Convert (1, 3, H, W), integers in [0, 255], to (H, W, 3), uint8."""
    return np.ascontiguousarray(images[0].numpy().transpose(1, 2, 0).astype(np.uint8))


LOW_RES: dict[str, Downscaler] = {
    "matlab": matlab,
    "cv2": cv2_bicubic,
    "area-jpeg75": area_jpeg75,
    "real": real,
}
"""Downscalers by the values of `srgan-gp evaluate --low-res`."""
