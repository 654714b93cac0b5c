"""`Task`: interface that every training task implements, and `Batch`, the data of one step.

`training.loop` and `training.steps` use the interface. Super-resolution and face generation
implement it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn


@dataclass(frozen=True)
class Shifted:
    """LR images of the scenes of a batch, moved by a few pixels.

    They are inputs of `losses.shift_equivariance`.

    Attributes:
        inputs: LR images, (B, 3, h, w), float32 RGB in [0, 1], for the generator.
        rows: pixels of the HR image by which the scene was moved up.
        columns: pixels of the HR image by which it was moved to the left.
    """

    inputs: Tensor
    rows: int
    columns: int


@dataclass(frozen=True)
class Batch:
    """Inputs and real images of one step: this process's share of a batch.

    Attributes:
        inputs: inputs of the generator, float32: LR images, (B, 3, h, w) RGB in [0, 1], or latents,
            (B, latent_size), standard normal.
        targets: real images, (B, 3, H, W), float32 RGB in [0, 1]. In super-resolution target i is
            the HR image of input i; in face generation the two are unrelated.
        condition: second input of a conditional critic, the LR images; None: not conditional.
        numbers: image numbers since the start of the run, one per sample; they seed every random
            draw.
        shifted: inputs of the shift equivariance loss; None: the loss is off, or only the critic is
            trained on the batch.
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
        """Build the critic with fresh weights; it maps (images, condition) to scores, (B,).

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
        """Return the file names of a batch's real images, for an error message."""
        ...

    def content_losses(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare outputs with the targets of their inputs.

        Args:
            output: output of the generator for `batch.inputs`, (B, 3, H, W), with autograd's graph.
            batch: the batch.

        Returns:
            Weighted losses by name, scalars with autograd's graph. Empty in face generation, in
            which inputs and targets are unrelated.
        """
        ...

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score a generator on the validation set.

        Returns:
            Scores by name; empty without validation images, and in every process but the first.
            With the option `best_by` at auto, the first score chooses the best checkpoint.
        """
        ...

    def validation_batch(self) -> Batch | None:
        """Return validation samples that the critic scores, the same in each call.

        Images have the largest size of the run's batches. None without validation images, and in
        every process but the first.
        """
        ...

    def preview(self, generator: nn.Module) -> dict[str, np.ndarray] | None:
        """Return a generator's output for fixed inputs, and the images to compare it with.

        Returns:
            Images of equal height, (H, W, 3) uint8 RGB, by label; the outputs have the label
            `preview_sheet.RESULT_NOW`. None if there is nothing to show.
        """
        ...
