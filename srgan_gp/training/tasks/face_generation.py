"""Face generation: random latents to faces, by the adversarial loss alone."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.aligned_faces import shrink_face
from srgan_gp.data.datasets import ImageCache, WholeImages, read_ahead, require_sides
from srgan_gp.data.image_sources import list_all_images
from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.data.validation_halves import ALL, CHOICE, validation_half
from srgan_gp.errors import UsageError
from srgan_gp.networks.critics import projected_critic
from srgan_gp.training.distributed import Processes
from srgan_gp.training.feature_network import load_features
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks.architecture import build_critic, build_generator
from srgan_gp.training.tasks.task_interface import Batch
from srgan_gp.training.validation.validation_faces import ValidationFaces, draw_faces

PREVIEW_ROWS = 8
CALIBRATION_FACES = 512
"""Training faces that a critic's feature maps are standardised on, spread over the set."""
CRITIC_FACES = 256
"""Held-out faces that the critic is asked about."""


class FaceGeneration:
    """The task `face-generation`.

    A picture larger than `image_size` is shrunk as a whole, so that one set of aligned faces serves
    every size.

    Args:
        config: the options of the run.
        data: folders or zip files of aligned faces, square.
        validation: faces of which one half is scored on, see `validation_half`; None: no
            validation.
        device: where the networks are.
        processes: those that share each batch.

    Raises:
        UsageError: there is no picture, one is too small, or the run has no critic.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Sequence[str],
        validation: str | None,
        device: torch.device,
        processes: Processes,
    ) -> None:
        if not config.has_critic:
            raise UsageError(
                "Without a critic nothing tells a face from noise; choose an adversarial_ratio "
                "above 0."
            )
        self._config = config
        self._device = device
        self._processes = processes
        self._faces = WholeImages(face_cache(data, config), config.seed)
        self._held_out = None
        if validation and processes.is_first:
            known = None if config.least_novelty is None else self._faces.images
            half = face_cache([validation], config, CHOICE)
            self._held_out = ValidationFaces(half, config, device, known)

    def build_generator(self) -> nn.Module:
        """Build the network with fresh weights."""
        return build_generator(self._config)

    def build_critic(self) -> nn.Module:
        """Build its critic with fresh weights; feature maps are standardised on training faces."""
        critic = build_critic(self._config)
        if isinstance(critic, projected_critic.Critic):
            features = load_features(self._config)
            assert features
            critic.maps.install(features.layers, features.mean, features.deviation)
            faces = self._faces.images
            chosen = range(0, len(faces), max(len(faces) // CALIBRATION_FACES, 1))
            images = np.stack([faces[index] for index in chosen[:CALIBRATION_FACES]])
            targets = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
            critic.maps.calibrate(critic.feature_input(targets))
        return critic

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield this process's share of the batches from image `images_seen` on, read ahead."""
        config = self._config
        starts = iter(range(images_seen, config.total_images, config.batch_size))

        def take(start: int) -> tuple[range, np.ndarray, np.ndarray]:
            count = min(config.batch_size, config.total_images - start)
            numbers = self._processes.share(start, count)
            faces = self._faces.batch(numbers.start, len(numbers))
            return numbers, draw_latents(config.seed, numbers, config.latent_size), faces

        for numbers, latents, faces in read_ahead(take, starts):
            yield Batch(
                torch.from_numpy(latents).to(self._device), self._targets(faces), None, numbers
            )

    def describe(self, batch: Batch) -> list[str]:
        """Name the real faces of a batch."""
        indices = self._faces.indices(batch.numbers.start, len(batch.numbers))
        return [self._faces.images.files[index].name for index in indices]

    def content_losses(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare nothing: a generated face has no original."""
        return {}

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score generated faces against the validation faces."""
        return self._held_out.scores(generator) if self._held_out else {}

    def validation_batch(self) -> Batch | None:
        """Return the first held-out faces and latents of their own."""
        if self._held_out is None:
            return None
        faces = self._held_out.faces[:CRITIC_FACES]
        latents = self._held_out.latents[: len(faces)]
        targets = self._targets(faces.transpose(0, 3, 1, 2))
        return Batch(latents, targets, None, range(len(faces)))

    def preview(self, generator: nn.Module) -> np.ndarray:
        """Draw the faces of the same latents each time, in a square of `PREVIEW_ROWS` rows."""
        latents = draw_latents(0, range(PREVIEW_ROWS**2), self._config.latent_size)
        faces = draw_faces(generator, torch.from_numpy(latents).to(self._device))
        rows = np.split(faces, PREVIEW_ROWS)
        return np.vstack([np.hstack(list(row)) for row in rows])

    def _targets(self, faces: np.ndarray) -> Tensor:
        """Turn (N, 3, S, S) uint8 into float32 in [0, 1]."""
        values = torch.from_numpy(np.ascontiguousarray(faces)).to(self._device, torch.float32) / 255
        return values.contiguous(memory_format=torch.channels_last)


def draw_latents(seed: int, numbers: Sequence[int], latent_size: int) -> np.ndarray:
    """Draw one latent an image, a function of (seed, number): (N, latent_size) float32, normal."""
    return np.stack(
        [
            generator_of(seed, Stream.LATENT, n).standard_normal(latent_size, dtype=np.float32)
            for n in numbers
        ]
    )


def face_cache(places: Sequence[str], config: TrainConfig, half: str = ALL) -> ImageCache:
    """Open faces at the size of a run.

    Args:
        places: folders or zip files of aligned faces.
        config: of the run.
        half: of a validation set, one of `HALVES`.

    Raises:
        UsageError: there is no picture, or one is too small; at its first use, one is not square.
    """
    files = validation_half(list_all_images(places), half)
    require_sides(files, config.image_size)
    return ImageCache(
        files,
        int(config.cache_gigabytes * 1e9),
        lambda picture: shrink_face(picture, config.image_size, f"a picture of {places[0]}"),
    )
