"""A model against a set of pictures: the scores of a card."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srgan_gp.data.datasets import require_sides
from srgan_gp.data.sources import list_pictures
from srgan_gp.errors import UsageError
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.training.low_res import LOW_RES, bicubic
from srgan_gp.training.metrics import grid, psnr_y, ssim_y

BASELINE = "bicubic"  # this name in place of a model scores bicubic enlargement

Enlarge = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PictureScores:
    """Scores of one picture; None where a picture is too small or a network is missing."""

    name: str
    psnr_y: float | None
    ssim_y: float | None
    squeeze_distance: float | None
    grid: float | None


@dataclass(frozen=True)
class Scores:
    """Scores of a model on a set, with all that is needed to make them again.

    Attributes:
        border: pixels left out on each side for PSNR and SSIM.
        feature_network: sha256 of the network behind the squeeze distance; None: not computed.
    """

    model: str
    model_sha256: str | None
    data: str
    scale: int
    low_res: str
    border: int
    feature_network: str | None
    pictures: tuple[PictureScores, ...]

    def mean(self) -> dict[str, float]:
        """Average each score over the pictures that have it."""
        means = {}
        for name in ("psnr_y", "ssim_y", "squeeze_distance", "grid"):
            values = [value for p in self.pictures if (value := getattr(p, name)) is not None]
            if values:
                means[name] = float(np.mean(values))
        return means

    def as_dict(self) -> dict[str, Any]:
        """Return everything, with the means, as JSON types."""
        return asdict(self) | {"pictures": [asdict(p) for p in self.pictures], "mean": self.mean()}


def evaluate(
    model: str,
    data: str,
    *,
    low_res: str = "matlab",
    scale: int | None = None,
    feature_weights: Path | None = None,
) -> Scores:
    """Score a model: make low-res pictures, upscale them as a user would, compare.

    Args:
        model: a name, the path of an `.onnx`, or "bicubic" for the baseline.
        data: a folder or zip file of high-res pictures, or `FILE.zip:FOLDER`.
        low_res: one of `LOW_RES`.
        scale: enlargement; default: the model's own, 4 for the baseline.
        feature_weights: SqueezeNet 1.1 as `.safetensors`; None: torchvision's; `Path("none")`: the
            squeeze distance is left out.

    Raises:
        UsageError: an argument makes no sense, or there is no picture in `data`.
        ModelRefusedError: the model cannot be used.
    """
    if low_res not in LOW_RES:
        raise UsageError(
            f"There is no way {low_res!r} to make low-res pictures: {', '.join(LOW_RES)}."
        )
    if scale is not None and scale < 1:
        raise UsageError(f"The scale must be at least 1, not {scale}.")
    files = list_pictures(data)
    enlarge, model_scale, model_sha256 = _open(model, scale)
    require_sides(files, model_scale)
    wanted = feature_weights != Path("none")
    features = Features.load("squeeze", feature_weights) if wanted else None
    pictures = []
    for file in files:
        high_res = _trimmed(file.read(), model_scale)
        output = enlarge(LOW_RES[low_res](high_res, model_scale))
        pictures.append(_score(file.stem, output, high_res, model_scale, features))
    return Scores(
        model=model,
        model_sha256=model_sha256,
        data=data,
        scale=model_scale,
        low_res=low_res,
        border=model_scale,
        feature_network=features.sha256 if features else None,
        pictures=tuple(pictures),
    )


def _open(model: str, scale: int | None) -> tuple[Enlarge, int, str | None]:
    """Return the function that enlarges, the scale it enlarges by, and the model's hash."""
    if model == BASELINE:
        by = scale or 4
        return lambda pixels: bicubic(pixels, by), by, None
    session = Session.open(model)
    upscaler = Upscaler(session)
    by = scale or session.info.scale
    return lambda pixels: upscaler.upscale(pixels, scale=by), by, session.info.sha256


def _trimmed(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Cut the right and bottom edge so that both sides are multiples of `scale`."""
    height, width = (side - side % scale for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[:height, :width])


def _score(
    name: str, output: np.ndarray, target: np.ndarray, scale: int, features: Features | None
) -> PictureScores:
    side = min(target.shape[:2])
    inside = side - 2 * scale
    distance = None
    if features and side >= 17:
        with torch.no_grad():
            distance = feature_distance(features, _as_images(output), _as_images(target)).item()
    return PictureScores(
        name=name,
        psnr_y=psnr_y(output, target, scale) if inside >= 1 else None,
        ssim_y=ssim_y(output, target, scale) if inside >= 11 else None,
        squeeze_distance=distance,
        grid=grid(output) if side >= 64 else None,
    )


def _as_images(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32) / 255)[None]
