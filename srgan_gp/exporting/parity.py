"""`largest_difference`: compares an exported graph in ONNX Runtime with its network in PyTorch."""

from collections.abc import Iterator
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.cards import FACES

TOLERANCE = 1e-4
"""Largest difference that counts as rounding, for values from 0 to 1; a larger one refuses an
export. It is 1/40 of a level of 8 bits: a larger limit could pass a graph that changes pixels, a
smaller one could refuse a graph only because ONNX Runtime adds in another order."""
CHECK_SHAPES = ((1, 17, 23), (3, 31, 37), (1, 64, 61), (2, 5, 101), (1, 1, 1))
"""Number, height and width of the compared images: batches, odd sides, a single pixel. They differ,
so that a graph with a fixed batch size, height or width fails."""
CHECK_COUNTS = (1, 2, 3, 7, 16)
"""Numbers of latents in the compared batches; a graph with a fixed batch size fails."""


class RunsModel(Protocol):
    """Interface of an inference session that is compared with PyTorch."""

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the output for float32 inputs, images or latents."""
        ...


def fixed_inputs(generator: nn.Module) -> Iterator[Tensor]:
    """Yield the fixed inputs on which a graph is compared.

    Args:
        generator: its attribute `task`, one of `cards.TASKS`, selects the kind of input.

    Yields:
        Noise (N, 3, H, W) of `CHECK_SHAPES`, uniform in [0, 1], or latents (N, latent_size) of
        `CHECK_COUNTS`, standard normal; float32.
    """
    rng = torch.Generator().manual_seed(0)
    if generator.task == FACES:
        for count in CHECK_COUNTS:
            yield torch.randn(count, cast(int, generator.latent_size), generator=rng)
    else:
        for count, height, width in CHECK_SHAPES:
            yield torch.rand(count, 3, height, width, generator=rng)


def largest_difference(session: RunsModel, generator: nn.Module) -> float:
    """Return the largest absolute difference between ONNX Runtime and PyTorch on `fixed_inputs`.

    Args:
        session: the exported graph.
        generator: the network, in evaluation mode on the CPU.

    Returns:
        The difference; NaN if an output contains NaN.

    Raises:
        ModelRefusedError: the shapes of the outputs differ.
    """
    differences = []
    for inputs in fixed_inputs(generator):
        with torch.no_grad():
            expected = generator(inputs).numpy()
        found = session.run(inputs.numpy())
        if found.shape != expected.shape:
            raise ModelRefusedError(
                f"The output of ONNX Runtime is {found.shape}, that of PyTorch {expected.shape}."
            )
        differences.append(abs(found - expected).max())
    return float(np.max(differences))  # unlike Python's `max`, it keeps NaN
