"""Scores of a generator on the validation images of a fine-tuning, before and after."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from srgan_gp.data.benchmark_downscalers import LOW_RES
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.evaluation.image_scores import score_image
from srgan_gp.metrics.colour_shift import colour_shift
from srgan_gp.metrics.pattern import FlatSpectrum
from srgan_gp.training.feature_network import load_features
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.validation.validation_faces import ValidationFaces
from srgan_gp.training.validation.validation_images import as_pixels, centre_crop, enlarge

WAYS = ("matlab", "area-jpeg75")
"""Downscalings of the validation images, as in `srgan-gp evaluate`: clean and compressed."""

SETS = 4
"""Sets of latents, each as large as the validation set, whose spread is the noise level."""

OnScored = Callable[[int, int], None]

Measured = dict[tuple[str, str], np.ndarray]
"""Values, (N,) float64, by (metric, way of downscaling): one per validation image or per set of
latents; for pattern and grain a single one for all images."""


def score_upscaler(
    generator: nn.Module,
    files: Sequence[ImageFile],
    config: TrainConfig,
    on_scored: OnScored = lambda done, total: None,
    *,
    is_shifted: bool = False,
) -> Measured:
    """Score an upscaler on the centre crop of each image.

    Args:
        generator: generator on the CPU, in evaluation mode.
        files: HR images.
        config: options of the run; names the scale and the feature network.
        on_scored: called with the numbers of images that are done and of all.
        is_shifted: move the crops by half an LR pixel, to measure the noise of the scores.

    Returns:
        PSNR-Y in dB, colour shift in levels and, with a feature network, squeeze distance; NaN
        if an image is too small for a score. Pattern and grain of the set in levels, unless no
        image has a flat window.

    Raises:
        PictureError: an image cannot be read.
        UsageError: the feature network cannot be loaded.
    """
    # The features of a perceptual loss on VGG-19 would not be those of the squeeze distance.
    uses_squeeze = config.perceptual_loss == "squeeze" or config.best_by == "squeeze_distance"
    features = load_features(config) if uses_squeeze else None
    rows: dict[tuple[str, str], list[float]] = {}
    spectra = {way: FlatSpectrum() for way in WAYS}
    for done, file in enumerate(files, 1):
        high_res = centre_crop(file.read(), config.scale)
        if is_shifted and min(high_res.shape[:2]) > 4 * config.scale:
            high_res = _shift(high_res, config.scale)
        for way in WAYS:
            low_res = LOW_RES[way](high_res, config.scale)
            planes = torch.from_numpy(low_res.transpose(2, 0, 1).astype(np.float32) / 255)
            output = as_pixels(enlarge(generator, planes[None]))
            spectra[way].add(output, low_res, high_res)
            scores = score_image(file.stem, output, high_res, low_res, features)
            found = {
                "squeeze_distance": scores.squeeze_distance,
                "psnr_y": scores.psnr_y,
                "colour_shift": colour_shift(output, high_res),
            }
            for metric, value in found.items():
                rows.setdefault((metric, way), []).append(np.nan if value is None else value)
        on_scored(done, len(files))
    measured = {key: np.array(values) for key, values in rows.items()}
    for way, spectrum in spectra.items():
        if texture := spectrum.texture():
            measured |= {(k, way): np.array([value]) for k, value in texture.values().items()}
    return {key: values for key, values in measured.items() if not np.isnan(values).all()}


def score_noise(measured: Measured, shifted: Measured, metric: str) -> float:
    """Return the noise of a mean score: its change by the position of the crops alone.

    The sampling grid of the LR images says nothing about a model, so that its scores on crops that
    were moved by half an LR pixel differ by chance.

    Args:
        measured: scores of a model.
        shifted: scores of the same model on moved crops of the same images, in the same order.
        metric: name of the score.

    Returns:
        Root mean square of the changes, averaged over the ways of downscaling, divided by the
        root of the number of images; 0 without an image that has both scores.
    """
    changes = [shifted[key] - measured[key] for key in measured if key[0] == metric]
    mean = np.mean(changes, axis=0) if changes else np.empty(0)
    mean = mean[np.isfinite(mean)]
    return float(np.sqrt(np.mean(mean**2) / len(mean))) if len(mean) else 0.0


def _shift(high_res: np.ndarray, scale: int) -> np.ndarray:
    """Cut off half an LR pixel at the left and top, and the rest of one at the right and bottom."""
    first, last = scale // 2, scale - scale // 2
    return high_res[first:-last, first:-last]


def score_faces(
    generator: nn.Module,
    validation: ValidationFaces,
    on_scored: OnScored = lambda done, total: None,
) -> Measured:
    """Score a face generator on `SETS` sets of latents; the way of downscaling is "".

    Args:
        generator: latents -> faces, in evaluation mode, on the device of the latents.
        validation: validation faces with a feature network and the training faces.
        on_scored: called with the numbers of sets of latents that are done and of all.

    Returns:
        The scores of `ValidationFaces.scores`, by name.
    """
    sets = []
    for seed in range(SETS):
        sets.append(validation.scores(generator, seed))
        on_scored(seed + 1, SETS)
    return {(metric, ""): np.array([found[metric] for found in sets]) for metric in sets[0]}
