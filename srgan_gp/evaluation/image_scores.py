"""Scores of upscaled images, of each image and of the whole set, for `evaluation.evaluate`.

The squeeze distance is the formula of LPIPS on SqueezeNet 1.1, without learned weights; see
`losses.perceptual`.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch

from srgan_gp.evaluation.readable_images import SkippedImage
from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.metrics.patch_distance import MIN_IMAGE_SIDE, distance_of_patches, draw_patches
from srgan_gp.metrics.pattern import FlatTexture
from srgan_gp.metrics.psnr_ssim import consistency, psnr_y, ssim_y
from srgan_gp.metrics.torchmetrics_scores import TorchmetricsScores


@dataclass(frozen=True)
class ImageScores:
    """Scores of one image; None: the image is too small, or a network is missing.

    Attributes:
        name: name of the image.
        psnr_y: PSNR of the luma in dB.
        ssim_y: SSIM of the luma, at most 1.
        squeeze_distance: distance to the original on SqueezeNet features; 0 for equal images.
        consistency: PSNR of the luma in dB between the output, downscaled again, and the input.
    """

    name: str
    psnr_y: float | None
    ssim_y: float | None
    squeeze_distance: float | None
    consistency: float | None

    def by_name(self) -> dict[str, float | None]:
        """Return the scores by the names of their attributes, without the attribute `name`."""
        return {key: value for key, value in vars(self).items() if key != "name"}


@dataclass(frozen=True)
class Scores:
    """Scores of a model on a set, with everything needed to reproduce them.

    Attributes:
        model: name or path of the model, or "bicubic".
        model_sha256: sha256 of the model file, in hexadecimal; None for bicubic upscaling.
        fidelity: the weights of the model were mixed with those of its partner, a model of higher
            PSNR; this is the partner's share, in [0, 1]. None: the model was not changed.
        data: place of the images.
        scale: enlargement.
        low_res: name of the downscaler that made the inputs, a key of
            `benchmark_downscalers.LOW_RES`.
        border: pixels ignored on each side by PSNR and SSIM.
        feature_network: sha256 of the network of the squeeze distance; None: not computed.
        patch_distance: `metrics.patch_distance` of the outputs and the originals; None: every image
            is too small.
        texture: texture of the outputs in windows that are flat in the originals: `grain`, all of
            it, and `pattern`, its regular part; None: there is no flat window.
        original_texture: texture of the originals in the same windows.
        pictures: scores of each image; JSON files have the same name as a key.
        torchmetrics: scores of the package torchmetrics, not comparable with the others; None: they
            were not asked for.
        skipped: images that could not be read, which no score includes.
    """

    model: str
    model_sha256: str | None
    fidelity: float | None
    data: str
    scale: int
    low_res: str
    border: int
    feature_network: str | None
    patch_distance: float | None
    texture: FlatTexture | None
    original_texture: FlatTexture | None
    pictures: tuple[ImageScores, ...]
    torchmetrics: TorchmetricsScores | None = None
    skipped: tuple[SkippedImage, ...] = ()

    def mean(self) -> dict[str, float]:
        """Average each score over the images that have it."""
        means: dict[str, float] = {}
        for name in (field.name for field in fields(ImageScores) if field.name != "name"):
            values = [getattr(scores, name) for scores in self.pictures]
            measured = [value for value in values if value is not None]
            if measured:
                means[name] = float(np.mean(measured))
        return means

    def of_set(self) -> dict[str, float]:
        """Return the scores of the whole set by name: `patch_distance`, `pattern` and `grain`.

        Pattern and grain are those of `texture`: root mean squares in levels of the luma. Scores
        that could not be measured are missing.
        """
        scores: dict[str, float] = {}
        if self.patch_distance is not None:
            scores["patch_distance"] = self.patch_distance
        if self.texture is not None:
            scores |= self.texture.by_name()
        return scores

    def as_dict(self) -> dict[str, Any]:
        """Return all attributes as JSON types, with `mean`, and the number of images as `scored`.

        An infinite PSNR becomes None.
        """
        pictures = [_replace_infinity(asdict(picture)) for picture in self.pictures]
        mean, scored = _replace_infinity(self.mean()), len(self.pictures)
        return asdict(self) | {"pictures": pictures, "mean": mean, "scored": scored}


class PatchPairs:
    """Computes the patch distance of two sets image by image, so that no image stays in memory."""

    def __init__(self) -> None:
        self._outputs: list[np.ndarray] = []
        self._originals: list[np.ndarray] = []

    def add(self, output: np.ndarray, original: np.ndarray) -> None:
        """Draw patches of two images, (H, W, 3), uint8 RGB; too small ones are skipped."""
        if min(original.shape[:2]) >= MIN_IMAGE_SIDE:
            self._outputs.append(draw_patches(output))
            self._originals.append(draw_patches(original))

    def distance(self) -> float | None:
        """Return the patch distance of the images added; None if all were skipped."""
        if not self._originals:
            return None
        return distance_of_patches(self._outputs, self._originals)


def score_image(
    name: str,
    output: np.ndarray,
    high_res: np.ndarray,
    low_res: np.ndarray,
    features: Features | None,
) -> ImageScores:
    """Score one output; a score for which the image is too small is None.

    Args:
        name: name of the image.
        output: (H, W, 3), uint8 RGB.
        high_res: the original, same shape.
        low_res: the input of the upscaler, (H / scale, W / scale, 3), uint8 RGB.
        features: network of the squeeze distance; None: skip it.
    """
    side, scale = min(high_res.shape[:2]), high_res.shape[0] // low_res.shape[0]
    inner_side = side - 2 * scale  # without the border that PSNR and SSIM ignore
    distance = None
    if features and side >= features.least_side:
        distance = squeeze_distance(features, output, high_res)
    return ImageScores(
        name=name,
        # Sides must leave a pixel to PSNR, a window of 11 pixels to SSIM, and a pixel to the
        # consistency, which ignores one on each side.
        psnr_y=psnr_y(output, high_res, border=scale) if inner_side >= 1 else None,
        ssim_y=ssim_y(output, high_res, border=scale) if inner_side >= 11 else None,
        squeeze_distance=distance,
        consistency=consistency(output, low_res) if min(low_res.shape[:2]) >= 3 else None,
    )


def squeeze_distance(features: Features, output: np.ndarray, target: np.ndarray) -> float:
    """Measure the feature distance of two images (H, W, 3), uint8 RGB, on the network's device.

    Raises:
        ValueError: the shapes differ or a side is too small.
    """
    device = features.mean.device  # that of the network: `mean` is one of its buffers
    images = []
    for pixels in (output, target):
        values = pixels.transpose(2, 0, 1).astype(np.float32) / 255
        images.append(torch.from_numpy(values)[None].to(device))  # (1, 3, H, W)
    with torch.no_grad():
        return feature_distance(features, images[0], images[1]).item()


def _replace_infinity(values: dict[str, Any]) -> dict[str, Any]:
    """Replace infinity, which JSON does not support, by None."""
    return {name: None if value == math.inf else value for name, value in values.items()}
