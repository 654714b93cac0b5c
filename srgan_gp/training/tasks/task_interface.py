"""Interface that every training task implements."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn


@dataclass(frozen=True)
class Shifted:
    """Inputs of a batch for the same scene, moved by a few output pixels.

    Attributes:
        inputs: inputs of the same shape and range as those of the batch.
        rows: output pixels by which the scene was moved up.
        columns: output pixels by which it was moved to the left.
    """

    inputs: Tensor
    rows: int
    columns: int


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of one step.

    Attributes:
        inputs: inputs of the generator, float32: (B, 3, h, w) in [0, 1], or latents,
            (B, latent_size).
        targets: real images, (B, 3, H, W), float32 in [0, 1].
        condition: second input of the critic, (B, 3, h, w); None: unconditional.
        numbers: image numbers since the start of the run, one per sample; they seed every random
            draw.
        shifted: inputs of the shift equivariance loss; None: the loss is off.
    """

    inputs: Tensor
    targets: Tensor
    condition: Tensor | None
    numbers: range
    shifted: Shifted | None = None


class Task(Protocol):
    """Interface of a training task: networks, batches, content losses and validation."""

    def build_generator(self) -> nn.Module:
        """Build the generator with fresh weights.

        Raises:
            UsageError: the options do not define a network of this task.
        """
        ...

    def build_critic(self) -> nn.Module:
        """Build the critic with fresh weights: (images, condition) -> (B,) scores.

        Raises:
            UsageError: the options do not define a critic of this task.
        """
        ...

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield this process's share of the batches from image `images_seen` on.

        The last batch is smaller if `total_images` is not a multiple of the batch size.

        Raises:
            PictureError: too many training images are damaged.
        """
        ...

    def describe(self, batch: Batch) -> list[str]:
        """Return the file names of a batch's images, for an error message."""
        ...

    def content_losses(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare outputs with their targets: weighted scalar losses by name; may be empty."""
        ...

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score a generator on the validation set; empty without one.

        With the option `best_by` at auto, the first score chooses the best checkpoint.
        """
        ...

    def validation_batch(self) -> Batch | None:
        """Return fixed validation samples, as large as the largest batches'; None without any."""
        ...

    def preview(self, generator: nn.Module) -> dict[str, np.ndarray] | None:
        """Return a generator's output for fixed inputs, beside what it is compared with.

        Returns:
            Images of equal height, (H, W, 3) uint8 RGB, by label; the outputs have the label
            `preview_sheet.NOW`. None without validation images.
        """
        ...
