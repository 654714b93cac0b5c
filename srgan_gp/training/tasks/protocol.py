"""What the loop asks of a task, and what passes between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn


@dataclass(frozen=True)
class Shifted:
    """The inputs of a batch once more, for the same scene moved by a few output pixels.

    Attributes:
        inputs: as those of the batch.
        rows: output pixels by which the scene was moved up.
        columns: output pixels by which it was moved to the left.
    """

    inputs: Tensor
    rows: int
    columns: int


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of one step, and where they came from.

    Attributes:
        inputs: what the generator gets; for super-resolution (B, 3, h, w) in [0, 1].
        targets: what its output should be like, (B, 3, H, W) in [0, 1].
        condition: what the critic gets beside a picture; None: nothing.
        numbers: of the images since the run began, one a sample; every random draw is made of them.
        shifted: for the shift equivariance loss; None: it is off.
    """

    inputs: Tensor
    targets: Tensor
    condition: Tensor | None
    numbers: range
    shifted: Shifted | None = None


class Task(Protocol):
    """What differs between the things a network is trained for."""

    def build_generator(self) -> nn.Module:
        """Build the network with fresh weights."""
        ...

    def build_critic(self) -> nn.Module:
        """Build its critic with fresh weights: (pictures, condition) -> (B,) scores."""
        ...

    def batches(self, images_seen: int) -> Iterator[Batch]:
        """Yield this process's share of the batches from image `images_seen` on."""
        ...

    def describe(self, batch: Batch) -> list[str]:
        """Name the pictures of a batch, for an error message."""
        ...

    def content_losses(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare outputs with their own targets: weighted scalars by name; perhaps none."""
        ...

    def validate(self, generator: nn.Module) -> dict[str, float]:
        """Score a generator on held-out data; the first value decides which is best (higher)."""
        ...

    def held_out_batch(self) -> Batch | None:
        """Return fixed held-out samples of the size of the last batches, for the critic."""
        ...

    def preview(self, generator: nn.Module) -> np.ndarray | None:
        """Draw what a generator makes of fixed inputs: (H, W, 3) uint8, or None."""
        ...
