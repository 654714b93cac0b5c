"""Changes of a generator at its export: averaged weights, and a filter behind a face generator.

An average with a model that stays closer to the originals reduces artefacts of a model trained with
a critic. The filter smooths generated faces. It reduces thin lines that remain after training if
the critic scores feature maps of a network: the maps do not show such lines.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.networks.generators import style_resnet
from srgan_gp.training.start_weights import load_weights
from srgan_gp.training.weights_file import LARGEST_SMOOTHING


@dataclass(frozen=True)
class Blend:
    """A model to average a generator's weights with.

    Attributes:
        model: an `.onnx` or `.safetensors` file of the same architecture.
        share: weight of that model in the average, 0 to 1.
    """

    model: Path
    share: float

    def __post_init__(self) -> None:
        """Raise UsageError if the share is not from 0 to 1."""
        if not 0 <= self.share <= 1:
            raise UsageError(f"The share of the blended model must be 0 to 1, not {self.share}.")


@torch.no_grad()
def blend_weights(generator: nn.Module, blend: Blend) -> None:
    """Replace the weights by (1 - share) * weights + share * weights of another model, in place.

    Raises:
        UsageError: the file cannot be read or holds another network.

    Source:
        Wang et al. 2018 (ESRGAN), arXiv:1809.00219, section 3.4, network interpolation.
    """
    other = copy.deepcopy(generator)
    load_weights(other, blend.model)
    for parameter, target in zip(generator.parameters(), other.parameters(), strict=True):
        parameter.lerp_(target, blend.share)


def smooth_faces(generator: nn.Module, share: float) -> None:
    """Set the filter that smooths the faces of a generator; a share of 0 changes nothing.

    Args:
        generator: a `style_resnet`, changed in place; with a share of 0 any generator.
        share: share a of each neighbour in the filter [a, 1 - 2 a, a].

    Raises:
        UsageError: the share is not from 0 to 0.25, or the generator has no smoothing.
    """
    if not share:
        return
    if not isinstance(generator, style_resnet.Generator):
        raise UsageError("Only a generator style_resnet has a smoothing.")
    if not 0 < share <= LARGEST_SMOOTHING:
        raise UsageError(f"The smoothing must be 0 to {LARGEST_SMOOTHING}, not {share}.")
    generator.smoothing = share


def describe_changes(blend: Blend | None, smoothing: float) -> dict[str, Any]:
    """Return the entries of a card about a blend and a filter, by field of `TrainingRecord`."""
    changes: dict[str, Any] = {}
    if blend:
        changes["blended_with"] = f"{blend.share:g} of {blend.model.name}"
    if smoothing:
        changes["smoothing"] = smoothing
    return changes
