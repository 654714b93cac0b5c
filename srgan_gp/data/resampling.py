"""Downscalers and enlargers as weight matrices, on the device of the tensors."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

MARGIN = 2  # low-res pixels: the kernel's reach, so that a crop with this margin equals the whole


def matlab_bicubic(high_res: Tensor, scale: int) -> Tensor:
    """Downscale as MATLAB's `imresize(high_res, 1 / scale)` does, bit for bit for 8-bit pictures.

    Antialiased cubic kernel (a = -0.5), widened by `scale`; rows first, then columns; rounded and
    clipped to 8 bits between and after the passes; indices clamped at the edge. In float32 the sums
    are exact for scales 2 and 4, whose weights are multiples of 2^-13; scale 3 needs float64.

    Args:
        high_res: (B, C, H, W), whole numbers in [0, 255], any float dtype. H and W need not be
            multiples of `scale`; sides are rounded up.
        scale: whole number >= 1.

    Returns:
        (B, C, ceil(H / scale), ceil(W / scale)), whole numbers in [0, 255], same dtype.

    Source:
        Keys 1981, "Cubic convolution interpolation for digital image processing", equation 15;
        MATLAB's documentation of imresize.
    """
    height, width = high_res.shape[-2:]
    rows, columns = _matrices(high_res, -(-height // scale), -(-width // scale), float(scale))
    return _to_8_bit(_to_8_bit(rows @ high_res) @ columns.T)


def bicubic_enlarge(low_res: Tensor, scale: int) -> Tensor:
    """Enlarge with the same kernel, rounded once at the end: the bicubic baseline.

    Args:
        low_res: (B, C, H, W), whole numbers in [0, 255], any float dtype.
        scale: whole number >= 1.

    Returns:
        (B, C, H * scale, W * scale), whole numbers in [0, 255], same dtype.
    """
    height, width = low_res.shape[-2:]
    rows, columns = _matrices(low_res, height * scale, width * scale, 1 / scale)
    return _to_8_bit(rows @ low_res @ columns.T)


def _matrices(images: Tensor, height: int, width: int, step: float) -> tuple[Tensor, Tensor]:
    """Weights of the pass over rows and of the pass over columns."""
    rows = _bicubic_matrix(images.shape[-2], height, step, images.dtype, images.device)
    columns = _bicubic_matrix(images.shape[-1], width, step, images.dtype, images.device)
    return rows, columns


def _to_8_bit(values: Tensor) -> Tensor:
    return torch.floor(values + 0.5).clamp(0, 255)  # halves away from zero, as MATLAB's uint8()


@lru_cache(maxsize=8)  # each may be as large as a picture; training needs one a patch size
def _bicubic_matrix(
    inputs: int, outputs: int, step: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Weights (outputs, inputs) of one pass; `step` is the distance of two outputs in inputs."""
    reach = max(step, 1.0)  # the kernel is widened for downscaling only
    centres = (np.arange(outputs) + 0.5) * step - 0.5
    first = np.floor(centres - 2 * reach).astype(int)
    taps = first[:, None] + np.arange(int(4 * reach) + 2)
    weights = _cubic((centres[:, None] - taps) / reach)
    weights /= weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((outputs, inputs))
    np.add.at(matrix, (np.arange(outputs)[:, None], taps.clip(0, inputs - 1)), weights)
    return torch.from_numpy(matrix).to(device, dtype)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -0.5."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
