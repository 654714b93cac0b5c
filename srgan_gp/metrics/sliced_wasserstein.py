"""Sliced Wasserstein distance (SWD) of two sets of images at each level of a Laplacian pyramid.

SWD is a score of generated faces. The module `patch_distance` has a simpler distance, of the finest
detail only, for upscaled images; this module uses its functions on patches.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from srgan_gp.metrics.patch_distance import cut_patches, distance_of_patches

COARSEST_SIDE = 16  # pixels: smallest side of a level, as in Karras et al. 2018
PATCHES = 64  # per image and level; the 128 of Karras et al. 2018 take twice the memory and time


def pyramid_distance(outputs: np.ndarray, originals: np.ndarray, seed: int = 0) -> dict[int, float]:
    """Sliced Wasserstein distance of 7x7 patches at each level of a Laplacian pyramid.

    It differs from the source in three points: both sets are normalised by the mean and standard
    deviation of each channel of the originals; patches are drawn at the same positions in every
    image (see `metrics.patch_distance`); there are half as many patches.

    Args:
        outputs: images (N, S, S, 3), uint8 RGB, S at least 16.
        originals: the same number of images of the same size.
        seed: seed of positions and directions.

    Returns:
        Distances by the side of the level in pixels, finest first: S, S / 2, ... down to at least
        16. They are in thousandths of the standard deviation of the originals at that level; 0 for
        equal sets.

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
    output_patches = _patches_by_side(outputs, seed)
    original_patches = _patches_by_side(originals, seed)
    return {
        side: distance_of_patches(output_patches[side], original_patches[side], seed)
        for side in output_patches
    }


def laplacian_pyramid(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Split an image into levels of detail; the last level is the remaining coarse image.

    Args:
        pixels: (H, W, 3), uint8 RGB.

    Yields:
        Levels, (h, w, 3), float32, each with half the sides of the previous one. The last one has
        values in [0, 255]; the others are differences around 0.
    """
    values = pixels.astype(np.float32)
    while min(values.shape[:2]) >= 2 * COARSEST_SIDE:
        coarse = cv2.pyrDown(values)
        yield values - cv2.pyrUp(coarse, dstsize=values.shape[1::-1])  # (width, height)
        values = coarse
    yield values


def _patches_by_side(images: np.ndarray, seed: int) -> dict[int, list[np.ndarray]]:
    """Cut patches, (64, 7, 7, 3), out of each level of each image; by the side of the level."""
    patches: dict[int, list[np.ndarray]] = {}
    for pixels in images:
        for level in laplacian_pyramid(pixels):
            side = min(level.shape[:2])
            patches.setdefault(side, []).append(cut_patches(level, PATCHES, seed))
    return patches
