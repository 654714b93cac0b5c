"""Task `super-resolution`: LR to HR, on pairs that are degraded from HR images on the device."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.datasets import ImageCache, RandomCrops, read_ahead, require_sides
from srgan_gp.data.degradation_draws import STRENGTHS, draw
from srgan_gp.data.degradations import DEGRADATION_MARGIN, degrade, least_side
from srgan_gp.data.image_sources import list_all_images
from srgan_gp.data.resampling import BICUBIC_MARGIN, matlab_bicubic
from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.errors import UsageError
from srgan_gp.losses.features import FEATURE_NETWORKS, Features
from srgan_gp.losses.perceptual import perceptual_loss
from srgan_gp.losses.pixel import PIXEL_LOSSES
from srgan_gp.losses.sharpening import sharpen
from srgan_gp.losses.shift_equivariance import TAPS
from srgan_gp.training.distributed import Processes
from srgan_gp.training.feature_network import load_features
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks.architecture import build_critic, build_generator
from srgan_gp.training.tasks.task_interface import Batch, Shifted
from srgan_gp.training.validation.validation_images import ValidationImages

STRIDE = 16
"""Pixels between two positions of the feature networks' coarsest maps. Crops of 0 to 15 rows and
columns therefore cover every alignment of image and maps."""
MAX_SHIFT = 3
"""Largest shift of the equivariance loss in output pixels: less than one input pixel of x4."""


class SuperResolution:
    """The task `super-resolution`.

    Args:
        config: options of the run.
        data: folders or zip files of HR images.
        validation: folder or zip file of validation images; None: no validation.
        device: device of the networks, on which the pairs are degraded.
        processes: processes that share each batch.

    Raises:
        UsageError: there is no image, one is too small, options contradict each other, or the
            feature network cannot be loaded.
        PictureError: a validation image, or the header of an image, cannot be read.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Sequence[str],
        validation: str | None,
        device: torch.device,
        processes: Processes,
    ) -> None:
        self._config = config
        self._device = device
        self._processes = processes
        self._margin = DEGRADATION_MARGIN if config.low_res == "mixture" else BICUBIC_MARGIN
        files = list_all_images(data)
        require_sides(files, (max(config.patch_sizes) + 2 * self._margin) * config.scale)
        _require_patches(config)
        cache = ImageCache(files, int(config.cache_gigabytes * 1e9))
        self._crops = RandomCrops(cache, config.seed, config.shrink_share)
        features = _load_features(config, device)
        self._features = None if config.perceptual_loss == "none" else features
        self._validation = None
        if validation and processes.is_first:
            least = least_side(config.scale) if config.low_res == "mixture" else 0
            self._validation = ValidationImages(
                validation,
                config.scale,
                device,
                self._degrade_validation,
                least_side=least,
                features=features if config.best_by == "squeeze_distance" else None,
            )

    def build_generator(self) -> nn.Module:
        """Build the generator with fresh weights."""
        return build_generator(self._config)

    def build_critic(self) -> nn.Module:
        """Build the critic with fresh weights."""
        return build_critic(self._config)

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield this process's share of the batches from image `images_seen` on, read ahead."""
        config = self._config
        starts = iter(range(images_seen, config.total_images, config.batch_size))

        def cut(start: int) -> tuple[range, np.ndarray]:
            size = (config.patch_size(start) + 2 * self._margin) * config.scale
            count = min(config.batch_size, config.total_images - start)
            numbers = self._processes.share(start, count)
            return numbers, self._crops.batch(numbers.start, len(numbers), size)

        for numbers, windows in read_ahead(cut, starts):
            yield self._pair(torch.from_numpy(windows), numbers)

    def describe(self, batch: Batch) -> list[str]:
        """Return the file names of the images that a batch was cropped from."""
        indices = self._crops.indices(batch.numbers.start, len(batch.numbers))
        return [self._crops.images.files[index].name for index in indices]

    def content_losses(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare outputs with their targets: pixel loss and perceptual loss."""
        config = self._config
        targets = sharpen(batch.targets, config.sharpen_targets)
        losses = {"pixel": PIXEL_LOSSES[config.pixel_loss](output, targets)}
        if self._features:
            # A crop must leave the network its smallest side; patches are square.
            room = min(STRIDE, output.shape[-1] - self._features.least_side + 1)
            step = batch.numbers.start // config.batch_size  # the same in every process
            rows, columns = generator_of(config.seed, Stream.ROLL, step).integers(room, size=2)
            distance = perceptual_loss(
                self._features, output, batch.targets, (int(rows), int(columns))
            )
            losses["perceptual"] = config.perceptual_weight * distance
        return losses

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score on whole validation images, degraded as in training."""
        return self._validation.scores(generator) if self._validation else {}

    def validation_batch(self) -> Batch | None:
        """Return the centre crop of each validation image, at the largest patch size."""
        side = max(self._config.patch_sizes)
        found = self._validation.centre_crops(side) if self._validation else None
        if found is None:
            return None
        low_res, high_res = found
        return Batch(low_res, high_res, self._condition(low_res), range(len(low_res)))

    def preview(self, generator: nn.Module) -> dict[str, np.ndarray] | None:
        """Return columns of inputs, outputs and originals, by label."""
        return self._validation.preview(generator) if self._validation else None

    def _pair(self, windows: Tensor, numbers: range) -> Batch:
        """Degrade uint8 windows and crop the margin of both images."""
        high_res = windows.to(self._device, torch.float32)
        low_res = self._degrade(high_res, self._config.seed, numbers)
        margin, edge = self._margin, self._margin * self._config.scale
        low_res = low_res[..., margin:-margin, margin:-margin] / 255
        high_res = high_res[..., edge:-edge, edge:-edge] / 255
        low_res = low_res.contiguous(memory_format=torch.channels_last)
        high_res = high_res.contiguous(memory_format=torch.channels_last)
        shifted = self._draw_shifted(windows, numbers) if self._config.equivariance_weight else None
        return Batch(low_res, high_res, self._condition(low_res), numbers, shifted)

    def _draw_shifted(self, windows: Tensor, numbers: range) -> Shifted | None:
        """Return the LR images of the same scene, moved by 1 to 3 output pixels.

        They have the same degradations as those of the batch. The pixels that wrap around to the
        other edge stay within the margin that is cropped.
        """
        config = self._config
        if config.has_critic and numbers.start < config.critic_warmup_images:
            return None  # the generator takes no step yet
        step = numbers.start // config.batch_size  # the same in every process
        draws = generator_of(config.seed, Stream.SHIFT, step)
        rows, columns = (int(n) for n in draws.integers(1, MAX_SHIFT + 1, size=2))
        moved = windows.roll((-rows, -columns), (2, 3)).to(self._device, torch.float32)
        low_res = self._degrade(moved, config.seed, numbers)
        low_res = low_res[..., self._margin : -self._margin, self._margin : -self._margin] / 255
        return Shifted(low_res.contiguous(memory_format=torch.channels_last), rows, columns)

    def _degrade(self, high_res: Tensor, seed: int, numbers: Sequence[int]) -> Tensor:
        """Degrade HR images in [0, 255] to LR images as the options say."""
        if self._config.low_res == "matlab":
            return matlab_bicubic(high_res, self._config.scale)
        draws = draw(seed, numbers, self._config.clean_share, STRENGTHS[self._config.damage])
        return degrade(high_res, self._config.scale, draws)

    def _degrade_validation(self, high_res: Tensor, number: int) -> Tensor:
        return self._degrade(high_res, 0, [number])  # the same for every seed of a run

    def _condition(self, low_res: Tensor) -> Tensor | None:
        return low_res if self._config.critic_conditional else None


def _require_patches(config: TrainConfig) -> None:
    """Check before a run that every patch is large enough for the losses."""
    smallest = min(config.patch_sizes)
    if config.equivariance_weight and smallest * config.scale < MAX_SHIFT + TAPS:
        raise UsageError(
            f"The equivariance loss needs HR patches of at least {MAX_SHIFT + TAPS} pixels, not "
            f"{smallest * config.scale}; use larger patch_sizes or an equivariance_weight of 0."
        )
    if config.perceptual_loss == "none":
        return
    network = FEATURE_NETWORKS[config.perceptual_loss]
    if smallest * config.scale < network.least_side:
        raise UsageError(
            f"The perceptual loss of {network.title} needs HR patches of at least "
            f"{network.least_side} pixels, not {smallest * config.scale}; use larger patch_sizes "
            "or a perceptual_loss of none."
        )


def _load_features(config: TrainConfig, device: torch.device) -> Features | None:
    if (config.best_by, config.perceptual_loss) == ("squeeze_distance", "vgg19"):
        raise UsageError("best_by squeeze_distance cannot be combined with perceptual_loss vgg19.")
    features = load_features(config)
    return features and features.to(device).to(memory_format=torch.channels_last)
