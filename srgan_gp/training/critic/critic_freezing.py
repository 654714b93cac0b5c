"""Freezing of a critic, for a run or inside a `with` block, and evaluation mode inside a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from torch import nn

from srgan_gp.errors import UsageError


def freeze_first_stages(critic: nn.Module, count: int) -> None:
    """Freeze the stem and the first `count` stages of a critic; 0 freezes nothing.

    These stages detect edges and texture, which are the same in most images. Fine-tuning on a few
    hundred images only needs the later stages, and forgets less when the first ones are frozen.

    Args:
        critic: any critic of `networks.critics`: its first layer is `stem`, its blocks are
            `stages`, in the order of the forward pass.
        count: number of stages.

    Raises:
        UsageError: no stage would remain trainable.

    Source:
        Mo et al. 2020, "Freeze the Discriminator", arXiv:2002.10964.
    """
    if not count:
        return
    # `cast`: an attribute of an `nn.Module` has the type Tensor | Module.
    stages = list(cast(nn.Module, critic.stages).children())
    if count >= len(stages):
        raise UsageError(
            f"freeze_critic_stages {count} freezes all of the critic's {len(stages)} stages; "
            f"choose at most {len(stages) - 1}."
        )
    for part in (cast(nn.Module, critic.stem), *stages[:count]):
        part.requires_grad_(False)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Compute no gradients of a network's parameters inside the block; those of inputs remain."""
    trainable = [p for p in network.parameters() if p.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network in evaluation mode inside the block.

    In training mode a forward pass makes a step of the power iteration of a spectral norm, so that
    a validation would change the run.
    """
    is_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(is_training)
