"""Task `super-resolution`: LR images to HR images.

The pairs are made during the run: HR crops of the training images are degraded to LR images on the
device of the networks. A crop is cut with a margin, which is removed after the degradation, because
the degradation needs neighbouring pixels.
"""

from collections.abc import Iterable, Iterator, Sequence

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
from srgan_gp.losses.shift_equivariance import BLUR_TAPS
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.pretrained_networks import load_features
from srgan_gp.training.tasks.architecture import build_critic, build_generator
from srgan_gp.training.tasks.task_interface import Batch, Shifted
from srgan_gp.training.validation.validation_images import ValidationImages

STRIDE = 16
"""Pixels between two positions of the feature networks' coarsest maps. Removing 0 to 15 rows and
columns therefore covers every alignment of image and maps."""
MAX_SHIFT = 3
"""Largest shift of the equivariance loss in HR pixels; 4 would be one LR pixel at scale 4."""


class SuperResolution:
    """The task `super-resolution`; its methods are described in `task_interface.Task`.

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
        # LR pixels on each side of a patch.
        self._margin = DEGRADATION_MARGIN if config.low_res == "mixture" else BICUBIC_MARGIN
        files = list_all_images(data)
        require_sides(files, (max(config.patch_sizes) + 2 * self._margin) * config.scale)
        require_losses(config)
        cache = ImageCache(files, int(config.cache_gigabytes * 1e9))
        self._crops = RandomCrops(cache, config.seed, config.shrink_share)
        features = _load_features(config, device)  # for the loss, the score or both
        self._features = None if config.perceptual_loss == "none" else features
        self._validation = None
        if validation and processes.is_first:
            self._validation = ValidationImages(
                validation,
                config.scale,
                device,
                self._degrade_validation,
                least_side=least_side(config.scale) if config.low_res == "mixture" else 0,
                features=features if config.best_by == "squeeze_distance" else None,
            )

    def build_generator(self) -> nn.Module:
        """Build the generator with fresh weights."""
        return build_generator(self._config)

    def build_critic(self) -> nn.Module:
        """Build the critic with fresh weights."""
        return build_critic(self._config)

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield this process's share of the batches from image `images_seen` on.

        A thread cuts the next crops while the current batch is trained on.
        """
        config = self._config
        starts = iter(range(images_seen, config.total_images, config.batch_size))

        def cut_crops(start: int) -> tuple[range, np.ndarray]:
            """Return image numbers, and HR crops with their margin, from image `start` on."""
            side = (config.patch_size(start) + 2 * self._margin) * config.scale
            count = min(config.batch_size, config.total_images - start)
            numbers = self._processes.share(start, count)
            return numbers, self._crops.batch(numbers.start, len(numbers), side)

        for numbers, crops in read_ahead(cut_crops, starts):
            yield self._pair(torch.from_numpy(crops), numbers)

    def describe(self, batch: Batch) -> list[str]:
        """Return the file names of the images that a batch was cropped from."""
        indices = self._crops.indices(batch.numbers.start, len(batch.numbers))
        return [self._crops.images.files[index].name for index in indices]

    def content_losses(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare outputs with their targets: losses `pixel` and, if it is on, `perceptual`."""
        config = self._config
        sharpened = sharpen(batch.targets, config.sharpen_targets)  # for the pixel loss only
        losses = {"pixel": PIXEL_LOSSES[config.pixel_loss](output, sharpened)}
        if self._features:
            # 0 to `choices` - 1 rows and columns are removed: `least_side` pixels must remain.
            choices = min(STRIDE, output.shape[-1] - self._features.least_side + 1)
            step = batch.numbers.start // config.batch_size  # the same in every process
            random = generator_of(config.seed, Stream.PERCEPTUAL_CROP, step)
            rows, columns = random.integers(choices, size=2)
            crop = (int(rows), int(columns))
            noise = None
            if config.perceptual_noise:
                side = output.shape[-1]
                noise = draw_feature_noise(config.seed, batch.numbers, side).to(self._device)
                noise *= config.perceptual_noise / 255  # the option is in levels of 8 bits
            distance = perceptual_loss(self._features, output, batch.targets, crop, noise)
            losses["perceptual"] = config.perceptual_weight * distance
        return losses

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score on whole validation images, degraded as in training."""
        return self._validation.scores(generator) if self._validation else {}

    def validation_batch(self) -> Batch | None:
        """Return the centre crop of each validation image, at the largest patch size."""
        side = max(self._config.patch_sizes)
        crops = self._validation.critic_crops(side) if self._validation else None
        if crops is None:
            return None
        low_res, high_res = crops
        return Batch(low_res, high_res, self._condition(low_res), range(len(low_res)))

    def preview(self, generator: nn.Module) -> dict[str, np.ndarray] | None:
        """Return columns of inputs, outputs and originals, by label."""
        return self._validation.preview(generator) if self._validation else None

    def _pair(self, crops: Tensor, numbers: range) -> Batch:
        """Make a batch of HR crops with their margin, (B, 3, H, W) uint8."""
        high_res = crops.to(self._device, torch.float32)
        low_res = self._degrade(high_res, self._config.seed, numbers)
        low_res = _crop_to_unit_range(low_res, self._margin)
        high_res = _crop_to_unit_range(high_res, self._margin * self._config.scale)
        shifted = self._draw_shifted(crops, numbers) if self._config.equivariance_weight else None
        return Batch(low_res, high_res, self._condition(low_res), numbers, shifted)

    def _draw_shifted(self, crops: Tensor, numbers: range) -> Shifted | None:
        """Make LR images of the same scenes, moved by 1 to `MAX_SHIFT` HR pixels.

        The degradations are those of the batch. The pixels that `roll` moves from one edge to the
        opposite one stay within the margin, which is removed. None while only the critic is
        trained: the equivariance loss is a loss of the generator.
        """
        config = self._config
        step = numbers.start // config.batch_size  # of the whole batch, the same in every process
        if config.has_critic and step * config.batch_size < config.critic_warmup_images:
            return None
        random = generator_of(config.seed, Stream.SHIFT, step)
        rows, columns = (int(n) for n in random.integers(1, MAX_SHIFT + 1, size=2))
        moved = crops.roll((-rows, -columns), (2, 3)).to(self._device, torch.float32)
        low_res = self._degrade(moved, config.seed, numbers)
        return Shifted(_crop_to_unit_range(low_res, self._margin), rows, columns)

    def _degrade(self, high_res: Tensor, seed: int, numbers: Sequence[int]) -> Tensor:
        """Degrade HR images, (B, 3, H, W) in [0, 255], to LR images in the same range."""
        if self._config.low_res == "matlab":
            return matlab_bicubic(high_res, self._config.scale)
        draws = draw(seed, numbers, self._config.clean_share, STRENGTHS[self._config.damage])
        return degrade(high_res, self._config.scale, draws)

    def _degrade_validation(self, high_res: Tensor, number: int) -> Tensor:
        """Degrade a validation image, (1, 3, H, W); the result is the same for every run's seed."""
        return self._degrade(high_res, seed=0, numbers=[number])

    def _condition(self, low_res: Tensor) -> Tensor | None:
        """Return the second input of the critic: the LR images, or None if it has one input."""
        return low_res if self._config.critic_conditional else None


def _crop_to_unit_range(images: Tensor, margin: int) -> Tensor:
    """Remove `margin` pixels on each side, and scale from [0, 255] to [0, 1]."""
    inner = images[..., margin:-margin, margin:-margin] / 255
    return inner.contiguous(memory_format=torch.channels_last)


def draw_feature_noise(seed: int, numbers: Iterable[int], side: int) -> Tensor:
    """Draw the noise that the perceptual loss adds to an output and its target.

    Args:
        seed: seed of the run.
        numbers: image numbers since the start of the run.
        side: side of the images in pixels.

    Returns:
        (B, 3, side, side), float32, standard normal; each image depends on its number alone.
    """
    generators = [generator_of(seed, Stream.FEATURE_NOISE, number) for number in numbers]
    samples = [random.standard_normal((3, side, side), np.float32) for random in generators]
    return torch.from_numpy(np.stack(samples))


def require_losses(config: TrainConfig) -> None:
    """Raise a `UsageError` if the losses need larger patches, or another network than the score."""
    if (config.best_by, config.perceptual_loss) == ("squeeze_distance", "vgg19"):
        raise UsageError("best_by squeeze_distance cannot be combined with perceptual_loss vgg19.")
    smallest = min(config.patch_sizes)
    if config.equivariance_weight and smallest * config.scale < MAX_SHIFT + BLUR_TAPS:
        raise UsageError(
            f"The equivariance loss needs HR patches of at least {MAX_SHIFT + BLUR_TAPS} pixels, "
            f"not {smallest * config.scale}; use larger patch_sizes or an equivariance_weight of 0."
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
    """Load the feature network of the perceptual loss, or of the score; None: there is none.

    Raises:
        UsageError: the network cannot be loaded.
    """
    features = load_features(config)
    if features is None:
        return None
    return features.to(device).to(memory_format=torch.channels_last)
