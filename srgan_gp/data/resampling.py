"""Resampling of tensors by matrices: MATLAB's bicubic and the downscalers of the degradations.

All of them are separable: output = rows @ image @ columns^T, with one matrix per pass, (output
pixels, input pixels). Values are levels in [0, 255], in tensors of floats. `benchmark_downscalers`
applies MATLAB's bicubic to numpy images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

BICUBIC_MARGIN = 2
"""LR pixels: reach of the cubic kernel. A downscaled crop equals the same crop of the downscaled
image, except within this margin of the edges of the crop."""


@dataclass(frozen=True)
class Kernel:
    """Resampling kernel: weights of the input pixels by their distance to the output pixel.

    Attributes:
        weights: function from distances in pixels to weights, which need not sum to 1.
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
            step: distance of neighbouring output pixels in input pixels; above 1 for downscaling.
        """
        width = max(step, 1.0) if self.antialias else 1.0  # factor by which the kernel is widened
        # Positions of the output pixels among the input pixels; pixel n covers [n - 0.5, n + 0.5].
        centres = (np.arange(outputs) + 0.5) * step - 0.5
        # (outputs, taps): the input pixels that the kernel may reach around each output pixel. Two
        # more than the reach has whole pixels, because it may begin and end within a pixel.
        first = np.floor(centres - self.reach * width).astype(int)
        taps = first[:, None] + np.arange(int(2 * self.reach * width) + 2)
        weights = self.weights((centres[:, None] - taps) / width)
        weights /= weights.sum(axis=1, keepdims=True)
        matrix = np.zeros((outputs, inputs))
        # Taps outside the image use the edge pixel; `add.at` sums all weights of one pixel.
        np.add.at(matrix, (np.arange(outputs)[:, None], taps.clip(0, inputs - 1)), weights)
        return matrix


def _cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    """Cubic convolution kernel (Keys 1981) at distances `x`, with the slope `a` at distance 1.

    With a = -0.5 it reproduces quadratic functions.
    """
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
"""Names of the downscalers; an index in this tuple stands for a downscaler in arrays."""
_MATLAB_INDEX = NAMES.index("cubic")


def matlab_bicubic(high_res: Tensor, scale: int) -> Tensor:
    """Downscale as MATLAB's `imresize(high_res, 1 / scale)`, bit for bit for 8-bit images.

    The kernel is the antialiased cubic (a = -0.5), widened by `scale`. Rows are resampled first,
    then columns, with rounding and clipping to 8 bits after each pass. Edge pixels are replicated.
    In float32 the sums are exact for scales 2 and 4, whose weights are multiples of 2^-13; scale 3
    needs float64.

    Args:
        high_res: (B, C, H, W), integers in [0, 255], any float dtype. H and W need not be multiples
            of `scale`; the sides of the result are rounded up.
        scale: integer >= 1.

    Returns:
        (B, C, ceil(H / scale), ceil(W / scale)), integers in [0, 255], same dtype.

    Source:
        Keys 1981, "Cubic convolution interpolation for digital image processing", equation 15;
        MATLAB's documentation of imresize.
    """
    height, width = (_divide_up(side, scale) for side in high_res.shape[-2:])
    rows, columns = _bicubic_matrices(high_res, height, width, step=float(scale))
    return to_8_bit(to_8_bit(rows @ high_res) @ columns.T)


def bicubic_enlarge(low_res: Tensor, scale: int) -> Tensor:
    """Upscale with the kernel of `matlab_bicubic`, as the bicubic baseline of evaluations does.

    The result is rounded after both passes only.

    Args:
        low_res: (B, C, H, W), integers in [0, 255], any float dtype.
        scale: integer >= 1.

    Returns:
        (B, C, H * scale, W * scale), integers in [0, 255], same dtype.
    """
    height, width = low_res.shape[-2:]
    rows, columns = _bicubic_matrices(low_res, height * scale, width * scale, step=1 / scale)
    return to_8_bit(rows @ low_res @ columns.T)


def downscale(high_res: Tensor, scale: int, downscalers: np.ndarray) -> Tensor:
    """Downscale each image of a batch with its own kernel, in two batched products.

    Args:
        high_res: (B, C, H, W), float32 in [0, 255].
        scale: integer >= 1.
        downscalers: (B,), integers: indices in `NAMES`.

    Returns:
        (B, C, ceil(H / scale), ceil(W / scale)), not rounded. For "cubic", `to_8_bit` of the result
        equals `matlab_bicubic`, including its rounding between the passes. The results of OpenCV
        differ by one level at most. So do those of Pillow, if no value is clipped between the
        passes and the border is farther than the reach of the kernel. Nearer to it they differ by
        several levels (up to 12 for uniform noise in the tests): Pillow renormalises the weights
        there, and this function replicates the border.
    """
    indices = torch.from_numpy(downscalers).to(high_res.device)
    height, width = high_res.shape[-2:]
    # (B, 1, outputs, inputs): the matrix of each image, the same for its channels.
    rows = _downscaling_matrices(height, scale, high_res.dtype, high_res.device)[indices, None]
    columns = _downscaling_matrices(width, scale, high_res.dtype, high_res.device)[indices, None]
    after_rows = rows @ high_res
    is_matlab = (indices == _MATLAB_INDEX)[:, None, None, None]
    return torch.where(is_matlab, to_8_bit(after_rows), after_rows) @ columns.mT


def round_trip(images: Tensor, factors: np.ndarray) -> Tensor:
    """Downscale each image by its own factor and upscale it again, by the antialiased cubic kernel.

    Args:
        images: (B, C, H, W), float32 in [0, 255].
        factors: (B,), in (0, 1]; the smaller sides are rounded to whole pixels.

    Returns:
        The same shape, float32, not rounded and not clipped.
    """
    matrices = []
    for side in images.shape[-2:]:
        stacked = np.stack([_round_trip_matrix(side, factor) for factor in factors])
        matrices.append(torch.from_numpy(stacked).to(images.device, images.dtype)[:, None])
    rows, columns = matrices  # (B, 1, H, H) and (B, 1, W, W)
    return rows @ images @ columns.mT


def to_8_bit(values: Tensor) -> Tensor:
    """Round to integers in [0, 255], halves away from zero, as MATLAB's uint8()."""
    return torch.floor(values + 0.5).clamp(0, 255)


