"""`FaceGenerator`: generates invented faces from seeds or latents, and interpolates between two.

It is the public class for face generation; the app and `srgan-gp generate` use it.
"""

from collections.abc import Iterable, Iterator
from numbers import Integral
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.inference.latents import (
    Floats,
    as_integer,
    check_latents,
    check_truncation,
    draw_latents,
    spherical_path,
)
from srgan_gp.inference.pixel_values import quantise
from srgan_gp.inference.session_interface import LoadedModel, SessionInterface
from srgan_gp.inference.tiling.tiles import Progress, check_progress
from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import DEFAULT_MODELS

Array = NDArray[Any]

DEFAULT_MODEL = DEFAULT_MODELS[FACES]
"""Name of the model that is used if none is given."""
MAX_RESULT_BYTES = 2**32
"""Limit of the result of `generate`, 4 GiB: a `count` with a zero too many gets an error, and does
not use up the memory."""


class FaceGenerator(LoadedModel):
    """Generates faces with one model. `FaceGenerator.load` opens a model by name or path.

    The input of the network is a latent: `latent_size` standard normal numbers, drawn by a seed,
    times the truncation. `generate` takes seeds, and `generate_from` takes latents.

    Example:
        >>> FaceGenerator.load().generate(seed=7, count=2).shape
        (2, 64, 64, 3)

    Args:
        session: runs the model. The default None raises a TypeError that names `load`.

    Attributes:
        name: name of the model.
        sha256: SHA-256 of the ONNX file, in hex.
        device: device that runs the model, `cpu` or `cuda:N`.
        card: card of the model: licence, training data, scores, limits; None without a card.
        choice: one line with model, device, and why a GPU of the machine is not used.

    Raises:
        ModelRefusedError: the model does not generate faces.
    """

    def __init__(self, session: SessionInterface | None = None) -> None:
        super().__init__(session, FACES, purpose="generating faces")

    def __repr__(self) -> str:
        side = self.image_size
        return f"<FaceGenerator {self.name}: {side} x {side} pixels on {self.device}>"

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
            device: `auto`, `cpu`, `cuda`, `cuda:N`, or `tensorrt` for a GPU with TensorRT.
            threads: CPU threads; None means one for each CPU this process may use.

        Raises:
            ModelRefusedError: the model is unknown, damaged, or does not generate faces.
            DeviceError: the requested GPU cannot be used.
            UsageError: `device` is unknown, or `threads` is out of range.
            TypeError: a value has another type than stated.
        """
        # Imported here, so that tests with a fake session need no ONNX Runtime.
        from srgan_gp.inference.session import Session

        return cls(Session.open(model, device=device, threads=threads, task=FACES))

    @property
    def image_size(self) -> int:
        """Height and width of a face in pixels."""
        return self._session.info.image_size

    @property
    def latent_size(self) -> int:
        """Length of a latent."""
        return self._session.info.latent_size

    @property
    def default_truncation(self) -> float:
        """Truncation that is used if none is given: that on the model's card, otherwise 1."""
        truncation_of_card = self.card.truncation if self.card else None
        return 1.0 if truncation_of_card is None else truncation_of_card

    def latents(self, seeds: Iterable[int], *, truncation: float | None = None) -> Floats:
        """Draw the latent of each seed from the standard normal distribution.

        Args:
            seeds: integers of 0 or more.
            truncation: factor of each latent, 0 or more; None means `default_truncation`. Below 1
                faces are more typical and more alike, above 1 more unusual. 0 gives the face of
                the mean latent.

        Returns:
            (N, latent_size), float32.

        Raises:
            UsageError: a seed or `truncation` is negative or not finite.
            TypeError: `seeds` are not integers, or `truncation` is not a number.
        """
        if truncation is None:
            truncation = self.default_truncation
        factor = check_truncation(truncation)
        if isinstance(cast("object", seeds), Integral):
            raise TypeError(f"the seeds must be a list or a range, got {seeds!r}; pass [{seeds!r}]")
        seeds = [as_integer("a seed", seed) for seed in seeds]
        if seeds and min(seeds) < 0:
            raise UsageError(f"A seed must be 0 or more, not {min(seeds)}.")
        return np.float32(factor) * draw_latents(seeds, self.latent_size)

    def generate(
        self,
        *,
        seed: int = 0,
        count: int = 1,
        truncation: float | None = None,
        on_progress: Progress | None = None,
    ) -> Array:
        """Generate the faces of `count` consecutive seeds, starting with `seed`.

        The face of a seed does not depend on the batch. On one machine with the same number of
        threads it is equal to the last bit; elsewhere it differs by at most 1 of 255.

        Args:
            seed: seed of the first face; face i has seed + i.
            count: number of faces; the result has at most 4 GiB.
            truncation: as for `latents`.
            on_progress: called with (faces done, number of faces). An exception ends the call.

        Returns:
            (count, image_size, image_size, 3), uint8 RGB.

        Raises:
            UsageError: `count` is negative or too large; or as for `latents`.
            TypeError: an argument has another type than stated.
            PictureError: E_MODEL_OUTPUT if a face is not finite, or E_OUT_OF_MEMORY.
            DeviceError: the GPU failed.
            ModelRefusedError: ONNX Runtime cannot run the model.
        """
        first, count = as_integer("the seed", seed), as_integer("the count", count)
        if count < 0:
            raise UsageError(f"The number of faces must be 0 or more, not {count}.")
        if (needed := count * self.image_size**2 * 3) > MAX_RESULT_BYTES:
            raise UsageError(
                f"{count} faces need {needed / 2**30:.0f} GiB of memory; generate at most "
                f"{MAX_RESULT_BYTES // (self.image_size**2 * 3)} in one call."
            )
        latents = self.latents(range(first, first + count), truncation=truncation)
        return self.generate_from(latents, on_progress=on_progress)

    def generate_from(self, latents: Floats, *, on_progress: Progress | None = None) -> Array:
        """Generate the face of each latent.

        Args:
            latents: (N, latent_size), float32; the method `latents` draws the latents of seeds.
            on_progress: as for `generate`.

        Returns:
            (N, image_size, image_size, 3), uint8 RGB.

        Raises:
            PictureError, DeviceError, ModelRefusedError: as for `generate`.
            TypeError: `latents` is not an array, or `on_progress` is not a function.
            ValueError: `latents` has another shape or dtype, or values that are not finite.
        """
        check_progress(on_progress)
        latents = check_latents(latents, self.latent_size)
        side = self.image_size
        faces = np.empty((len(latents), side, side, 3), np.uint8)
        for index in range(len(latents)):
            faces[index] = self._generate_one(latents[index : index + 1])
            if on_progress:
                on_progress(index + 1, len(latents))
        return faces

    def interpolate(
        self, first_seed: int, second_seed: int, *, frames: int, truncation: float | None = None
    ) -> Iterator[Array]:
        """Interpolate from the face of one seed to that of another.

        Args:
            first_seed: seed of the first frame.
            second_seed: seed of the last frame.
            frames: number of frames, at least 2, in equal steps on the arc between the latents.
            truncation: as for `latents`.

        Returns:
            Iterator over frames (image_size, image_size, 3), uint8 RGB, each generated on demand.

        Raises:
            UsageError: `frames` is below 2; or as for `latents`.
            TypeError: a seed or `frames` is not an integer; or as for `latents`.
            PictureError, DeviceError, ModelRefusedError: as for `generate`, by the iterator.
        """
        for seed in (first_seed, second_seed):
            # An array is not a seed, but an integer of numpy is.
            if hasattr(seed, "__array__") and not isinstance(cast("object", seed), Integral):
                raise TypeError("interpolate takes two seeds; pass latents to generate_from")
        if as_integer("the number of frames", frames) < 2:
            raise UsageError(f"An animation has 2 frames or more, not {frames}.")
        first, last = self.latents((first_seed, second_seed), truncation=truncation)
        shares = (index / (frames - 1) for index in range(frames))  # 0 to 1
        return (self._generate_one(spherical_path(first, last, [share])) for share in shares)

    def _generate_one(self, latent: Floats) -> Array:
        """Generate the face (image_size, image_size, 3), uint8, of one latent (1, latent_size).

        Faces are generated one at a time, because in batches of N the last bits would depend on N.
        """
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
                "E_MODEL_OUTPUT", f"the model {self.name} returned values that are not finite"
            )
        return quantise(planes.transpose(1, 2, 0), np.dtype(np.uint8))
