"""What differs between the tasks a network is trained for: pairs, score, preview."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.datasets import PictureCache, RandomCrops, read_ahead, require_sides
from srgan_gp.data.resampling import MARGIN, matlab_bicubic
from srgan_gp.data.sources import list_all_pictures
from srgan_gp.networks import build
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.metrics import psnr_y

PREVIEWS = 4


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of one step, and where they came from.

    Attributes:
        inputs: what the generator gets, (B, 3, h, w) in [0, 1].
        targets: what it should give, (B, 3, h * scale, w * scale) in [0, 1].
        first_image: number of the first image of the batch since the run began.
    """

    inputs: Tensor
    targets: Tensor
    first_image: int


class Task(Protocol):
    """What the loop asks of a task."""

    def build_generator(self) -> nn.Module:
        """Build the network with fresh weights."""
        ...

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield the batches from image number `images_seen` on, without end."""
        ...

    def describe(self, batch: Batch) -> list[str]:
        """Name the pictures of a batch, for an error message."""
        ...

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score a generator on held-out data; the first value decides which is best (higher)."""
        ...

    def preview(self, generator: nn.Module) -> np.ndarray | None:
        """Draw what a generator makes of fixed inputs: (H, W, 3) uint8, or None."""
        ...


class SuperResolution:
    """Low-res -> high-res, on pairs made from the high-res pictures on the device.

    Args:
        config: the options of the run.
        data: folders or zip files of high-res pictures.
        validation: pictures to score on; None: no validation.
        device: where the pairs are made.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Sequence[str],
        validation: str | None,
        device: torch.device,
    ) -> None:
        self._config = config
        self._device = device
        files = list_all_pictures(data)
        require_sides(files, (max(config.patch_sizes) + 2 * MARGIN) * config.scale)
        cache = PictureCache(files, int(config.cache_gigabytes * 1e9))
        self._crops = RandomCrops(cache, config.seed)
        self._held_out = self._load_held_out(validation) if validation else []

    def build_generator(self) -> nn.Module:
        """Build the network with fresh weights."""
        return build("generators", self._config.generator, **generator_arguments(self._config))

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield the batches from image number `images_seen` on, cut ahead of time."""
        config = self._config
        starts = iter(range(images_seen, config.total_images, config.batch_size))

        def cut(start: int) -> tuple[int, np.ndarray]:
            size = (config.patch_size(start) + 2 * MARGIN) * config.scale
            count = min(config.batch_size, config.total_images - start)
            return start, self._crops.batch(start, count, size)

        for start, windows in read_ahead(cut, starts):
            yield self._pair(torch.from_numpy(windows), start)

    def describe(self, batch: Batch) -> list[str]:
        """Name the pictures that a batch was cut from."""
        indices = self._crops.indices(batch.first_image, len(batch.inputs))
        return [self._crops.pictures.files[index].name for index in indices]

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score on whole pictures: mean PSNR-Y in dB, border = scale, 8 bits."""
        scores = [
            psnr_y(_as_pixels(_enlarge(generator, low_res)), high_res, self._config.scale)
            for low_res, high_res in self._held_out
        ]
        return {"psnr_y": float(np.mean(scores))} if scores else {}

    def preview(self, generator: nn.Module) -> np.ndarray | None:
        """Draw rows of nearest-neighbour input, output and target; the middle 48 pixels of each."""
        rows = []
        for low_res, high_res in self._held_out[:PREVIEWS]:
            scale, (height, width) = self._config.scale, low_res.shape[-2:]
            side = min(48, height, width)
            top, left = (height - side) // 2 * scale, (width - side) // 2 * scale
            nearest = _as_pixels(nn.functional.interpolate(low_res, scale_factor=float(scale)))
            pictures = (nearest, _as_pixels(_enlarge(generator, low_res)), high_res)
            rows.append(
                np.hstack([p[top:, left:][: side * scale, : side * scale] for p in pictures])
            )
        width = min((row.shape[1] for row in rows), default=0)
        return np.vstack([row[:, :width] for row in rows]) if rows else None

    def _pair(self, windows: Tensor, first_image: int) -> Batch:
        """Make the low-res side of uint8 windows and cut the margin off both."""
        high_res = windows.to(self._device, torch.float32)
        low_res = matlab_bicubic(high_res, self._config.scale)
        edge = MARGIN * self._config.scale
        low_res = low_res[..., MARGIN:-MARGIN, MARGIN:-MARGIN] / 255
        high_res = high_res[..., edge:-edge, edge:-edge] / 255
        as_stored = {"memory_format": torch.channels_last}
        return Batch(low_res.contiguous(**as_stored), high_res.contiguous(**as_stored), first_image)

    def _load_held_out(self, validation: str) -> list[tuple[Tensor, np.ndarray]]:
        scale = self._config.scale
        pairs = []
        files = list_all_pictures([validation])
        require_sides(files, 3 * scale)  # PSNR leaves out a border of `scale` on each side
        for file in files:
            high_res = file.read()
            height, width = (side - side % scale for side in high_res.shape[:2])
            high_res = high_res[:height, :width]
            whole = torch.from_numpy(high_res.transpose(2, 0, 1)).to(self._device, torch.float32)
            pairs.append((matlab_bicubic(whole[None], scale) / 255, high_res))
        return pairs


def generator_arguments(config: TrainConfig) -> dict[str, int | str]:
    """Pick the arguments of the architecture out of the options."""
    return {
        "scale": config.scale,
        "width": config.width,
        "blocks": config.blocks,
        "tail": config.tail,
    }


@torch.no_grad()
def _enlarge(generator: nn.Module, low_res: Tensor) -> Tensor:
    return generator(low_res.contiguous(memory_format=torch.channels_last))


def _as_pixels(images: Tensor) -> np.ndarray:
    """Convert (1, 3, H, W) around [0, 1] to (H, W, 3) uint8, rounded to nearest."""
    levels = (images[0].float().clamp(0, 1) * 255).round()
    return levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()


TASKS: dict[str, type[SuperResolution]] = {"super-resolution": SuperResolution}
