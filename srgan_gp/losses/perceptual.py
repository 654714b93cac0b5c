"""Perceptual loss, and the squeeze distance: distance of two images in feature space.

The squeeze distance is the formula of LPIPS on SqueezeNet 1.1 with all weights 1. LPIPS uses
learned weights, so the values of the two are not comparable. The squeeze distance is biased in
favour of networks trained on the same features.
"""

import torch
from torch import Tensor

from srgan_gp.losses.features import Features


def feature_distance(features: Features, output: Tensor, target: Tensor) -> Tensor:
    """Squared feature differences, summed over channels, averaged over pixels, summed over maps.

    With SqueezeNet 1.1 this is the squeeze distance.

    Args:
        features: feature network.
        output: (B, 3, H, W), RGB, float32; real images are in [0, 1], generated ones may exceed it.
            Sides of at least `features.least_side`.
        target: same shape.

    Returns:
        One distance per image, (B,), float32; 0 for equal images, at most 4 per map.

    Raises:
        ValueError: the shapes differ, or a side is too small.

    Source:
        Zhang et al. 2018, arXiv:1801.03924, equation 1, with all weights 1.
    """
    if output.shape != target.shape:
        raise ValueError(f"cannot compare {tuple(output.shape)} with {tuple(target.shape)}")
    if min(output.shape[-2:]) < features.least_side:
        raise ValueError(
            f"need sides of at least {features.least_side} pixels, got {tuple(output.shape)}"
        )
    pairs = zip(features(output), features(target), strict=True)
    return torch.stack([(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]).sum(0)


def perceptual_loss(
    features: Features, output: Tensor, target: Tensor, crop: tuple[int, int]
) -> Tensor:
    """Mean feature distance of two batches of images, cropped at the top and at the left.

    The strided layers of the network weight some pixels more than others. With a fixed alignment
    the generator would optimise those pixels only and produce a grid pattern. With a new random
    crop in each step all pixels have the same weight on average.

    Args:
        features: feature network.
        output: (B, 3, H, W), RGB, float32; as for `feature_distance`, after the crop.
        target: same shape.
        crop: number of rows to remove at the top, and of columns to remove at the left.

    Returns:
        Scalar, float32.
    """
    rows, columns = crop
    window = (..., slice(rows, None), slice(columns, None))
    return feature_distance(features, output[window], target[window]).mean()
