"""Exponential moving average (EMA) of the generator's weights.

The average is the network that a run validates, previews and exports.
"""

import copy

import torch
from torch import nn


class MovingAverage:
    """Exponential moving average of a network's parameters and buffers, in float32.

    After step n: average <- d * average + (1 - d) * weights, with d = min(decay,
    (1 + n) / (10 + n)), as in TensorFlow's `ExponentialMovingAverage`. The small d of the first
    steps removes the random initial weights quickly.

    Args:
        network: the network to average.
        decay: largest decay d of one step, in [0, 1).

    Attributes:
        average: copy of the network with the averaged weights, in evaluation mode, not trainable.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Update the average after step number `step`, counted from 1, of `network`."""
        decay = min(self._decay, (1 + step) / (10 + step))
        averages = list(self.average.state_dict().values())
        for average, value in zip(averages, network.state_dict().values(), strict=True):
            average.lerp_(value, 1 - decay)  # in place, in the memory of `self.average`
