"""JPEG compression of tensors on any device, as a degradation.

It follows the arithmetic of libjpeg: 8-bit YCbCr, 4:2:0 chroma subsampling, tables scaled by the
quality, quantised coefficients. No file is written, so there is no entropy coding.

No library is used, for three reasons: torchvision's codec is deprecated; file codecs would make a
GPU wait for the CPU; and kornia's codec replaces the rounding by a differentiable function, which
keeps a part of the fraction that rounding removes.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

# ITU-T T.81, tables K.1 and K.2: quantisation steps of 8 x 8 coefficients at quality 50. A line has
# two rows of the table.
LUMA_STEPS = """
    16 11 10 16  24  40  51  61   12 12 14 19  26  58  60  55
    14 13 16 24  40  57  69  56   14 17 22 29  51  87  80  62
    18 22 37 56  68 109 103  77   24 35 55 64  81 104 113  92
    49 64 78 87 103 121 120 101   72 92 95 98 112 100 103  99"""
CHROMA_STEPS = """
    17 18 24 47 99 99 99 99   18 21 26 66 99 99 99 99
    24 26 56 99 99 99 99 99   47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99
    99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99"""

# JFIF's conversion in multiples of 2^-16, as in libjpeg: sums of 8-bit levels are exact in float32.
# Rows of TO_YCBCR: Y, Cb, Cr; its columns: R, G, B. Rows of FROM_CHROMA: R, G, B; columns: Cb, Cr.
TO_YCBCR = np.array([[19595, 38470, 7471], [-11059, -21709, 32768], [32768, -27439, -5329]]) / 65536
FROM_CHROMA = np.array([[0, 91881], [-22554, -46802], [116130, 0]]) / 65536
SMALLER_HALF = 32767 / 65536  # added before the floor: libjpeg rounds halves of Cb and Cr down


def jpeg(images: Tensor, qualities: np.ndarray) -> Tensor:
    """Compress and decompress each image as JPEG with its own quality.

    Args:
        images: (B, 3, H, W), RGB, integers in [0, 255], float32.
        qualities: (B,), integers in 1..100, as in libjpeg, OpenCV and Pillow.

    Returns:
        The same shape, integers in [0, 255]. Blocks start at the upper left corner. On photos 99 of
        100 values equal those of libjpeg-turbo, whose cosines are multiples of 2^-13; the others
        mostly differ by 1.

    Source:
        ITU-T T.81 (1992), annexes A and K; JFIF 1.02; the scaling of the tables is libjpeg's.
    """
    height, width = images.shape[-2:]
    # As in libjpeg: before the chroma is halved, the width is padded to whole chroma blocks (16
    # pixels), the height to pairs of rows.
    luma, chroma = _to_ycbcr(_pad(images, 2, 16))
    luma = _quantise(luma, LUMA_STEPS, qualities)
    chroma = _quantise(_downsample_chroma(chroma), CHROMA_STEPS, qualities)
    chroma = chroma[..., : (height + 1) // 2, : (width + 1) // 2]  # without the padding
    chroma = _upsample_chroma(chroma)
    return _to_rgb(luma[..., :height, :width], chroma[..., :height, :width])


def _pad(images: Tensor, rows: int, columns: int) -> Tensor:
    """Pad at the bottom and right by replication, to multiples of `rows` and of `columns`."""
    height, width = images.shape[-2:]
    return F.pad(images, (0, -width % columns, 0, -height % rows), mode="replicate")


def _to_ycbcr(images: Tensor) -> tuple[Tensor, Tensor]:
    """RGB (B, 3, H, W) -> Y (B, 1, H, W), Cb and Cr (B, 2, H, W), rounded to integers."""
    converted = torch.einsum("ij,bjhw->bihw", images.new_tensor(TO_YCBCR), images)
    luma, chroma = converted.split([1, 2], dim=1)
    return torch.floor(luma + 0.5), torch.floor(chroma + (128 + SMALLER_HALF))


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """Y (B, 1, H, W), Cb and Cr (B, 2, H, W) -> RGB (B, 3, H, W), integers in [0, 255]."""
    differences = torch.einsum("ij,bjhw->bihw", chroma.new_tensor(FROM_CHROMA), chroma - 128)
    return (luma + _round(differences)).clamp(0, 255)


def _downsample_chroma(chroma: Tensor) -> Tensor:
    """Average 2x2 pixels: (B, 2, H, W) -> (B, 2, H / 2, W / 2), integers.

    As in libjpeg, halves are rounded down in even columns of the result, and up in odd ones.
    """
    # The means are multiples of 1/4: with a bias of 1/4 a half is rounded down, with 1/2 up.
    bias = torch.arange(chroma.shape[-1] // 2, device=chroma.device) % 2 * 0.25 + 0.25
    return torch.floor(F.avg_pool2d(chroma, 2) + bias)


def _upsample_chroma(chroma: Tensor) -> Tensor:
    """Upsample bilinearly: (B, 2, h, w) -> (B, 2, 2 h, 2 w), integers.

    As in libjpeg, halves are rounded up in even columns and down in odd ones.
    """
    upsampled = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    # The values are multiples of 1/16: with a bias of 1/2 a half is rounded up, with 7/16 down.
    bias = 0.5 - torch.arange(upsampled.shape[-1], device=chroma.device) % 2 / 16
    return torch.floor(upsampled + bias)


def _quantise(planes: Tensor, steps_at_50: str, qualities: np.ndarray) -> Tensor:
    """Quantise the DCT coefficients of the 8x8 blocks of planes, and transform them back.

    Args:
        planes: the luma or the chroma, (B, C, H, W), levels in [0, 255]; W is a multiple of 8.
        steps_at_50: table of quantisation steps at quality 50.
        qualities: (B,), integers in 1..100.

    Returns:
        (B, C, H rounded up to a multiple of 8, W), integers in [0, 255].
    """
    planes = _pad(planes, 8, 8)
    height, width = planes.shape[-2:]
    vertical_dct = _cosines(height, planes.dtype, planes.device)
    horizontal_dct = _cosines(width, planes.dtype, planes.device)
    steps = planes.new_tensor(_scale_steps(steps_at_50, qualities))[:, None]  # (B, 1, 8, 8)
    steps = steps.repeat(1, 1, height // 8, width // 8)  # (B, 1, H, W)
    # Each matrix is sqrt(8) times that of the DCT, so two products give 8 times the transform. As
    # in libjpeg, the first product is rounded to multiples of 1/4, the second one to integers.
    dct_of_rows = _round(4 * (planes - 128) @ horizontal_dct.T) / 4
    coefficients_times_8 = _round(vertical_dct @ dct_of_rows)
    magnitudes = _round(coefficients_times_8.abs() / (8 * steps))
    quantised = coefficients_times_8.sign() * magnitudes  # halves are rounded away from 0
    # Back in the reverse order: first the columns, then the rows.
    inverse_of_columns = _round(4 * vertical_dct.T @ (quantised * steps)) / 4
    decoded_times_8 = inverse_of_columns @ horizontal_dct
    return (_round(decoded_times_8 / 8) + 128).clamp(0, 255)


def _round(values: Tensor) -> Tensor:
    """Round to integers, halves up."""
    return torch.floor(values + 0.5)


def _scale_steps(steps_at_50: str, qualities: np.ndarray) -> np.ndarray:
    """Scale a table by qualities, (B,), as libjpeg does: (B, 8, 8), integers in 1..255."""
    table = np.array(steps_at_50.split(), np.int64).reshape(8, 8)
    percent = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    return ((table * percent[:, None, None] + 50) // 100).clip(1, 255)


@lru_cache(maxsize=8)  # training needs two per patch size: for luma and for chroma
def _cosines(side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Matrix of the DCT of `side` / 8 blocks, (side, side), times sqrt(8).

    With this factor in both directions, the first coefficient of a block is the plain sum of its 64
    values. It often lies exactly halfway between two quantisation steps. Sums of integers are
    exact, so the same step is chosen in whatever order a device adds the values.
    """
    frequencies, positions = np.mgrid[:8, :8]
    cosines = np.sqrt(2) * np.cos((2 * positions + 1) * frequencies * np.pi / 16)
    cosines[0] = 1
    return torch.from_numpy(np.kron(np.eye(side // 8), cosines)).to(device, dtype)
