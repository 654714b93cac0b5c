"""Resampling of tensors by matrices: MATLAB's bicubic and the downscalers of the degradations.

All are separable: output = rows @ image @ columns^T, with one matrix (outputs, inputs) per pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

BICUBIC_MARGIN = 2
"""LR pixels: reach of the cubic. Without this margin, a downscaled crop equals the same crop of the
downscaled image."""


@dataclass(frozen=True)
class Kernel:
    """Resampling kernel: weights of the input pixels by their distance to the output pixel.

    Attributes:
        weights: distances in pixels -> weights, not normalised.
        reach: distance in pixels at and beyond which the weights are 0.
        antialias: whether the kernel is widened by the step when downscaling, which suppresses
            frequencies that the smaller image cannot represent.
    """

    weights: Callable[[np.ndarray], np.ndarray]
    reach: float
    antialias: bool = True

    def matrix(self, inputs: int, outputs: int, step: float) -> np.ndarray:
        """Matrix of one pass, (outputs, inputs), float64, with row sums 1; edges are replicated.

        Args:
            inputs: pixels along the axis before the pass.
            outputs: pixels along the axis after the pass.
            step: distance of two output pixels in input pixels; above 1 for downscaling.
        """
        width = max(step, 1.0) if self.antialias else 1.0
        centres = (np.arange(outputs) + 0.5) * step - 0.5
        first = np.floor(centres - self.reach * width).astype(int)
        taps = first[:, None] + np.arange(int(2 * self.reach * width) + 2)
        weights = self.weights((centres[:, None] - taps) / width)
        weights /= weights.sum(axis=1, keepdims=True)
        matrix = np.zeros((outputs, inputs))
        np.add.at(matrix, (np.arange(outputs)[:, None], taps.clip(0, inputs - 1)), weights)
        return matrix


def _cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    """Cubic convolution kernel of Keys; with a = -0.5 it reproduces quadratic functions."""
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


CUBIC = Kernel(_cubic, 2)
DOWNSCALERS = {
    "cubic": CUBIC,  # MATLAB's imresize, Pillow's BICUBIC
    "aliased cubic": Kernel(lambda x: _cubic(x, -0.75), 2, antialias=False),  # OpenCV's INTER_CUBIC
    "area": Kernel(lambda x: np.where(np.abs(x) < 0.5, 1.0, 0.0), 0.5),  # OpenCV's INTER_AREA
    "bilinear": Kernel(lambda x: (1 - np.abs(x)).clip(0), 1),  # Pillow's BILINEAR
    "lanczos": Kernel(lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0), 3),
}
"""Downscaling kernels by name, with the functions of other libraries that use them. Lanczos kernel:
Duchon 1979. `area` is exact for integer steps only."""
NAMES = tuple(DOWNSCALERS)
MATLAB = NAMES.index("cubic")


def matlab_bicubic(high_res: Tensor, scale: int) -> Tensor:
    """Downscale as MATLAB's `imresize(high_res, 1 / scale)`, bit for bit for 8-bit images.

    Antialiased cubic kernel (a = -0.5), widened by `scale`; rows first, then columns; rounded and
    clipped to 8 bits between and after the passes; indices clamped at the edge. In float32 the sums
    are exact for scales 2 and 4, whose weights are multiples of 2^-13; scale 3 needs float64.

    Args:
        high_res: (B, C, H, W), integers in [0, 255], any float dtype. H and W need not be multiples
            of `scale`; sides are rounded up.
        scale: integer >= 1.

    Returns:
        (B, C, ceil(H / scale), ceil(W / scale)), integers in [0, 255], same dtype.

    Source:
        Keys 1981, "Cubic convolution interpolation for digital image processing", equation 15;
        MATLAB's documentation of imresize.
    """
    height, width = high_res.shape[-2:]
    rows, columns = _matrices(high_res, -(-height // scale), -(-width // scale), float(scale))
    return to_8_bit(to_8_bit(rows @ high_res) @ columns.T)


def bicubic_enlarge(low_res: Tensor, scale: int) -> Tensor:
    """Upscale with the same kernel, rounded once at the end: the bicubic baseline.

    Args:
        low_res: (B, C, H, W), integers in [0, 255], any float dtype.
        scale: integer >= 1.

    Returns:
        (B, C, H * scale, W * scale), integers in [0, 255], same dtype.
    """
    height, width = low_res.shape[-2:]
    rows, columns = _matrices(low_res, height * scale, width * scale, 1 / scale)
    return to_8_bit(rows @ low_res @ columns.T)


def downscale(high_res: Tensor, scale: int, kinds: np.ndarray) -> Tensor:
    """Downscale each image of a batch with its own kernel, in two batched products.

    Args:
        high_res: (B, C, H, W), float32 in [0, 255].
        scale: integer >= 1.
        kinds: (B,), integers: indices in `NAMES`.

    Returns:
        (B, C, ceil(H / scale), ceil(W / scale)), not rounded. For "cubic", `to_8_bit` of the result
        equals `matlab_bicubic`, including its rounding between the passes. The results of OpenCV
        differ by one level at most; those of Pillow too, if no value is clipped between the passes,
        except near the border: within the reach of the kernel they differ by several levels (up to
        12 for uniform noise in the tests), since Pillow renormalises the weights there and this
        function replicates the border.
    """
    kernels = torch.from_numpy(kinds).to(high_res.device)
    rows, columns = (
        _downscalers(side, scale, high_res.dtype, high_res.device)[kernels, None]
        for side in high_res.shape[-2:]
    )  # (B, 1, outputs, inputs) each
    between = rows @ high_res
    is_matlab = (kernels == MATLAB)[:, None, None, None]
    return torch.where(is_matlab, to_8_bit(between), between) @ columns.mT


def round_trip(images: Tensor, factors: np.ndarray) -> Tensor:
    """Downscale each image by its own factor and upscale it again, by the antialiased cubic kernel.

    Args:
        images: (B, C, H, W), float32 in [0, 255].
        factors: (B,), in (0, 1]; the smaller sides are rounded to whole pixels.

    Returns:
        The same shape, not rounded and not clipped.
    """
    rows, columns = (
        torch.from_numpy(np.stack([_round_trip_matrix(side, factor) for factor in factors]))
        .to(images.device, images.dtype)
        .unsqueeze(1)
        for side in images.shape[-2:]
    )
    return rows @ images @ columns.mT


def to_8_bit(values: Tensor) -> Tensor:
    """Round to integers in [0, 255], halves away from zero, as MATLAB's uint8()."""
    return torch.floor(values + 0.5).clamp(0, 255)


