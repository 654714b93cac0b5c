"""Diversity: pairwise distance within a set of images."""

import numpy as np
import torch

from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.metrics.feature_distances import image_batches

MOST = 500
"""Pictures that take part, drawn at random: the mean of 500 pairs is known to about a hundredth."""


def pairwise_distance(features: Features, pictures: np.ndarray, seed: int = 0) -> float:
    """Mean feature distance of random pairs; with SqueezeNet the mean pairwise squeeze distance.

    The pictures are put in a ring in random order and each is compared with the next: as many
    pairs as pictures, each of which takes part twice, so that none weighs more than another.

    Args:
        features: the network; its device does the work.
        pictures: (N, H, W, 3), uint8 RGB, at least two; sides of at least `features.least_side`.
        seed: of the order.

    Returns:
        0 where all pictures are equal. A generator whose pictures are all alike has much less than
        the real ones.

    Raises:
        ValueError: there are fewer than two pictures, or they are too small.
    """
    if len(pictures) < 2:
        raise ValueError(f"{len(pictures)} pictures make no pair")
    order = np.random.default_rng(seed).permutation(len(pictures))[:MOST]
    device = features.mean.device
    ring = image_batches(pictures[order], device)
    others = image_batches(pictures[np.roll(order, 1)], device)
    with torch.no_grad():
        found = [feature_distance(features, a, b) for a, b in zip(ring, others, strict=True)]
    return float(torch.cat(found).double().mean())
