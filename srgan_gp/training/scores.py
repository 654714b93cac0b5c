"""The scores of a model on a set of pictures: what is measured of each, and of all together."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch

from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.training.distribution import SMALLEST_SIDE, distance_of_patches, draw_patches
from srgan_gp.training.metrics import consistency, psnr_y, ssim_y
from srgan_gp.training.pattern import FlatTexture


@dataclass(frozen=True)
class PictureScores:
    """Scores of one picture; None where a picture is too small or a network is missing."""

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
    """Scores of a model on a set, with all that is needed to make them again.

    Attributes:
        fidelity: share of the fidelity partner in the model's weights; None: the model as it is.
        border: pixels left out on each side for PSNR and SSIM.
        feature_network: sha256 of the network behind the squeeze distance; None: not computed.
        patch_distance: of the outputs to the originals, as sets; None: every picture is too small.
        texture: of the outputs in flat areas; None: there is no flat window.
        original_texture: of the originals in the same windows.
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
    pictures: tuple[PictureScores, ...]

    def mean(self) -> dict[str, float]:
        """Average each score over the pictures that have it."""
        scored = [(k, v) for p in self.pictures for k, v in p.values().items() if v is not None]
        names = [field.name for field in fields(PictureScores) if field.name in dict(scored)]
        return {name: float(np.mean([v for k, v in scored if k == name])) for name in names}

    def of_set(self) -> dict[str, float]:
        """Return the scores that only the whole set has; one that could not be measured is missing.

        Patch distance; pattern and grain in levels rms.
        """
        found = {} if self.patch_distance is None else {"patch_distance": self.patch_distance}
        return found | (self.texture.values() if self.texture else {})

    def as_dict(self) -> dict[str, Any]:
        """Return everything, with the means, as JSON types; an infinite PSNR becomes None."""
        pictures = [_finite(asdict(picture)) for picture in self.pictures]
        return asdict(self) | {"pictures": pictures, "mean": _finite(self.mean())}


class PatchPairs:
    """Patches of outputs and originals, drawn picture by picture, so that no picture is kept."""

    def __init__(self) -> None:
        self._outputs: list[np.ndarray] = []
        self._originals: list[np.ndarray] = []

    def add(self, output: np.ndarray, original: np.ndarray) -> None:
        """Draw from two pictures (H, W, 3), uint8; passed over where too small for a patch."""
        if min(original.shape[:2]) >= SMALLEST_SIDE:
            self._outputs.append(draw_patches(output))
            self._originals.append(draw_patches(original))

    def distance(self) -> float | None:
        """Return the patch distance of the two sets; None when nothing was drawn."""
        return distance_of_patches(self._outputs, self._originals) if self._originals else None


def score_picture(
    name: str,
    output: np.ndarray,
    high_res: np.ndarray,
    low_res: np.ndarray,
    features: Features | None,
) -> PictureScores:
    """Measure one output.

    Args:
        name: of the picture.
        output: (H, W, 3), uint8 RGB.
        high_res: the original, same shape.
        low_res: what `output` was made from, (H / scale, W / scale, 3), uint8 RGB.
        features: network of the squeeze distance; None: leave it out.
    """
    side, scale = min(high_res.shape[:2]), high_res.shape[0] // low_res.shape[0]
    inside = side - 2 * scale
    distance = None
    if features and side >= features.least_side:
        distance = squeeze_distance(features, output, high_res)
    return PictureScores(
        name=name,
        psnr_y=psnr_y(output, high_res, scale) if inside >= 1 else None,
        ssim_y=ssim_y(output, high_res, scale) if inside >= 11 else None,
        squeeze_distance=distance,
        consistency=consistency(output, low_res) if min(low_res.shape[:2]) >= 3 else None,
    )


def squeeze_distance(features: Features, output: np.ndarray, target: np.ndarray) -> float:
    """Measure the feature distance of two pictures (H, W, 3), uint8 RGB, on the network's device.

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
    """Put None for infinity, which JSON has no word for."""
    return {k: None if v == math.inf else v for k, v in values.items()}
