"""Normalisation of a critic, added to any architecture after it is built.

    none      no normalisation; the gradient penalty bounds the scale of the scores
    layer     layer norm, GroupNorm(1, C), after each convolution that an activation follows; the
              replacement of batch norm that Gulrajani et al. 2017, arXiv:1704.00028, section 4
              recommend
    spectral  each weight is divided by its largest singular value: Miyato et al. 2018,
              arXiv:1802.05957

Batch norm is refused by `networks.build`: it couples the images of a batch, and a penalty needs
every score to depend on its own image alone.

The option `--critic-norm` reads its choices from `CRITIC_NORMS`. Frozen layers, those of a feature
network, are not changed.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.Softplus)
"""Activations that critics use as modules of an `nn.Sequential`."""


def add_nothing(critic: nn.Module) -> None:
    """Leave the critic as it is."""


def add_layer_norm(critic: nn.Module) -> None:
    """Add layer norm after each trainable convolution that an activation follows, in place.

    Such convolutions are the first ones of residual blocks, which `networks.blocks` stores as
    `first`, and those before an activation in an `nn.Sequential`. No activation follows the second
    convolution of a residual block.
    """
    for module in list(critic.modules()):  # a list, since the loop replaces modules
        first = getattr(module, "first", None)
        if isinstance(first, nn.Conv2d) and _is_trained(first):
            module.first = _with_layer_norm(first)
        if isinstance(module, nn.Sequential):
            for index, (layer, next_layer) in enumerate(pairwise(list(module))):
                if not isinstance(next_layer, ACTIVATIONS):
                    continue
                if isinstance(layer, nn.Conv2d) and _is_trained(layer):
                    module[index] = _with_layer_norm(layer)


def _with_layer_norm(convolution: nn.Conv2d) -> nn.Sequential:
    """Append a layer norm to a convolution."""
    return nn.Sequential(convolution, nn.GroupNorm(1, convolution.out_channels))


def add_spectral_norm(critic: nn.Module) -> None:
    """Divide the weight of each trainable convolution and linear layer by its spectral norm.

    A weight of zeros would be divided by 0, so it is replaced by He-normal values first. PyTorch
    finds the spectral norm by power iteration, with one step in each forward pass in training mode.
    """
    for module in list(critic.modules()):  # a list, since `spectral_norm` adds modules
        if isinstance(module, nn.Conv2d | nn.Linear) and _is_trained(module):
            if not module.weight.any():
                nn.init.kaiming_normal_(module.weight)
            spectral_norm(module)


def _is_trained(layer: nn.Module) -> bool:
    """Return whether a layer has a trainable weight, unlike those of a frozen feature network."""
    weight = layer.weight  # typed by PyTorch as a tensor or a module
    return isinstance(weight, torch.Tensor) and weight.requires_grad


CRITIC_NORMS: dict[str, Callable[[nn.Module], None]] = {
    "none": add_nothing,
    "layer": add_layer_norm,
    "spectral": add_spectral_norm,
}
"""Functions that change a critic in place, by name of the normalisation."""
