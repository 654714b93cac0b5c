"""Fréchet and kernel distance of two sets of images in feature space.

The network is SqueezeNet 1.1, so the two are called FD-squeeze and KID-squeeze. They are not the
FID and KID of the literature, which use Inception, and the values are not comparable. The Fréchet
distance of small sets has a positive bias of about 1/N: compare it only at equal N. The kernel
distance is unbiased; prefer it below some thousands of images.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from srgan_gp.losses.features import Features

SIDE = 128  # pixels: for a 64-pixel face the network's last map would be 3 x 3
BATCH = 32  # images per batch
BLOCK = 1024  # rows of a kernel matrix at a time: all rows of 10,000 images would take 0.8 GB


def pooled_features(features: Features, images: np.ndarray) -> np.ndarray:
    """Compute the last feature map of each image, averaged over all positions.

    Images are resized to 128 x 128 pixels, so that sets of different sizes can be compared.

    Args:
        features: the network; computes on its device.
        images: (N, S, S, 3), uint8 RGB.

    Returns:
        (N, D), float64, D channels (512 for SqueezeNet). At each position the mean square over the
        channels is 1, as the kernel of `kernel_distance` expects.

    Raises:
        ValueError: the images have another shape or type, or there are none.
    """
    rows = []
    for batch in image_batches(images, features.mean.device):
        resized = functional.interpolate(batch, (SIDE, SIDE), mode="bilinear", antialias=True)
        with torch.no_grad():
            last = features(resized)[-1]  # (B, D, h, w)
        rows.append(last.double().mean((2, 3)).cpu().numpy() * math.sqrt(last.shape[1]))
    return np.concatenate(rows)


def image_batches(images: np.ndarray, device: torch.device) -> Iterator[Tensor]:
    """Yield images as input batches of a network, `BATCH` at a time.

    Args:
        images: (N, H, W, 3), uint8 RGB.
        device: device of the batches.

    Yields:
        (B, 3, H, W), float32 in [0, 1].

    Raises:
        ValueError: the images have another shape or type, or there are none.
    """
    shape = images.shape
    if images.dtype != np.uint8 or len(shape) != 4 or shape[-1] != 3 or shape[0] == 0:
        raise ValueError(f"need uint8 images (N, H, W, 3), got {images.dtype} of shape {shape}")
    for first in range(0, len(images), BATCH):
        pixels = torch.from_numpy(images[first : first + BATCH]).to(device)
        yield pixels.permute(0, 3, 1, 2).float() / 255


def frechet_distance(points: np.ndarray, others: np.ndarray) -> float:
    """Fréchet distance of the Gaussians with the means and covariances of two sets.

    ||m1 - m2||^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). With C = A^T A, tr (C1 C2)^(1/2) is the sum of
    the singular values of A1 A2^T, which avoids the square root of a matrix.

    Args:
        points: (N, D), float64.
        others: (M, D), float64.

    Returns:
        At least 0; 0 for equal means and covariances. Covariances are divided by N - 1.

    Raises:
        ValueError: a set has fewer than two rows, or the dimensions differ.

    Source:
        Dowson & Landau 1982, "The Fréchet distance between multivariate normal distributions",
        equation 4; Heusel et al. 2017, arXiv:1706.08500, section 4.
    """
    _require_comparable(points, others)
    one, other = _root_of_covariance(points), _root_of_covariance(others)
    cross = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    shift = np.square(points.mean(0) - others.mean(0)).sum()
    return max(0.0, float(shift + np.square(one).sum() + np.square(other).sum() - 2 * cross))


def kernel_distance(points: np.ndarray, others: np.ndarray) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy, kernel (x.y / D + 1)^3.

    Args:
        points: (N, D), float64.
        others: (M, D), float64.

    Returns:
        0 on average for two sets from one distribution; it may be slightly negative.

    Raises:
        ValueError: a set has fewer than two rows, or the dimensions differ.

    Source:
        Binkowski et al. 2018, arXiv:1801.01401, section 4 (kernel); Gretton et al. 2012, "A kernel
        two-sample test", equation 3 (estimate).
    """
    _require_comparable(points, others)
    return _mean_within(points) + _mean_within(others) - 2 * _mean_between(points, others)


def _require_comparable(points: np.ndarray, others: np.ndarray) -> None:
    shapes = points.shape, others.shape
    if any(len(shape) != 2 or shape[0] < 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(f"cannot compare {points.shape} with {others.shape}")


def _root_of_covariance(points: np.ndarray) -> np.ndarray:
    """Return A, (min(N, D), D), with A^T A the covariance."""
    centred = (points - points.mean(0)) / math.sqrt(len(points) - 1)
    return np.linalg.qr(centred).R if len(points) > points.shape[1] else centred


def _mean_within(points: np.ndarray) -> float:
    """Average the kernel over the pairs of two different rows."""
    count = len(points)
    diagonal = float(_kernel(np.square(points).sum(1), points.shape[1]).sum())
    return (count**2 * _mean_between(points, points) - diagonal) / (count * (count - 1))


def _mean_between(points: np.ndarray, others: np.ndarray) -> float:
    """Average the kernel over all pairs of a row of `points` and a row of `others`."""
    size = points.shape[1]
    blocks = range(0, len(points), BLOCK)
    total = sum(float(_kernel(points[i : i + BLOCK] @ others.T, size).sum()) for i in blocks)
    return total / (len(points) * len(others))


def _kernel(products: np.ndarray, size: int) -> np.ndarray:
    return (products / size + 1) ** 3