def _round_trip_matrix(side: int, factor: float) -> np.ndarray:
    smaller = max(round(side * factor), 1)
    down = CUBIC.matrix(side, smaller, side / smaller)
    return CUBIC.matrix(smaller, side, smaller / side) @ down


def _matrices(images: Tensor, height: int, width: int, step: float) -> tuple[Tensor, Tensor]:
    """Matrices of the pass over rows and of the pass over columns."""
    rows = _bicubic_matrix(images.shape[-2], height, step, images.dtype, images.device)
    columns = _bicubic_matrix(images.shape[-1], width, step, images.dtype, images.device)
    return rows, columns


@lru_cache(maxsize=8)  # each may be as large as an image; training needs one per patch size
def _bicubic_matrix(
    inputs: int, outputs: int, step: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    return torch.from_numpy(CUBIC.matrix(inputs, outputs, step)).to(device, dtype)


@lru_cache(maxsize=8)  # training needs one per patch size
def _downscalers(inputs: int, scale: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Matrices (5, outputs, inputs), in the order of `NAMES`."""
    outputs = -(-inputs // scale)
    matrices = [kernel.matrix(inputs, outputs, float(scale)) for kernel in DOWNSCALERS.values()]
    return torch.from_numpy(np.stack(matrices)).to(device, dtype)