def _divide_up(side: int, scale: int) -> int:
    """Divide, rounding up."""
    return -(-side // scale)


def _round_trip_matrix(side: int, factor: float) -> np.ndarray:
    """Matrix of downscaling `side` pixels by a factor and upscaling again: (side, side)."""
    smaller = max(round(side * factor), 1)
    down = CUBIC.matrix(side, smaller, side / smaller)
    return CUBIC.matrix(smaller, side, smaller / side) @ down


def _bicubic_matrices(
    images: Tensor, height: int, width: int, step: float
) -> tuple[Tensor, Tensor]:
    """Matrices that resample (B, C, H, W) to `height` rows, and to `width` columns."""
    rows = _bicubic_matrix(images.shape[-2], height, step, images.dtype, images.device)
    columns = _bicubic_matrix(images.shape[-1], width, step, images.dtype, images.device)
    return rows, columns


@lru_cache(maxsize=8)  # each may be as large as an image; training needs one per patch size
def _bicubic_matrix(
    inputs: int, outputs: int, step: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return `CUBIC.matrix` as a tensor, (outputs, inputs)."""
    return torch.from_numpy(CUBIC.matrix(inputs, outputs, step)).to(device, dtype)


@lru_cache(maxsize=8)  # training needs one per patch size
def _downscaling_matrices(
    inputs: int, scale: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Matrices of one pass, (downscalers, outputs, inputs), in the order of `NAMES`."""
    outputs = _divide_up(inputs, scale)
    matrices = [kernel.matrix(inputs, outputs, float(scale)) for kernel in DOWNSCALERS.values()]
    return torch.from_numpy(np.stack(matrices)).to(device, dtype)
