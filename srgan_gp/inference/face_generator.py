"""`FaceGenerator`: a seed to a generated face."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.inference.latents import Floats, draw_latents, spherical_path
from srgan_gp.inference.pixel_values import quantise
from srgan_gp.inference.session_interface import SessionInterface, describe_choice, require_task
from srgan_gp.models.cards import FACES

Array = NDArray[Any]

DEFAULT_MODEL = "faces-64"


class FaceGenerator:
    """Draws faces with one model; `FaceGenerator.load` makes one.

    Args:
        session: runs the model; a fake one does in tests.

    Raises:
        ModelRefusedError: the model does not draw faces.
    """

    def __init__(self, session: SessionInterface) -> None:
        require_task(session, FACES, "drawing faces")
        self._session = session

    @classmethod
    def load(
        cls,
        model: str | Path = DEFAULT_MODEL,
        *,
        device: str = "auto",
        threads: int | None = None,
    ) -> "FaceGenerator":
        """Load a model by its name, or an exported `.onnx` by its path.

        Args:
            model: a name that `list_models` knows, or a path.
            device: `auto`, `cpu`, `cuda` or `cuda:N`.
            threads: CPU threads; None means one for each CPU this process may use.

        Raises:
            ModelRefusedError: the model is unknown, damaged, or does not draw faces.
            DeviceError: the GPU asked for cannot be used.
            UsageError: there is no such device, or there are far too many threads.
        """
        # Imported here, so that tests with a fake session do not need ONNX Runtime.
        from srgan_gp.inference.session import Session

        return cls(Session.open(model, device=device, threads=threads))

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._session.info.name

    @property
    def sha256(self) -> str:
        """SHA-256 of the ONNX bytes that run, in hex."""
        return self._session.info.sha256

    @property
    def device(self) -> str:
        """`cpu` or `cuda:N`: where the model runs."""
        return self._session.device

    @property
    def choice(self) -> str:
        """What runs on what, and why, in one line."""
        return describe_choice(self._session)

    @property
    def image_size(self) -> int:
        """Side of a face in pixels."""
        return self._session.info.image_size

    @property
    def latent_size(self) -> int:
        """Numbers in a latent."""
        return self._session.info.latent_size

    def latents(self, seeds: Iterable[int], *, truncation: float = 1.0) -> Floats:
        """Draw the latent of each seed.

        Args:
            seeds: whole numbers of 0 or more.
            truncation: what each latent is multiplied by: below 1 faces become more usual and more
                alike, 0 gives the one face of the mean latent, above 1 they become stranger.

        Returns:
            (N, latent_size), float32.

        Raises:
            UsageError: a seed or `truncation` is negative or not finite.
        """
        if not (math.isfinite(truncation) and truncation >= 0):
            raise UsageError(f"The truncation must be a number of 0 or more, not {truncation}.")
        seeds = list(seeds)
        if seeds and min(seeds) < 0:
            raise UsageError(f"A seed must be 0 or more, not {min(seeds)}.")
        return np.float32(truncation) * draw_latents(seeds, self.latent_size)

    def generate(self, *, seed: int = 0, count: int = 1, truncation: float = 1.0) -> Array:
        """Draw the faces of `count` seeds from `seed` on.

        A seed is one face: the same bits in any batch on one machine and number of threads, and
        within 1 of 255 on any other.

        Args:
            seed: of the first face; face i has seed + i.
            count: how many faces.
            truncation: as for `latents`.

        Returns:
            (count, image_size, image_size, 3), uint8 RGB.

        Raises:
            UsageError: as for `latents`.
            PictureError: E_MODEL_OUTPUT; a face is not finite. E_OUT_OF_MEMORY.
        """
        return self.generate_from(self.latents(range(seed, seed + count), truncation=truncation))

    def generate_from(self, latents: Floats) -> Array:
        """Draw the face of each latent.

        Args:
            latents: (N, latent_size), float32.

        Returns:
            (N, image_size, image_size, 3), uint8 RGB.

        Raises:
            PictureError: as for `generate`.
            ValueError: `latents` has another shape or dtype.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latent_size:
            raise ValueError(f"need latents (N, {self.latent_size}), got {latents.shape}")
        if latents.dtype != np.float32:
            raise ValueError(f"need float32, got {latents.dtype}")
        side = self.image_size
        faces = np.empty((len(latents), side, side, 3), np.uint8)
        for index in range(len(latents)):
            faces[index] = self._draw(latents[index : index + 1])
        return faces

    def interpolate(
        self, first_seed: int, second_seed: int, *, frames: int, truncation: float = 1.0
    ) -> Iterator[Array]:
        """Go from the face of one seed to that of another, each frame drawn when it is asked for.

        Args:
            first_seed: the first frame is its face.
            second_seed: the last frame is its face.
            frames: in all, at least 2; equal steps on the arc between the two latents.
            truncation: as for `latents`.

        Returns:
            Frames (image_size, image_size, 3), uint8 RGB.

        Raises:
            UsageError: there are fewer than 2 frames; or as for `latents`.
            PictureError: as for `generate`, when a frame is asked for.
        """
        if frames < 2:
            raise UsageError(f"A way from one face to another has 2 frames or more, not {frames}.")
        ends = self.latents((first_seed, second_seed), truncation=truncation)
        shares = (index / (frames - 1) for index in range(frames))
        return (self._draw(spherical_path(*ends, shares=[share])) for share in shares)

    def _draw(self, latent: Floats) -> Array:
        """Draw one face: the kernels that ONNX Runtime takes, and so the bits, depend on N."""
        try:
            planes = self._session.run(latent)[0]
        except MemoryError as error:
            side = self.image_size
            raise PictureError(
                "E_OUT_OF_MEMORY",
                f"there is not enough memory for a face of {side} x {side} pixels",
            ) from error
        if not np.isfinite(planes).all():
            raise PictureError(
                "E_MODEL_OUTPUT", f"the model {self.name} gave values that are not finite"
            )
        return quantise(planes.transpose(1, 2, 0), np.dtype(np.uint8))
