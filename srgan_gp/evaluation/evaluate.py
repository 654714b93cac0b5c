"""Evaluation of an upscaler on a set of images: downscale, upscale, compare with the originals.

`srgan-gp evaluate` runs it for models that upscale, and the cards of shipped models hold its
result.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from srgan_gp.data.benchmark_downscalers import LOW_RES, bicubic
from srgan_gp.data.image_sources import ImageFile, list_images
from srgan_gp.data.validation_split import VALIDATION, part_of
from srgan_gp.errors import UsageError
from srgan_gp.evaluation.image_scores import PatchPairs, Scores, score_image
from srgan_gp.evaluation.readable_images import SkippingReader
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.losses.features import Features
from srgan_gp.metrics.pattern import FlatSpectrum
from srgan_gp.metrics.torchmetrics_scores import LPIPS_SMALLEST_SIDE, TorchmetricsScorer

BASELINE = "bicubic"
"""Pass it instead of a model's name to score bicubic upscaling."""
NO_NETWORK = "none"
"""Pass it, or a path of this text, instead of a network's file to skip the scores that need it."""

OnScored = Callable[[int, int], None]
"""Called after each image with the number of images done, and the number of all images."""
Enlarge = Callable[[np.ndarray], np.ndarray]
"""Upscales an image: (h, w, 3) -> (h * scale, w * scale, 3), uint8 RGB."""


def evaluate(
    model: str,
    data: str,
    *,
    low_res: str = "matlab",
    scale: int | None = None,
    feature_weights: Path | str | None = None,
    fidelity: float | None = None,
    metrics: Sequence[str] = (),
    on_scored: OnScored = lambda done, total: None,
) -> Scores:
    """Score a model: downscale images, upscale them with `Upscaler`, compare.

    Args:
        model: a name, the path of an `.onnx`, or "bicubic" for the baseline.
        data: a folder or zip file of HR images, or `FILE.zip:FOLDER`. Of a set that `srgan-gp
            prepare` wrote, only the validation images are used.
        low_res: name of the downscaler, a key of `LOW_RES`.
        scale: enlargement; None: the model's own, 4 for the baseline.
        feature_weights: SqueezeNet 1.1 as `.safetensors` or `.pth`; None: the installed file;
            `NO_NETWORK`: the squeeze distance is skipped.
        fidelity: mixes the model's weights with those of its partner, a model of higher PSNR:
            share of the partner, in [0, 1]. None: the model is not changed; see `Upscaler.load`.
        metrics: scores of the package torchmetrics to add, keys of `torchmetrics_scores.CLASSES`.
        on_scored: called after each image.

    Returns:
        Scores of each image and of the whole set. Images that cannot be read are skipped; they are
        in `Scores.skipped`.

    Raises:
        UsageError: an argument is not valid, there is no image in `data`, one is too small to be
            scored, the feature network cannot be loaded, or weights of torchmetrics cannot be
            downloaded.
        ModelRefusedError: the model cannot be used.
        PictureError: no image in `data` can be read, or the output of the model is not finite.
    """
    if low_res not in LOW_RES:
        raise UsageError(f"There is no downscaling {low_res!r}; use {', '.join(LOW_RES)}.")
    if scale is not None and scale < 1:
        raise UsageError(f"The scale must be at least 1, not {scale}.")
    data = part_of(data, VALIDATION)  # of a prepared set, the folder of the validation images
    files = list_images(data)
    enlarge, model_scale, model_sha256 = _open_model(model, scale, fidelity)
    reader = SkippingReader()
    # PSNR and SSIM ignore a border of `scale` pixels on each side. At least `scale` pixels must
    # remain between the two borders.
    reader.require_sides(files, 3 * model_scale)
    torchmetrics = _open_torchmetrics(metrics, files, reader)
    features = load_features(feature_weights)
    scores, patches = [], PatchPairs()
    # Pattern and grain in flat areas, of the outputs and of the originals.
    texture, original_texture = FlatSpectrum(), FlatSpectrum()
    for number, file in enumerate(files, 1):
        pixels = reader.read(file)
        if pixels is not None:
            high_res = _trim(pixels, model_scale)
            small = LOW_RES[low_res](high_res, model_scale)
            output = enlarge(small)
            scores.append(score_image(file.stem, output, high_res, small, features))
            patches.add(output, high_res)
            if torchmetrics:
                torchmetrics.add(output, high_res)
            texture.add(output, small, high_res)
            original_texture.add(high_res, small, high_res)  # the original in place of the output
        on_scored(number, len(files))
    reader.require_some(files, data)
    # Checked again: images that `_open_torchmetrics` counted by their headers may be damaged.
    _require_several(metrics, len(scores))
    return Scores(
        model=model,
        model_sha256=model_sha256,
        fidelity=fidelity,
        data=data,
        scale=model_scale,
        low_res=low_res,
        border=model_scale,
        feature_network=features.sha256 if features else None,
        patch_distance=patches.distance(),
        texture=texture.texture(),
        original_texture=original_texture.texture(),
        pictures=tuple(scores),
        torchmetrics=torchmetrics.scores() if torchmetrics else None,
        skipped=reader.skipped,
    )


