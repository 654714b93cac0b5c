"""Scores of a generator on the validation images of a fine-tuning, before and after training.

`finetune` measures them; `finetune_verdict` compares them.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from srgan_gp.data.benchmark_downscalers import LOW_RES
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.evaluation.image_scores import score_image
from srgan_gp.metrics.colour_shift import colour_shift
from srgan_gp.metrics.pattern import FlatSpectrum
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.pretrained_networks import load_features
from srgan_gp.training.validation.validation_faces import ValidationFaces
from srgan_gp.training.validation.validation_images import as_pixels, centre_crop, enlarge

DOWNSCALERS = ("matlab", "area-jpeg75")
"""Names, in `LOW_RES`, of the downscalers that make the LR images: bicubic; area mean and JPEG."""

SETS = 4
"""Sets of latents that a face generator is scored on; the scatter of the scores shows chance. More
sets show it better, and take longer."""

OnScored = Callable[[int, int], None]
"""Shows progress. Called with the number of images, or sets of latents, that are scored, and the
number of all."""

Measured = dict[tuple[str, str], np.ndarray]
"""Values by (metric, downscaler), (N,) float64: one per validation image, or per set of latents
with the downscaler "". Pattern and grain, the texture that an upscaler adds to flat areas, have a
single value for all images; those of the validation images themselves have the names of
`OF_ORIGINALS`."""

OF_ORIGINALS = {"pattern": "original_pattern", "grain": "original_grain"}
"""For each score of the outputs that the originals have too, the name in `Measured` of the score of
the originals. It does not judge a model: it is the value that an ideal upscaler would have."""

_LARGEST_UNMOVED = 4
"""Side in LR pixels up to which `is_shifted` does not move a crop. A moved crop is one LR pixel
shorter per side, and PSNR-Y omits one at each border: of 5 pixels, 5 - 1 - 2 = 2 remain."""


def score_upscaler(
    generator: nn.Module,
    files: Sequence[ImageFile],
    config: TrainConfig,
    on_scored: OnScored = lambda done, total: None,
    *,
    is_shifted: bool = False,
) -> Measured:
    """Score an upscaler on the centre crop of each image.

    The generator upscales LR images that are made from the crop, one by each of `DOWNSCALERS`.

    Args:
        generator: generator on the CPU, in evaluation mode.
        files: HR images.
        config: options of the run; names the scale and the feature network.
        on_scored: called after each image.
        is_shifted: move the crops by half an LR pixel, to measure the noise of the scores.

    Returns:
        `psnr_y` in dB, `colour_shift` in levels of 255 and, with a feature network,
        `squeeze_distance`; NaN for an image that is too small for the score. `pattern` and `grain`
        of the set, in levels of 255, and those of the originals in the same windows, under
        `OF_ORIGINALS`, unless no image has a flat window.

    Raises:
        PictureError: an image cannot be read.
        UsageError: the feature network cannot be loaded.
    """
    # The squeeze distance needs SqueezeNet. With these options `load_features` returns it, and not
    # VGG-19: `best_by` squeeze_distance with a perceptual loss on VGG-19 was refused before.
    uses_squeeze = config.perceptual_loss == "squeeze" or config.best_by == "squeeze_distance"
    features = load_features(config) if uses_squeeze else None
    values_by_key: dict[tuple[str, str], list[float]] = {}
    # Pattern and grain are of the whole set.
    spectra = {downscaler: FlatSpectrum() for downscaler in DOWNSCALERS}
    original_spectra = {downscaler: FlatSpectrum() for downscaler in DOWNSCALERS}
    for done, file in enumerate(files, 1):
        high_res = centre_crop(file.read(), config.scale)
        if is_shifted and min(high_res.shape[:2]) > _LARGEST_UNMOVED * config.scale:
            high_res = _shift(high_res, config.scale)
        for downscaler in DOWNSCALERS:
            low_res = LOW_RES[downscaler](high_res, config.scale)  # (h, w, 3) uint8
            planes = torch.from_numpy(low_res.transpose(2, 0, 1).astype(np.float32) / 255)
            output = as_pixels(enlarge(generator, planes[None]))
            spectra[downscaler].add(output, low_res, high_res)
            # The original in place of the output.
            original_spectra[downscaler].add(high_res, low_res, high_res)
            scores = score_image(file.stem, output, high_res, low_res, features)
            image_scores = {
                "squeeze_distance": scores.squeeze_distance,  # None: no network, or too small
                "psnr_y": scores.psnr_y,  # None: too small
                "colour_shift": colour_shift(output, high_res),
            }
            for metric, score in image_scores.items():
                value = np.nan if score is None else score
                values_by_key.setdefault((metric, downscaler), []).append(value)
        on_scored(done, len(files))
    measured = {key: np.array(values) for key, values in values_by_key.items()}
    for downscaler in DOWNSCALERS:
        if texture := spectra[downscaler].texture():  # None without flat windows
            for metric, value in texture.by_name().items():
                measured[metric, downscaler] = np.array([value])
        if texture := original_spectra[downscaler].texture():
            for metric, value in texture.by_name().items():
                measured[OF_ORIGINALS[metric], downscaler] = np.array([value])
    # A score that no image has is omitted.
    return {key: values for key, values in measured.items() if not np.isnan(values).all()}


def score_noise(measured: Measured, shifted: Measured, metric: str) -> float:
    """Return the standard error of the mean change of a score by the position of the crops alone.

    Crops that are moved by half an LR pixel show the same scene on another sampling grid. The model
    is the same, so the changes of its scores are chance.

    Args:
        measured: scores of a model.
        shifted: scores of the same model on moved crops of the same images, in the same order.
        metric: name of the score.

    Returns:
        sqrt(mean(d^2) / N), with d, the change of the score of each of N images, averaged over the
        downscalers. 0 if no image has the score both before and after the move.
    """
    # A score that no moved crop has, because all are too small for it, is missing in `shifted`.
    keys = [key for key in measured if key[0] == metric and key in shifted]
    changes = [shifted[key] - measured[key] for key in keys]
    if not changes:
        return 0.0
    changes_of_images = np.mean(changes, axis=0)  # over the downscalers, (N,)
    known = changes_of_images[np.isfinite(changes_of_images)]
    if not len(known):
        return 0.0
    return float(np.sqrt(np.mean(known**2) / len(known)))


def _shift(high_res: np.ndarray, scale: int) -> np.ndarray:
    """Move a crop, (H, W, 3), by half an LR pixel; both sides become `scale` pixels shorter."""
    first = scale // 2
    last = scale - first
    return high_res[first:-last, first:-last]


def score_faces(
    generator: nn.Module,
    validation: ValidationFaces,
    on_scored: OnScored = lambda done, total: None,
) -> Measured:
    """Score a face generator on `SETS` sets of latents.

    Args:
        generator: latents -> faces, in evaluation mode, on the device of `validation.latents`.
        validation: validation faces with a feature network and the training faces.
        on_scored: called after each set of latents.

    Returns:
        The scores of `ValidationFaces.scores`, such as `kid_squeeze` and `novelty`, (SETS,) each,
        with the downscaler "".
    """
    scores_of_sets = []
    for seed in range(SETS):
        scores_of_sets.append(validation.scores(generator, seed))
        on_scored(seed + 1, SETS)
    measured: Measured = {}
    for metric in scores_of_sets[0]:
        measured[metric, ""] = np.array([scores[metric] for scores in scores_of_sets])
    return measured
