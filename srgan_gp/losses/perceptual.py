"""Perceptual loss, and the squeeze distance: distance of two images in feature space.

The squeeze distance is a score of images: the formula of LPIPS on SqueezeNet 1.1 with all weights
1. LPIPS itself uses learned weights, so that its values are not comparable with squeeze distances.
The squeeze distance is biased in favour of generators that were trained with a perceptual loss on
the same features.
"""

import torch
from torch import Tensor

from srgan_gp.losses.features import Features


def feature_distance(features: Features, output: Tensor, target: Tensor) -> Tensor:
    """Distance of each output from its target; with SqueezeNet 1.1 it is the squeeze distance.

    It is the squared difference of the feature maps, summed over channels, averaged over positions
    and summed over layers.

    Args:
        features: feature network.
        output: (B, 3, H, W), RGB, float32; real images are in [0, 1], generated ones may exceed it.
            Sides of at least `features.least_side`.
        target: same shape.

    Returns:
        One distance per image, (B,), float32; 0 for equal images. Each layer contributes at most
        4, the largest squared distance of two vectors of length 1.

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
    distances = []  # (B,) for each layer
    for output_map, target_map in zip(features(output), features(target), strict=True):
        distances.append((output_map - target_map).square().sum(1).mean((1, 2)))
    return torch.stack(distances).sum(0)


def perceptual_loss(
    features: Features,
    output: Tensor,
    target: Tensor,
    crop: tuple[int, int],
    noise: Tensor | None = None,
) -> Tensor:
    """Mean feature distance of two batches of images, cropped at the top and at the left.

    The strided layers of the network weight some pixels more than others. With a fixed alignment
    the generator would mostly optimise these pixels, and produce a grid pattern. If the caller
    draws a new random crop in each step, all pixels have the same weight on average.

    The feature vectors have unit length, so that even faint texture in a flat area changes them
    much. Such texture is often sensor noise, which the input does not determine: the generator
    would replace it by a regular pattern. If the same noise is added to both images, texture that
    is fainter than this noise hardly affects the loss.

    Args:
        features: feature network.
        output: (B, 3, H, W), RGB, float32; after the crop as in `feature_distance`.
        target: same shape.
        crop: (rows, columns): pixels to remove at the top, and at the left.
        noise: added to both images, same shape; None: nothing.

    Returns:
        Scalar, float32.
    """
    if noise is not None:
        output, target = output + noise, target + noise
    rows, columns = crop
    window = (..., slice(rows, None), slice(columns, None))
    return feature_distance(features, output[window], target[window]).mean()
