"""Perceptual distance of two images in feature space: a score and a loss.

The squeeze distance is this project's own, unweighted form: it is not LPIPS, and its numbers are
not comparable with LPIPS. A network trained on the same features is flattered by it.
"""

import torch
from torch import Tensor

from srgan_gp.losses.features import Features


def feature_distance(features: Features, output: Tensor, target: Tensor) -> Tensor:
    """Squared feature differences, summed over channels, averaged over pixels, summed over maps.

    With SqueezeNet 1.1 this is the squeeze distance.

    Args:
        features: the network.
        output: (B, 3, H, W), RGB in [0, 1], float32; sides of at least `features.least_side`.
        target: same shape.

    Returns:
        One distance per picture, (B,), float32; 0 for equal pictures, at most 4 a map.

    Raises:
        ValueError: the shapes differ or a side is too small.

    Source:
        Zhang et al. 2018, arXiv:1801.03924, equation 1, with all weights 1.
    """
    if output.shape != target.shape or min(output.shape[-2:]) < features.least_side:
        raise ValueError(f"cannot compare {tuple(output.shape)} with {tuple(target.shape)}")
    pairs = zip(features(output), features(target), strict=True)
    return torch.stack([(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]).sum(0)


def perceptual_loss(
    features: Features, output: Tensor, target: Tensor, shift: tuple[int, int]
) -> Tensor:
    """Mean feature distance of two batches, seen through a shifted window.

    The network's strided layers look at some pixels more closely than at others. With a fixed
    alignment a generator learns to serve just those, which shows as a dotted grid; a shift drawn
    anew for each step makes all pixels count alike in the long run.

    Args:
        features: the network.
        output: (B, 3, H, W), RGB around [0, 1].
        target: same shape.
        shift: rows and columns to leave out at the top and left.

    Returns:
        A float32 scalar.
    """
    rows, columns = shift
    seen = feature_distance(features, output[..., rows:, columns:], target[..., rows:, columns:])
    return seen.mean()
