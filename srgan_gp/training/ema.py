"""Exponential moving average of generator weights, which is validated, previewed and exported."""

import copy

import torch
from torch import nn


class MovingAverage:
    """Exponential moving average of a network's parameters and buffers, in float32.

    average <- decay * average + (1 - decay) * weights, after every step. The decay rises with the
    number of steps n, min(decay, (1 + n) / (10 + n)), so that the random initial weights lose
    their influence quickly.

    Args:
        network: the network to average; `average` is a frozen copy of it.
        decay: decay of one step, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Update the average with the weights of `network` after step number `step` (from 1)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        averages = list(self.average.state_dict().values())
        for average, value in zip(averages, network.state_dict().values(), strict=True):
            average.lerp_(value, 1 - decay)