def load_features(feature_weights: Path | str | None) -> Features | None:
    """Load SqueezeNet 1.1 for the squeeze distance, on the CPU.

    Args:
        feature_weights: as for `evaluate`.

    Returns:
        The network; None for `NO_NETWORK`.

    Raises:
        UsageError: the file does not hold the weights, or they are not installed.
    """
    if str(feature_weights) == NO_NETWORK:
        return None
    file = None if feature_weights is None else Path(feature_weights)
    # `is_optional`: the error about a missing file says that `NO_NETWORK` can be passed.
    return Features.load("squeeze", file, is_optional=True)


def _open_torchmetrics(
    metrics: Sequence[str], files: Sequence[ImageFile], reader: SkippingReader
) -> TorchmetricsScorer | None:
    """Return a scorer for the scores asked for; None if there are none.

    Raises:
        UsageError: the images are too few or too small for a score, or weights cannot be
            downloaded.
    """
    if not metrics:
        return None
    if "lpips" in metrics:
        reader.require_sides(files, LPIPS_SMALLEST_SIDE)
    _require_several(metrics, reader.count_readable(files))
    return TorchmetricsScorer(metrics)


def _require_several(metrics: Sequence[str], count: int) -> None:
    """Check that there is more than one image if a score compares sets of images.

    Without any image `SkippingReader.require_some` has raised its error.

    Raises:
        UsageError: `count`, the number of images, is 1, and `metrics` has such a score.
    """
    if count == 1 and {"fid", "kid"} & set(metrics):
        raise UsageError("fid and kid compare sets of images, and there is only one image.")


def _open_model(
    model: str, scale: int | None, fidelity: float | None
) -> tuple[Enlarge, int, str | None]:
    """Return a function that upscales, its scale, and the model's sha256 (None for bicubic)."""
    if model == BASELINE:
        if fidelity is not None:
            raise UsageError(f"The baseline {BASELINE} has no weights and therefore no fidelity.")
        bicubic_scale = scale or 4  # 4: the scale of the default model, to compare with
        return lambda pixels: bicubic(pixels, bicubic_scale), bicubic_scale, None
    session = Session.open(model, fidelity=fidelity)
    upscaler = Upscaler(session)
    model_scale = scale or session.info.scale
    sha256 = session.info.sha256
    return lambda pixels: upscaler.upscale(pixels, scale=model_scale), model_scale, sha256


def _trim(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Crop (H, W, 3) at the right and bottom so that both sides are multiples of `scale`."""
    height = pixels.shape[0] // scale * scale
    width = pixels.shape[1] // scale * scale
    return np.ascontiguousarray(pixels[:height, :width])
