"""Contact sheet of LR and HR training pairs, for `srgan-gp train --dry-run --pairs FILE`."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srgan_gp.data.contact_sheet import contact_sheet
from srgan_gp.data.degradation_draws import STRENGTHS, draw
from srgan_gp.images import Picture, write_image
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import SuperResolution

PAIRS = 24
"""Number of pairs in the sheet: more show rarer degradations, in a larger image."""


def write_pairs(config: TrainConfig, data: Sequence[str], path: Path) -> None:
    """Write the first `PAIRS` training pairs of a run as one image.

    Below each pair are its image number and its degradation.

    Args:
        config: options of the run.
        data: folders or zip files of HR images.
        path: path of the image file.

    Raises:
        UsageError: there is no image, or one is too small for the patches.
        PictureError: too many images are damaged.
        OutputError: `path` cannot be written.
    """
    device = torch.device("cpu")
    # The pairs need no feature network, which might have to be downloaded: neither for a loss, nor
    # for a score that chooses the best checkpoint.
    config_without_features = replace(config, perceptual_loss="none", best_by="auto")
    processes = Processes(device)  # not entered: a dry run is a single process
    task = SuperResolution(
        config_without_features, data, validation=None, device=device, processes=processes
    )
    batch_count = math.ceil(PAIRS / config.batch_size)
    pairs: list[tuple[np.ndarray, np.ndarray]] = []  # LR and HR image
    captions: list[str] = []
    for batch in islice(task.batches(images_seen=0), batch_count):
        low_res, high_res = _as_pixels(batch.inputs), _as_pixels(batch.targets)
        pairs += zip(low_res, high_res, strict=True)
        if config.low_res == "mixture":
            # The same draws as in `task.batches`: they depend on seed and image number alone.
            draws = draw(config.seed, batch.numbers, config.clean_share, STRENGTHS[config.damage])
            captions += [f"{n}: {draws.describe(i)}" for i, n in enumerate(batch.numbers)]
        else:
            captions += [f"{n}: {config.low_res}" for n in batch.numbers]
    write_image(Picture(contact_sheet(pairs[:PAIRS], captions[:PAIRS])), path)


def _as_pixels(images: Tensor) -> np.ndarray:
    """Convert (B, 3, H, W) float32 RGB in [0, 1] to (B, H, W, 3) uint8."""
    return (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
