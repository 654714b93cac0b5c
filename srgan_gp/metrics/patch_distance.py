"""Patch distance: sliced Wasserstein distance of the fine detail of two sets of images.

It compares the distribution of fine detail in the outputs with that in real images, and not the
detail at a position. It needs no network and is not used as a loss, so that it is independent of
the features that models are trained on. Noise of a suitable strength lowers it as texture does:
read it together with PSNR and `metrics.pattern`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

PATCH = 7  # pixels: side of a patch
PATCHES = 256  # per image
DIRECTIONS = 512
BLOCK = 16  # directions at a time: all projections of a large set would exceed its images in size
SMALLEST_SIDE = PATCH + 4  # pixels: the high-pass filter removes two on each side

_BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def patch_distance(
    outputs: Sequence[np.ndarray], originals: Sequence[np.ndarray], seed: int = 0
) -> float:
    """Sliced Wasserstein distance of 7x7 high-pass patches, in thousandths.

    As level 0 of the Laplacian pyramid in the source, with three differences. The residual is image
    minus blur without subsampling, so that a pattern of period 2 has the same effect at every
    phase. Both sets are normalised by the standard deviations of the originals: normalised by its
    own, a blurred set would regain the contrast that it lacks. Patches are drawn at the same
    positions in every image of one size, which reduces sampling noise. Outputs are not compared
    with their own originals.

    Args:
        outputs: images (H, W, 3), uint8 RGB, both sides at least `SMALLEST_SIDE`.
        originals: the same number of images; the order of either set does not matter.
        seed: seed of positions and directions; two seeds differ by 1 % (measured on B100).

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
    """Cut `PATCHES` patches out of one high-pass filtered image.

    The positions depend on the seed and the size of the image only.

    Args:
        pixels: (H, W, 3), uint8 RGB.
        seed: seed of the positions.

    Returns:
        (PATCHES, 7, 7, 3), float32, levels around 0.

    Raises:
        ValueError: a side is below `SMALLEST_SIDE`.
    """
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(f"patches need sides of at least {SMALLEST_SIDE}, not {pixels.shape}")
    return cut_patches(high_pass(pixels), PATCHES, seed)


def cut_patches(values: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Cut 7x7 windows out of (H, W, 3), both sides at least 7: (count, 7, 7, 3), float32.

    The positions depend on the seed, the count and the size only.
    """
    height, width = (side - PATCH + 1 for side in values.shape[:2])
    positions = np.random.default_rng(seed).integers(0, (height, width), (count, 2))
    windows = sliding_window_view(values, (PATCH, PATCH), axis=(0, 1))  # (h, w, 3, 7, 7)
    patches = windows[positions[:, 0], positions[:, 1]]
    return patches.transpose(0, 2, 3, 1).astype(np.float32)


def high_pass(pixels: np.ndarray) -> np.ndarray:
    """Subtract the 5x5 binomial blur; valid region: (H - 4, W - 4, 3), float64 levels.

    Source:
        Burt & Adelson 1983, "The Laplacian pyramid as a compact image code", with a = 0.375.
    """
    values = pixels.astype(np.float64)
    return values[2:-2, 2:-2] - _blur(_blur(values).transpose(1, 0, 2)).transpose(1, 0, 2)


def _blur(values: np.ndarray) -> np.ndarray:
    """Blur along the first axis, which becomes four shorter."""
    length = len(values) - 4
    return np.sum([weight * values[i : i + length] for i, weight in enumerate(_BINOMIAL)], axis=0)


def distance_of_patches(
    outputs: Sequence[np.ndarray], originals: Sequence[np.ndarray], seed: int = 0
) -> float:
    """Compute `patch_distance` from the results of `draw_patches`, one array per image.

    Raises:
        ValueError: the sets differ in size or are empty.
    """
    if len(outputs) != len(originals) or not outputs:
        raise ValueError(f"cannot compare {len(outputs)} images with {len(originals)}")
    points, targets = np.concatenate(outputs), np.concatenate(originals)  # (N, 7, 7, 3)
    mean = targets.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    deviation = targets.std(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    deviation[deviation == 0] = 1  # originals of one colour
    scaled = [((p - mean) / deviation).reshape(len(p), -1) for p in (points, targets)]
    return 1000 * sliced_wasserstein(*scaled, seed=seed)


def sliced_wasserstein(points: np.ndarray, others: np.ndarray, seed: int = 0) -> float:
    """Mean over random unit directions of the 1-D Wasserstein-1 distance of the projections.

    Args:
        points: (N, D), float32 or float64, which is the dtype of the projections.
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
        one, other = (np.sort(values @ block.T, axis=0) for values in (points, others))
        distances.append(np.abs(one - other).mean(dtype=np.float64))
    return float(np.mean(distances))
