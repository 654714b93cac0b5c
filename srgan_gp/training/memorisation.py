"""Whether a generator repeats its training pictures: how near its pictures come to them.

A picture that was learned by heart lies much nearer to a training picture than a new picture of the
same kind does. How near a new one lies is measured on real pictures that no training step saw.

Pictures are compared by their coarse layout. Features of a classification network, which serve well
to compare whole sets, see noise before they see whose face it is: copies with noise of 8 levels are
0.76 as far from the training faces as held-out ones are, by pooled features of SqueezeNet, and 0.03
by layout (1,024 faces of 64 x 64; copies at JPEG quality 30: 0.92 and 0.09; mirrored: 0.67 and 0;
moved by two pixels: 0.43 and 0.47; the mean face, which copies nobody: 1.21 and 0.76).
"""

import cv2
import numpy as np

ALARM = 0.5
"""Ratio below which a generator counts as memorising."""
SIDE = 8  # pixels of a layout
SAME = 1e-6  # distance of layouts below which two pictures are one: rounding is at 1e-13
BLOCK = 1024  # rows of a matrix of distances at a time


def describe_layouts(pictures: np.ndarray) -> np.ndarray:
    """Shrink pictures to 8 x 8 pixels, without their mean colour and contrast.

    Args:
        pictures: (N, H, W, 3), uint8 RGB, sides of at least 8.

    Returns:
        (N, 192), float64: each channel with mean 0, each picture with mean square 1, or 0 for a
        picture of one colour.
    """
    size = (SIDE, SIDE)
    small = [cv2.resize(p.astype(np.float64), size, interpolation=cv2.INTER_AREA) for p in pictures]
    centred = np.stack(small)
    centred -= centred.mean(axis=(1, 2), keepdims=True)
    contrast = np.sqrt(np.square(centred).mean(axis=(1, 2, 3), keepdims=True))
    return (centred / np.where(contrast < 1e-6, 1, contrast)).reshape(len(pictures), -1)


def memorisation_ratio(generated: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Median distance from generated to training pictures, over that from held-out ones.

    A training picture and its mirror image count as one.

    Args:
        generated: layouts of generated pictures, (N, 192), float64; see `describe_layouts`.
        train: layouts of all training pictures, (M, 192).
        held_out: layouts of real pictures that are not among them, (K, 192).

    Returns:
        About 1 for a generator that makes the pictures of the distribution anew, 0 for one that
        copies; memorising below `ALARM`.

    Raises:
        ValueError: a set is empty or has no layouts, or half of `held_out` is in `train`, so that
            nothing is held out.

    Source:
        The layouts, the alarm and its threshold are this project's own; the comparison with
        held-out pictures is that of Meehan et al. 2020, arXiv:2004.05675.
    """
    known = np.concatenate([train, _mirrored(train)])
    usual = float(np.median(nearest_distances(held_out, known)))
    if usual < SAME:
        raise ValueError("half of the held-out pictures are training pictures")
    return float(np.median(nearest_distances(generated, known))) / usual


def nearest_distances(points: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Measure how far each point is from the nearest reference.

    Args:
        points: (N, D), float64.
        references: (M, D), float64.

    Returns:
        Euclidean distances, (N,), float64; exactly 0 for a copy.

    Raises:
        ValueError: a set is empty, or the dimensions differ.
    """
    if not len(points) or not len(references) or points.shape[1] != references.shape[1]:
        raise ValueError(f"cannot compare {points.shape} with {references.shape}")
    lengths = np.square(references).sum(1)
    found = []
    for first in range(0, len(points), BLOCK):
        rows = points[first : first + BLOCK]
        # |x - y|^2 - |x|^2 names the nearest; as a distance its rounding would hide a copy.
        nearest = np.argmin(lengths - 2 * rows @ references.T, axis=1)
        found.append(np.linalg.norm(rows - references[nearest], axis=1))
    return np.concatenate(found)


def _mirrored(layouts: np.ndarray) -> np.ndarray:
    if layouts.ndim != 2 or layouts.shape[1] != SIDE * SIDE * 3:
        raise ValueError(f"these are no layouts: {layouts.shape}")
    return layouts.reshape(-1, SIDE, SIDE, 3)[:, :, ::-1].reshape(layouts.shape)
