"""Diversity: mean pairwise distance within a set of images."""

import numpy as np
import torch

from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.metrics.feature_distances import image_batches

MAX_IMAGES = 500
"""Largest number of images used, drawn at random. The standard error of the mean of 500 pairs is
about 1 %."""


def pairwise_distance(features: Features, images: np.ndarray, seed: int = 0) -> float:
    """Mean feature distance of random pairs; with SqueezeNet the mean pairwise squeeze distance.

    The images form a ring in random order, and each is compared with the next. This gives as many
    pairs as images, and every image is in two pairs.

    Args:
        features: feature network; computes on its device.
        images: (N, H, W, 3), uint8 RGB, at least two; sides of at least `features.least_side`.
        seed: seed of the order.

    Returns:
        0 if all images are equal; much less than that of real images if the generator lacks
        diversity.

    Raises:
        ValueError: there are fewer than two images, or they are too small.
    """
    if len(images) < 2:
        raise ValueError(f"need at least 2 images, got {len(images)}")
    order = np.random.default_rng(seed).permutation(len(images))[:MAX_IMAGES]
    device = features.mean.device
    ring = image_batches(images[order], device)
    others = image_batches(images[np.roll(order, 1)], device)
    with torch.no_grad():
        distances = [feature_distance(features, a, b) for a, b in zip(ring, others, strict=True)]
    return float(torch.cat(distances).double().mean())
