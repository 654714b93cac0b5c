"""Task `face-generation`: random latents to faces, trained by the adversarial loss alone.

A latent is a vector of standard normal numbers. S is the side of the faces, `image_size`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.aligned_faces import shrink_face
from srgan_gp.data.datasets import ImageCache, WholeImages, read_ahead, require_sides
from srgan_gp.data.image_sources import list_all_images
from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.data.validation_halves import ALL, CHOICE, validation_half
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.networks.critics import projected_critic
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.pretrained_networks import load_features
from srgan_gp.training.reports.preview_sheet import RESULT_NOW
from srgan_gp.training.tasks.architecture import build_critic, build_generator
from srgan_gp.training.tasks.task_interface import Batch
from srgan_gp.training.validation.validation_faces import ValidationFaces, generate_images

PREVIEW_ROWS = 8
"""Rows, and columns, of faces in a preview: 64 faces show whether they vary, and fit on a page."""
CALIBRATION_FACES = 512
"""Number of training faces from which the statistics of a critic's feature maps are computed. More
delay the start of every run, fewer make the statistics less exact."""
CRITIC_FACES = 256
"""Largest number of validation faces that the critic scores. More take more time and memory, fewer
make the mean of the scores noisier."""


def require_critic(config: TrainConfig) -> None:
    """Raise a `UsageError` if a run of faces has no critic."""
    if not config.has_critic:
        raise UsageError("Face generation needs a critic; choose an adversarial_ratio above 0.")


class FaceGeneration:
    """The task `face-generation`; its methods are described in `task_interface.Task`.

    Images larger than `image_size` are downscaled, so one set of aligned faces serves every size.

    Args:
        config: options of the run.
        data: folders or zip files of aligned faces, square.
        validation: folder or zip file of faces; None: no validation. Of a large set, the half that
            is for choosing checkpoints is used, see `validation_half`.
        device: device of the networks.
        processes: processes that share each batch.

    Raises:
        UsageError: there is no image, one is too small, or the run has no critic.
        UsageError, PictureError, ModelRefusedError: as for `ValidationFaces`.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Sequence[str],
        validation: str | None,
        device: torch.device,
        processes: Processes,
    ) -> None:
        require_critic(config)
        self._config = config
        self._device = device
        self._processes = processes
        # Training faces in random order; `.images` has them in the order of the files.
        self._faces = WholeImages(face_cache(data, config), config.seed)
        self._validation = None
        if validation and processes.is_first:
            # Novelty compares with the training faces; it is measured only if it has a limit.
            training_faces = None if config.least_novelty is None else self._faces.images
            # `CHOICE`: the half of a large set that is for choosing checkpoints.
            validation_faces = face_cache([validation], config, CHOICE)
            self._validation = ValidationFaces(validation_faces, config, device, training_faces)

    def build_generator(self) -> nn.Module:
        """Build the generator with fresh weights."""
        return build_generator(self._config)

    def build_critic(self) -> nn.Module:
        """Build the critic with fresh weights.

        A `projected_critic` gets its feature network, and the statistics of the feature maps on
        training faces.

        Raises:
            UsageError: the critic's feature network cannot be loaded, or there are fewer than two
                undamaged training faces for the statistics.
        """
        critic = build_critic(self._config)
        if not isinstance(critic, projected_critic.Critic):
            return critic
        features = load_features(self._config)
        assert features  # `load_features` never returns None for this critic
        critic.maps.set_network(features.layers, features.mean, features.deviation)
        faces = list(self._calibration_faces())
        if len(faces) < 2:
            raise UsageError("The projected critic needs at least 2 training faces.")
        images = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2)  # (N, 3, S, S)
        # The feature network sees a window of each image, enlarged if small, as in training.
        critic.maps.calibrate(critic.feature_input(images.float() / 255))
        return critic

    def _calibration_faces(self) -> Iterator[np.ndarray]:
        """Yield at most `CALIBRATION_FACES` training faces, (S, S, 3) uint8 RGB.

        They are evenly spaced in the set. Damaged faces are skipped.
        """
        faces = self._faces.images
        count = min(len(faces), CALIBRATION_FACES)
        for number in range(count):
            with suppress(PictureError):
                yield faces[number * len(faces) // count]

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield this process's share of the batches from image `images_seen` on.

        A thread reads the next batch while the current one is trained on.
        """
        config = self._config
        starts = iter(range(images_seen, config.total_images, config.batch_size))

        def read_batch(start: int) -> tuple[range, np.ndarray, np.ndarray]:
            """Return numbers, latents and faces, (B, 3, S, S) uint8, from image `start` on."""
            count = min(config.batch_size, config.total_images - start)
            numbers = self._processes.share(start, count)
            faces = self._faces.batch(numbers.start, len(numbers))
            return numbers, draw_training_latents(config.seed, numbers, config.latent_size), faces

        for numbers, latents, faces in read_ahead(read_batch, starts):
            inputs = torch.from_numpy(latents).to(self._device)
            yield Batch(inputs, self._targets(faces), condition=None, numbers=numbers)

    def describe(self, batch: Batch) -> list[str]:
        """Return the file names of a batch's real faces."""
        indices = self._faces.indices(batch.numbers.start, len(batch.numbers))
        return [self._faces.images.files[index].name for index in indices]

    def content_losses(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return no losses: a generated face has no target of its own."""
        return {}

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score generated faces against the validation faces."""
        return self._validation.scores(generator) if self._validation else {}

    def validation_batch(self) -> Batch | None:
        """Return the first `CRITIC_FACES` validation faces, with fixed latents."""
        if self._validation is None:
            return None
        faces = self._validation.faces[:CRITIC_FACES]
        latents = self._validation.latents[: len(faces)]
        targets = self._targets(faces.transpose(0, 3, 1, 2))  # (N, S, S, 3) => (N, 3, S, S)
        return Batch(latents, targets, condition=None, numbers=range(len(faces)))

    def preview(self, generator: nn.Module) -> dict[str, np.ndarray]:
        """Generate the faces of fixed latents, in a square of `PREVIEW_ROWS` rows.

        With enough validation faces there is also a square of validation faces.
        """
        count = PREVIEW_ROWS**2
        drawn = draw_training_latents(
            seed=0, numbers=range(count), latent_size=self._config.latent_size
        )
        latents = torch.from_numpy(drawn)
        squares = {RESULT_NOW: _square(generate_images(generator, latents.to(self._device)))}
        if self._validation and len(self._validation.faces) >= count:
            squares["real faces"] = _square(self._validation.faces[:count])
        return squares

    def _targets(self, faces: np.ndarray) -> Tensor:
        """Convert faces, (N, 3, S, S) uint8, to float32 in [0, 1] on the device of the run."""
        values = torch.from_numpy(np.ascontiguousarray(faces)).to(self._device, torch.float32) / 255
        return values.contiguous(memory_format=torch.channels_last)


def _square(faces: np.ndarray) -> np.ndarray:
    """Arrange `PREVIEW_ROWS`**2 faces, (N, S, S, 3) uint8, in rows, as one image."""
    rows = np.split(faces, PREVIEW_ROWS)
    return np.vstack([np.hstack(list(row)) for row in rows])


def draw_training_latents(seed: int, numbers: Sequence[int], latent_size: int) -> np.ndarray:
    """Draw one latent for each image number, a function of the seed and the number.

    `inference.latents.draw_latents` draws other latents, from the seeds of a user.

    Returns:
        (N, latent_size), float32, standard normal.
    """
    latents = []
    for number in numbers:
        random = generator_of(seed, Stream.LATENT, number)
        latents.append(random.standard_normal(latent_size, dtype=np.float32))
    return np.stack(latents)


def face_cache(places: Sequence[str], config: TrainConfig, half: str = ALL) -> ImageCache:
    """Open a set of faces, which are decoded and downscaled to the size of the run when needed.

    Args:
        places: folders or zip files of aligned faces.
        config: options of the run: size of the faces, and memory for decoded ones.
        half: part of the set to use, one of `data.validation_halves.HALVES`.

    Raises:
        UsageError: there is no image, or one is too small. An image that is not square raises it
            when the image is used first.
        PictureError: the header of an image cannot be read.
    """
    files = validation_half(list_all_images(places), half)
    require_sides(files, config.image_size)
    return ImageCache(
        files,
        int(config.cache_gigabytes * 1e9),
        lambda image, name: shrink_face(image, config.image_size, name),
    )
