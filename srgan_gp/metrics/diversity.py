"""Diversity: mean distance, in feature space, of pairs of images of one set.

A generator whose images are alike (mode collapse) has a low diversity. The log value
`health/diversity` of a training is another number, of the pixels of a batch:
`training.critic.diagnostics.diversity`.
"""

import numpy as np
import torch

from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.metrics.feature_distances import image_batches

MAX_IMAGES = 500
"""Largest number of images used, drawn at random. The standard error of the mean of 500 pairs is
about 1 %; half of that would need four times as many images, and the time for them."""


def pairwise_distance(features: Features, images: np.ndarray, seed: int = 0) -> float:
    """Mean of `losses.perceptual.feature_distance` over random pairs of images.

    The images form a ring in random order, and each is compared with its predecessor. This gives
    as many pairs as images, and every image is in two pairs.

    Args:
        features: feature network; the distances are computed on its device.
        images: (N, H, W, 3), uint8 RGB, at least two; sides of at least `features.least_side`.
        seed: seed of the order.

    Returns:
        From 0, if all images are equal, to 4 for each layer that `features` returns: the largest
        squared distance of two vectors of length 1. Usual values depend on the images: compare
        the value with that of real images.

    Raises:
        ValueError: there are fewer than two images, or they are too small.
    """
    if len(images) < 2:
        raise ValueError(f"need at least 2 images, got {len(images)}")
    ring = np.random.default_rng(seed).permutation(len(images))[:MAX_IMAGES]  # indices
    device = features.mean.device  # that of the network: `mean` is one of its buffers
    batches = image_batches(images[ring], device)
    predecessors = image_batches(images[np.roll(ring, 1)], device)
    distances = []
    with torch.no_grad():
        for batch, preceding in zip(batches, predecessors, strict=True):
            distances.append(feature_distance(features, batch, preceding))  # (B,)
    return float(torch.cat(distances).double().mean())
