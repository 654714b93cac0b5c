"""Scores of upscaled images: of each image and of the whole set."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch

from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.metrics.patch_distance import SMALLEST_SIDE, distance_of_patches, draw_patches
from srgan_gp.metrics.pattern import FlatTexture
from srgan_gp.metrics.psnr_ssim import consistency, psnr_y, ssim_y
from srgan_gp.metrics.torchmetrics_scores import TorchmetricsScores


@dataclass(frozen=True)
class ImageScores:
    """Scores of one image; None if the image is too small or a network is missing."""

    name: str
    psnr_y: float | None
    ssim_y: float | None
    squeeze_distance: float | None
    consistency: float | None

    def values(self) -> dict[str, float | None]:
        """Return the scores without the name."""
        return {key: value for key, value in vars(self).items() if key != "name"}


@dataclass(frozen=True)
class Scores:
    """Scores of a model on a set, with everything needed to reproduce them.

    Attributes:
        fidelity: share of the fidelity partner in the model's weights; None: the model unchanged.
        border: pixels ignored on each side by PSNR and SSIM.
        feature_network: sha256 of the network of the squeeze distance; None: not computed.
        patch_distance: from the outputs to the originals, as sets; None: every image is too small.
        texture: texture of the outputs in flat areas; None: there is no flat window.
        original_texture: texture of the originals in the same windows.
        pictures: scores of each image.
        torchmetrics: scores of another project, not comparable with the others; None: not wanted.
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

    def mean(self) -> dict[str, float]:
        """Average each score over the images that have it."""
        scored = [(k, v) for p in self.pictures for k, v in p.values().items() if v is not None]
        names = [field.name for field in fields(ImageScores) if field.name in dict(scored)]
        return {name: float(np.mean([v for k, v in scored if k == name])) for name in names}

    def of_set(self) -> dict[str, float]:
        """Return the scores of the whole set: patch distance; pattern and grain in levels rms.

        Scores that could not be measured are missing.
        """
        found = {} if self.patch_distance is None else {"patch_distance": self.patch_distance}
        return found | (self.texture.values() if self.texture else {})

    def as_dict(self) -> dict[str, Any]:
        """Return everything, with the means, as JSON types; an infinite PSNR becomes None."""
        pictures = [_finite(asdict(picture)) for picture in self.pictures]
        return asdict(self) | {"pictures": pictures, "mean": _finite(self.mean())}


class PatchPairs:
    """Patches of outputs and originals, drawn image by image, so that no image is kept."""

    def __init__(self) -> None:
        self._outputs: list[np.ndarray] = []
        self._originals: list[np.ndarray] = []

    def add(self, output: np.ndarray, original: np.ndarray) -> None:
        """Draw patches of two images (H, W, 3), uint8; images smaller than a patch are skipped."""
        if min(original.shape[:2]) >= SMALLEST_SIDE:
            self._outputs.append(draw_patches(output))
            self._originals.append(draw_patches(original))

    def distance(self) -> float | None:
        """Return the patch distance of the two sets; None if nothing was drawn."""
        return distance_of_patches(self._outputs, self._originals) if self._originals else None


def score_image(
    name: str,
    output: np.ndarray,
    high_res: np.ndarray,
    low_res: np.ndarray,
    features: Features | None,
) -> ImageScores:
    """Score one output.

    Args:
        name: name of the image.
        output: (H, W, 3), uint8 RGB.
        high_res: the original, same shape.
        low_res: the input of the upscaler, (H / scale, W / scale, 3), uint8 RGB.
        features: network of the squeeze distance; None: skip it.
    """
    side, scale = min(high_res.shape[:2]), high_res.shape[0] // low_res.shape[0]
    inside = side - 2 * scale
    distance = None
    if features and side >= features.least_side:
        distance = squeeze_distance(features, output, high_res)
    return ImageScores(
        name=name,
        psnr_y=psnr_y(output, high_res, scale) if inside >= 1 else None,
        ssim_y=ssim_y(output, high_res, scale) if inside >= 11 else None,  # side of its window
        squeeze_distance=distance,
        consistency=consistency(output, low_res) if min(low_res.shape[:2]) >= 3 else None,
    )


def squeeze_distance(features: Features, output: np.ndarray, target: np.ndarray) -> float:
    """Measure the feature distance of two images (H, W, 3), uint8 RGB, on the network's device.

    Raises:
        ValueError: the shapes differ or a side is too small.
    """
    images = [
        torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32) / 255)[None]
        for pixels in (output, target)
    ]
    with torch.no_grad():
        return feature_distance(
            features, *(image.to(features.mean.device) for image in images)
        ).item()


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Replace infinity, which JSON does not support, by None."""
    return {k: None if v == math.inf else v for k, v in values.items()}
