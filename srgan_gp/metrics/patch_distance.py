"""Patch distance: sliced Wasserstein distance of the fine detail of two sets of images.

The distance compares the distribution of fine detail in the outputs with that in real images; it
does not compare the detail at one position. It needs no network and is not used as a loss, so that
it is independent of the features that models are trained on. Noise of a suitable strength lowers it
as texture does: read it together with PSNR and `metrics.pattern`. The module `sliced_wasserstein`
applies the functions below to all levels of a pyramid.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

PATCH = 7  # pixels: side of a patch
PATCHES = 256  # per image; more take more time and memory, fewer make the distance noisier
DIRECTIONS = 512  # random projections, as in Karras et al. 2018
BLOCK = 16  # directions at a time, a divisor of DIRECTIONS; all at once would need more memory
MIN_IMAGE_SIDE = PATCH + 4  # pixels: the high-pass filter removes two on each side of an image

_BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16  # weights of the blur that the filter subtracts


def patch_distance(
    outputs: Sequence[np.ndarray], originals: Sequence[np.ndarray], seed: int = 0
) -> float:
    """Sliced Wasserstein distance of 7x7 high-pass patches, in thousandths.

    The source computes it on each level of a Laplacian pyramid. This function computes it on the
    finest level, with three differences:

    - The detail is the image minus its blur without subsampling, so that a pattern of period 2 has
      the same effect at every phase.
    - Both sets are normalised by the standard deviations of the originals. Normalised by its own
      deviations, a blurred set would regain the contrast that it lacks.
    - Patches are drawn at the same positions in every image of one size, which reduces sampling
      noise.

    The sets are compared as wholes: an output is not compared with its own original.

    Args:
        outputs: images (H, W, 3), uint8 RGB, both sides at least `MIN_IMAGE_SIDE`.
        originals: the same number of images; the order of either set does not matter.
        seed: seed of positions and directions; the results of two seeds differ by 1 % (measured on
            B100, the 100 test photos of the Berkeley segmentation set).

    Returns:
        0 for equal sets, in thousandths of the originals' high-pass standard deviation.

    Raises:
        ValueError: the sets differ in size or are empty, or a side is too short.

    Source:
        Karras et al. 2018, arXiv:1710.10196, section 5: 7x7 patches with three channels, 512
        directions, normalised per channel; Rabin et al. 2011, "Wasserstein barycenter and its
        application to texture mixing".
    """
    return distance_of_patches(
        [draw_patches(pixels, seed) for pixels in outputs],
        [draw_patches(pixels, seed) for pixels in originals],
        seed,
    )


def draw_patches(pixels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Filter an image with `high_pass`, and cut `PATCHES` patches out of the result.

    The positions depend on the seed and the size of the image only.

    Args:
        pixels: (H, W, 3), uint8 RGB.
        seed: seed of the positions.

    Returns:
        (PATCHES, 7, 7, 3), float32, differences of levels around 0.

    Raises:
        ValueError: a side is below `MIN_IMAGE_SIDE`.
    """
    if min(pixels.shape[:2]) < MIN_IMAGE_SIDE:
        raise ValueError(f"patches need sides of at least {MIN_IMAGE_SIDE}, not {pixels.shape}")
    return cut_patches(high_pass(pixels), PATCHES, seed)


def cut_patches(values: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Cut 7x7 windows out of (H, W, 3), both sides at least 7: (count, 7, 7, 3), float32.

    The positions may repeat, and depend on the seed, the count and the size only.
    """
    windows = sliding_window_view(values, (PATCH, PATCH), axis=(0, 1))  # (h, w, 3, 7, 7)
    # Rows and columns of the upper left corners.
    positions = np.random.default_rng(seed).integers(0, windows.shape[:2], (count, 2))
    patches = windows[positions[:, 0], positions[:, 1]]
    return patches.transpose(0, 2, 3, 1).astype(np.float32)


def high_pass(pixels: np.ndarray) -> np.ndarray:
    """Subtract the 5x5 binomial blur from (H, W, 3), in levels.

    Returns:
        The valid region, (H - 4, W - 4, 3), float64, differences of levels around 0.

    Source:
        Burt & Adelson 1983, "The Laplacian pyramid as a compact image code", with a = 0.375, which
        gives the weights `_BINOMIAL`.
    """
    values = pixels.astype(np.float64)
    blurred = _blur_first_axis(values)
    blurred = _blur_first_axis(blurred.transpose(1, 0, 2)).transpose(1, 0, 2)
    return values[2:-2, 2:-2] - blurred


def _blur_first_axis(values: np.ndarray) -> np.ndarray:
    """Convolve with `_BINOMIAL` along the first axis, which becomes four shorter."""
    length = len(values) - 4
    shifted = [weight * values[i : i + length] for i, weight in enumerate(_BINOMIAL)]
    return np.sum(shifted, axis=0)


def distance_of_patches(
    outputs: Sequence[np.ndarray], originals: Sequence[np.ndarray], seed: int = 0
) -> float:
    """Compute the sliced Wasserstein distance of patches from `draw_patches` or `cut_patches`.

    Args:
        outputs: patches of each output, (P, 7, 7, 3), float32, with P patches per image.
        originals: the same for each original; the same number of images.
        seed: seed of the directions.

    Returns:
        As for `patch_distance`.

    Raises:
        ValueError: the sets differ in size or are empty.
    """
    if len(outputs) != len(originals) or not outputs:
        raise ValueError(f"cannot compare {len(outputs)} images with {len(originals)}")
    points, targets = np.concatenate(outputs), np.concatenate(originals)  # (N, 7, 7, 3)
    mean = targets.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    deviation = targets.std(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    deviation[deviation == 0] = 1  # originals of one colour
    points = ((points - mean) / deviation).reshape(len(points), -1)  # (N, 147)
    targets = ((targets - mean) / deviation).reshape(len(targets), -1)
    return 1000 * mean_projected_distance(points, targets, seed)


def mean_projected_distance(points: np.ndarray, others: np.ndarray, seed: int = 0) -> float:
    """Sliced Wasserstein distance of two sets of points.

    It is the mean, over random unit directions, of the 1-D Wasserstein-1 distance of the
    projections of the sets onto a direction.

    Args:
        points: (N, D), float32 or float64; the projections are computed in this dtype.
        others: same shape; the order of the rows does not matter.
        seed: seed of the directions.

    Raises:
        ValueError: the shapes differ.

    Source:
        Rabin et al. 2011, section 2.3. In one dimension the optimal transport pairs sorted values.
    """
    if points.shape != others.shape:
        raise ValueError(f"cannot compare {points.shape} with {others.shape}")
    directions = np.random.default_rng(seed).standard_normal((DIRECTIONS, points.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distances = []
    for block in np.split(directions.astype(points.dtype), DIRECTIONS // BLOCK):
        projections = np.sort(points @ block.T, axis=0)  # (N, BLOCK), each column sorted
        other_projections = np.sort(others @ block.T, axis=0)
        distances.append(np.abs(projections - other_projections).mean(dtype=np.float64))
    return float(np.mean(distances))
