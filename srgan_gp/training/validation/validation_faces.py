"""Validation faces: scores of a face generator during training and after fine-tuning.

S is the side of the faces in pixels. A latent is the input of a generator, a vector of standard
normal numbers. Layouts are the vectors by which `metrics.memorisation` compares faces.
"""

from contextlib import suppress

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.datasets import ImageCache
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.metrics.aligned_face_distances import AlignedFaceDistances
from srgan_gp.metrics.border_ratio import border_ratio
from srgan_gp.metrics.colour_shift import colour_shift
from srgan_gp.metrics.memorisation import describe_layouts, memorisation_ratio
from srgan_gp.metrics.patch_distance import MIN_IMAGE_SIDE, patch_distance
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.pretrained_networks import load_features, load_yunet

MAX_FACES = 1_000
"""Largest number of real faces that generated faces are compared with. With more, a validation
would take longer than the training between two validations."""
MAX_GENERATED = 512
"""Largest number of faces generated for one validation. Scores of fewer faces are noisier; more
take longer."""
BATCH = 64
"""Number of faces generated at a time. More need more memory; fewer use a GPU less well."""


class ValidationFaces:
    """Real faces that are not trained on, and fixed latents to generate faces from.

    Args:
        faces: the real faces, all of one size.
        config: options of the run; names the feature network and the face detector.
        device: device of the generator.
        training: the training faces, to measure memorisation; None: not measured.

    Attributes:
        faces: at most `MAX_FACES` real faces, (N, S, S, 3), uint8 RGB, in a fixed random order, so
            that the first ones are representative.
        latents: (min(N, MAX_GENERATED), latent_size), float32, standard normal, the same in every
            run.

    Raises:
        UsageError: a network cannot be loaded, there are fewer than two faces, they are
            too small to score, or more than half of them are training faces.
        ModelRefusedError: the face detector cannot be used.
        PictureError: a validation face, or every training face, is damaged.
    """

    def __init__(
        self,
        faces: ImageCache,
        config: TrainConfig,
        device: torch.device,
        training: ImageCache | None = None,
    ) -> None:
        # Before images are read, which takes long: the files of the networks may be missing.
        features = load_features(config)
        yunet = load_yunet(config)
        self._latent_size = config.latent_size
        if len(faces) < 2 or config.image_size < MIN_IMAGE_SIDE:
            raise UsageError(
                f"{len(faces)} validation faces of {config.image_size} pixels cannot be scored; at "
                f"least 2 of {MIN_IMAGE_SIDE} pixels are needed. Pass others, or no --validation."
            )
        order = np.random.default_rng(0).permutation(len(faces))[:MAX_FACES]
        self.faces = np.stack([faces[int(index)] for index in order])
        self.latents = self._draw_latents(seed=0).to(device)
        self._real_layouts = describe_layouts(self.faces)
        self._training_layouts = None if training is None else _layouts_of(training)
        if self._training_layouts is not None:
            _require_unseen(self._real_layouts, self._training_layouts)
        self._features = features
        self._real_features = self._pool(self.faces)
        self._aligned_distances = AlignedFaceDistances(self.faces, yunet)

    def scores(self, generator: nn.Module, seed: int = 0) -> dict[str, float]:
        """Compare generated with real faces.

        Args:
            generator: latents -> faces.
            seed: seed of the latents; 0: those of `latents`.

        Returns:
            Scores by name. Lower is better for distances: `kid_squeeze` (kernel distance of
            features, with a feature network), `fd_yunet` (with a face detector), `fd_hog` and
            `fd_pca`, see `AlignedFaceDistances`, and `patch_distance` (of fine detail).
            `border_ratio` is best at 1, and missing if it is not defined. Only with training faces:
            `novelty`, the `memorisation_ratio` (0: copies, best near 1), and `colour_shift`
            (difference of the mean colours in levels of 255, lower is better).
        """
        generated = generate_images(generator, self._draw_latents(seed).to(self.latents.device))
        scores: dict[str, float] = {}
        generated_features = self._pool(generated)
        if generated_features is not None and self._real_features is not None:
            from srgan_gp.metrics.feature_distances import kernel_distance

            scores["kid_squeeze"] = kernel_distance(generated_features, self._real_features)
        scores |= self._aligned_distances.distances(generated)
        as_many_real = self.faces[: len(generated)]  # `patch_distance` needs sets of equal size
        scores["patch_distance"] = patch_distance(list(generated), list(as_many_real))
        ratio = border_ratio(generated, self.faces)
        if ratio is not None:
            scores["border_ratio"] = ratio
        # Both are limits of a fine-tuning, which measures novelty. Other runs have no use for them.
        if self._training_layouts is not None:
            layouts = describe_layouts(generated)
            scores["novelty"] = memorisation_ratio(
                layouts, self._training_layouts, self._real_layouts
            )
            scores["colour_shift"] = colour_shift(generated, self.faces)
        return scores

    def _draw_latents(self, seed: int) -> Tensor:
        """Draw a latent for each real face, at most `MAX_GENERATED`, on the CPU."""
        shape = (min(len(self.faces), MAX_GENERATED), self._latent_size)
        return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, np.float32))

    def _pool(self, faces: np.ndarray) -> np.ndarray | None:
        """Return the spatial means of the feature maps, (N, D); None without a feature network."""
        if self._features is None:
            return None
        from srgan_gp.metrics.feature_distances import pooled_features

        return pooled_features(self._features, faces)


def _layouts_of(faces: ImageCache) -> np.ndarray:
    """Return the layout of every face, (N, D), except damaged ones, which a run skips too.

    Raises:
        PictureError: all are damaged; the error of the first one.
    """
    layouts = []
    for index in range(len(faces)):
        with suppress(PictureError):
            layouts.append(describe_layouts(faces[index][None]))
    if not layouts:
        faces[0]  # raises
    return np.concatenate(layouts)


def _require_unseen(validation_layouts: np.ndarray, training_layouts: np.ndarray) -> None:
    """Check that no more than half of the validation faces are training faces.

    Layouts show copies with the same pixels, also mirrored ones, whose files differ. Copies in JPEG
    have other pixels, and are not found.

    Raises:
        UsageError: more than half of the validation faces are training faces.
    """
    try:
        # ValueError: the median distance of the validation faces to the training faces is 0.
        memorisation_ratio(validation_layouts, training_layouts, validation_layouts)
    except ValueError as error:
        raise UsageError(
            "More than half of the validation faces are training faces too, perhaps mirrored, so "
            "scores on them would be meaningless. Remove them from one of the sets."
        ) from error


@torch.no_grad()
def generate_images(generator: nn.Module, latents: Tensor) -> np.ndarray:
    """Generate faces as uint8 images.

    Args:
        generator: latents -> (N, 3, S, S) around [0, 1].
        latents: (N, latent_size), float32.

    Returns:
        (N, S, S, 3), uint8 RGB, rounded to nearest.
    """
    parts = []
    for batch in latents.split(BATCH):
        levels = (generator(batch).float().clamp(0, 1) * 255).round().to(torch.uint8)
        parts.append(levels.permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(parts)
