"""Whether a generator repeats its training pictures: how near its pictures come to them.

A picture that was learned by heart lies much nearer to a training picture than a new picture of the
same kind does. How near a new one lies is measured on real pictures that no training step saw.
"""

import numpy as np

ALARM = 0.5
"""Ratio below which a generator counts as memorising."""
BLOCK = 1024  # rows of a matrix of distances at a time


def nearest_distances(points: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Measure how far each point is from the nearest reference.

    Args:
        points: (N, D), float64, as `pooled_features` gives them.
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


def memorisation_ratio(generated: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Median distance from generated to training pictures, over that from held-out ones.

    Args:
        generated: features of generated pictures, (N, D), float64.
        train: features of all training pictures, (M, D).
        held_out: features of real pictures that are not among them, (K, D).

    Returns:
        About 1 for a generator that made the pictures of the distribution anew, 0 for one that
        copies; memorising below `ALARM`.

    Raises:
        ValueError: a set is empty, or half of `held_out` is in `train`, so that nothing is held
            out.

    Source:
        The alarm and its threshold are this project's own; the comparison with held-out pictures
        is that of Meehan et al. 2020, arXiv:2004.05675.
    """
    usual = float(np.median(nearest_distances(held_out, train)))
    if usual == 0:
        raise ValueError("half of the held-out pictures are training pictures")
    return float(np.median(nearest_distances(generated, train))) / usual
