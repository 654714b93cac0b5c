"""Fréchet and kernel distance of two sets of images in feature space.

`pooled_features` turns images into points, one per image; the two distances compare sets of points.
The network is SqueezeNet 1.1, so the two are called FD-squeeze and KID-squeeze. The FID and KID of
the literature use the network Inception; their values are not comparable with these. The Fréchet
distance of small sets has a positive bias proportional to 1/N: compare it only at equal N. The
kernel distance is unbiased; prefer it below some thousands of images.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from srgan_gp.losses.features import Features

SIDE = 128  # pixels: side to which images are resized; at 64 the last map would be only 3 x 3
BATCH = 32  # images per batch; larger batches need more memory
BLOCK = 1024  # rows of a kernel matrix at a time; the whole matrix of 10,000 images takes 0.8 GB


def pooled_features(features: Features, images: np.ndarray) -> np.ndarray:
    """Compute the last feature map of each image, averaged over all positions.

    Images are resized to 128 x 128 pixels, so that sets of different sizes can be compared.

    Args:
        features: the network; the features are computed on its device.
        images: (N, S, S, 3), uint8 RGB.

    Returns:
        (N, D), float64, D channels (512 for SqueezeNet). Before the average, the mean square over
        the channels is 1 at each position, as the kernel of `kernel_distance` expects.

    Raises:
        ValueError: the images have another shape or type, or there are none.
    """
    rows = []
    device = features.mean.device  # that of the network: `mean` is one of its buffers
    for batch in image_batches(images, device):
        resized = functional.interpolate(batch, (SIDE, SIDE), mode="bilinear", antialias=True)
        with torch.no_grad():
            last = features(resized)[-1]  # (B, D, h, w), of length 1 over the channels
        pooled = last.double().mean((2, 3)).cpu().numpy()
        rows.append(pooled * math.sqrt(last.shape[1]))  # length sqrt(D): mean square 1
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
    """Fréchet distance of the Gaussians with the means m and covariances C of two sets of points.

    The distance is ||m1 - m2||^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). With C = A^T A, tr (C1 C2)^(1/2)
    is the sum of the singular values of A1 A2^T, so that no square root of a matrix is needed.
    Covariances are sums of products divided by N - 1.

    Args:
        points: (N, D), float64.
        others: (M, D), float64.

    Returns:
        At least 0; 0 for equal means and covariances.

    Raises:
        ValueError: a set has fewer than two rows, or the dimensions differ.

    Source:
        Dowson & Landau 1982, "The Fréchet distance between multivariate normal distributions",
        equation 4; Heusel et al. 2017, arXiv:1706.08500, section 4.
    """
    _require_comparable(points, others)
    root, other_root = _root_of_covariance(points), _root_of_covariance(others)
    cross = np.linalg.svd(root @ other_root.T, compute_uv=False).sum()
    shift = np.square(points.mean(0) - others.mean(0)).sum()
    traces = np.square(root).sum() + np.square(other_root).sum()  # tr(C) is the sum of squares of A
    return max(0.0, float(shift + traces - 2 * cross))  # rounding may make it negative


def kernel_distance(points: np.ndarray, others: np.ndarray) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy with the kernel (x.y / D + 1)^3.

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
    """Check that both arrays have two dimensions, at least two rows, and as many columns.

    Raises:
        ValueError: a check fails.
    """
    have_rows = all(values.ndim == 2 and len(values) >= 2 for values in (points, others))
    if not have_rows or points.shape[1] != others.shape[1]:
        raise ValueError(f"cannot compare {points.shape} with {others.shape}")


def _root_of_covariance(points: np.ndarray) -> np.ndarray:
    """Return a matrix A, (min(N, D), D), for which A^T A is the covariance of (N, D) points."""
    centred = (points - points.mean(0)) / math.sqrt(len(points) - 1)
    if len(points) <= points.shape[1]:
        return centred
    return np.linalg.qr(centred).R  # R^T R is the same covariance, and R has only D rows


def _mean_within(points: np.ndarray) -> float:
    """Average the kernel over all pairs of two different rows."""
    count = len(points)
    all_pairs = count**2 * _mean_between(points, points)  # sum, with the pairs of a row and itself
    self_pairs = float(_kernel(np.square(points).sum(1), points.shape[1]).sum())
    return (all_pairs - self_pairs) / (count * (count - 1))


def _mean_between(points: np.ndarray, others: np.ndarray) -> float:
    """Average the kernel over all pairs of a row of `points` and a row of `others`."""
    total = 0.0
    for first in range(0, len(points), BLOCK):
        products = points[first : first + BLOCK] @ others.T
        total += float(_kernel(products, points.shape[1]).sum())
    return total / (len(points) * len(others))


def _kernel(products: np.ndarray, dimensions: int) -> np.ndarray:
    """Return (p / D + 1)^3 of each dot product p of two points with D dimensions."""
    return (products / dimensions + 1) ** 3
