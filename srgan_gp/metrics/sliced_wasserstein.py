"""Sliced Wasserstein distance over a Laplacian pyramid.

The module `patch_distance` has a simpler distance, of the finest detail only.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from srgan_gp.metrics.patch_distance import cut_patches, distance_of_patches

COARSEST_SIDE = 16  # pixels: smallest side of a level
PATCHES = 64  # per image and level; the source has 128


def pyramid_distance(outputs: np.ndarray, originals: np.ndarray, seed: int = 0) -> dict[int, float]:
    """Sliced Wasserstein distance of 7x7 patches at each level of a Laplacian pyramid.

    Differences from the source: both sets are normalised by the mean and standard deviation of each
    channel of the originals; patches are drawn at the same positions in every image (see
    `metrics.patch_distance`); there are `PATCHES` of them per image and level, half as many.

    Args:
        outputs: images (N, S, S, 3), uint8 RGB, S at least 16.
        originals: the same number of images of the same size.
        seed: seed of positions and directions.

    Returns:
        By the side of the level in pixels, finest first: S, S / 2, ... down to at least 16. 0 for
        equal sets, in thousandths of the standard deviation of the originals at that level.

    Raises:
        ValueError: the sets differ in shape or are empty, or the images are too small.

    Source:
        Karras et al. 2018, arXiv:1710.10196, section 5; Burt & Adelson 1983, "The Laplacian pyramid
        as a compact image code".
    """
    if outputs.shape != originals.shape or not len(outputs):
        raise ValueError(f"cannot compare {outputs.shape} with {originals.shape}")
    if min(outputs.shape[1:3]) < COARSEST_SIDE:
        raise ValueError(f"a pyramid needs sides of at least {COARSEST_SIDE}, not {outputs.shape}")
    patches = [_patches_by_level(images, seed) for images in (outputs, originals)]
    return {
        side: distance_of_patches(patches[0][side], patches[1][side], seed) for side in patches[0]
    }


def laplacian_pyramid(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Split an image into levels of detail; the last level is the remaining coarse image.

    Args:
        pixels: (H, W, 3), uint8 RGB.

    Yields:
        (h, w, 3), float32 levels, each with half the sides of the previous one; all but the last
        have values around 0.
    """
    values = pixels.astype(np.float32)
    while min(values.shape[:2]) >= 2 * COARSEST_SIDE:
        coarse = cv2.pyrDown(values)
        yield values - cv2.pyrUp(coarse, dstsize=values.shape[1::-1])
        values = coarse
    yield values


def _patches_by_level(images: np.ndarray, seed: int) -> dict[int, list[np.ndarray]]:
    patches: dict[int, list[np.ndarray]] = {}
    for pixels in images:
        for level in laplacian_pyramid(pixels):
            cut = cut_patches(level, PATCHES, seed)
            patches.setdefault(min(level.shape[:2]), []).append(cut)
    return patches
