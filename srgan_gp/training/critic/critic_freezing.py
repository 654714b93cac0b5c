"""Freezing the first stages of a critic, for fine-tuning on few images."""

from typing import cast

from torch import nn

from srgan_gp.errors import UsageError


def freeze_first_stages(critic: nn.Module, count: int) -> None:
    """Let the stem and the first `count` stages of a critic stand still; 0: all learns.

    What they see, edges and texture, is the same in most pictures; with a few hundred of them the
    later stages are enough to learn, and forget less.

    Args:
        critic: has a `stem` and `stages`, the first of which sees the full size.
        count: of stages.

    Raises:
        UsageError: no stage would be left to learn.

    Source:
        Mo et al. 2020, "Freeze the Discriminator", arXiv:2002.10964.
    """
    if not count:
        return
    stages = list(cast(nn.Module, critic.stages).children())
    if count >= len(stages):
        raise UsageError(
            f"freeze_critic_stages {count} leaves none of the critic's {len(stages)} stages to "
            f"learn; choose at most {len(stages) - 1}."
        )
    for part in (cast(nn.Module, critic.stem), *stages[:count]):
        part.requires_grad_(False)
