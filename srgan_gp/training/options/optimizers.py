"""Optimizers by name; the option `--optimizer` reads its choices from `OPTIMIZERS`.

name     arguments used         used by
adam     rate, beta1 and beta2  Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1
rmsprop  rate, beta2 as alpha   Arjovsky et al. 2017 (WGAN), arXiv:1701.07875, algorithm 1;
                                Mescheder et al. 2018, arXiv:1801.04406, published code
"""

from collections.abc import Callable

import torch
from torch import nn

from srgan_gp.errors import UsageError


def _adam(
    parameters: list[nn.Parameter], rate: float, beta1: float, beta2: float
) -> torch.optim.Optimizer:
    """Build Adam, fused: one kernel updates all parameters. Arguments as of `build_optimizer`."""
    return torch.optim.Adam(parameters, lr=rate, betas=(beta1, beta2), fused=True)


def _rmsprop(
    parameters: list[nn.Parameter], rate: float, beta1: float, beta2: float
) -> torch.optim.Optimizer:
    """Build RMSprop without momentum, with `beta2` as its decay alpha; `beta1` is ignored."""
    return torch.optim.RMSprop(parameters, lr=rate, alpha=beta2)


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": _adam,
    "rmsprop": _rmsprop,
}
"""(parameters, rate, beta1, beta2) -> optimizer, by name; see `build_optimizer`."""


def build_optimizer(
    name: str, network: nn.Module, rate: float, beta1: float, beta2: float
) -> torch.optim.Optimizer:
    """Build the optimizer of a network's trainable parameters.

    Args:
        name: name in `OPTIMIZERS`.
        network: its parameters with `requires_grad` are trained.
        rate: learning rate until the training sets another.
        beta1: decay of the mean gradient, in [0, 1); ignored by RMSprop.
        beta2: decay of the mean squared gradient, in [0, 1).

    Raises:
        UsageError: the optimizer is unknown.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"Unknown optimizer {name!r}; choose one of {', '.join(OPTIMIZERS)}.")
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return OPTIMIZERS[name](trainable, rate, beta1, beta2)
