"""The critic's side of a WGAN-GP run: when it works, what it minimises, what it weighs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.losses.adversarial import critic_loss
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.health import estimate_error
from srgan_gp.training.tasks import Batch

PENALISED_AT = {"wgan_gp": "interpolate", "one_sided": "interpolate", "r1": "real", "r2": "fake"}
"""Where each penalty takes the critic's gradient; its norm is noted under this name."""


def is_generators_turn(config: TrainConfig, images_seen: int) -> bool:
    """Tell whether the generator takes a step on the batch that begins at `images_seen`.

    Without a critic always; with one, after the critic's warm-up and on every `critic_steps`-th
    batch. The critic takes a step on every batch.
    """
    if not config.has_critic:
        return True
    turn = images_seen // config.batch_size % config.critic_steps
    return images_seen >= config.critic_warmup_images and turn == config.critic_steps - 1


def ramped_ratio(config: TrainConfig, images_seen: int) -> float:
    """Ratio r after `images_seen` images: 0 in the critic's warm-up, then on its way up."""
    if not config.ratio_ramp_images:
        return config.adversarial_ratio if images_seen >= config.critic_warmup_images else 0.0
    ramp = (images_seen - config.critic_warmup_images) / config.ratio_ramp_images
    return config.adversarial_ratio * min(max(ramp, 0.0), 1.0)


def critic_objective(
    critic: nn.Module, batch: Batch, output: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of the critic on one batch: scores, drift and penalty, in one backward pass.

    The penalty is taken on every `penalty_every`-th sample: a part of the batch has the same mean
    and a part of the cost.

    Args:
        critic: (pictures, condition) -> (B,) scores.
        batch: holds the real pictures, augmented if they are to be, and the condition.
        output: the generator's pictures for the same inputs, likewise and detached. The penalty's
            gradient is taken at what the critic sees: no augmentation is differentiated for it.
        config: names the penalty and the weights.

    Returns:
        The loss, and for the log, all scalars: critic estimate, its standard error, mean score of
        the real pictures, largest score, and the gradient's norm where the penalty takes it,
        `interpolate_norm`, `real_norm` or `fake_norm`.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, lines 4 to 8.
    """
    real = critic(batch.targets, batch.condition)
    fake = critic(output, batch.condition)
    part = slice(None, None, config.penalty_every)
    condition = None if batch.condition is None else batch.condition[part]
    penalty = PENALTIES[config.penalty](
        lambda pictures: critic(pictures, condition),
        batch.targets[part],
        output[part],
        draw_epsilon(config.seed, batch.numbers[part]).to(output),
    )
    loss = critic_loss(real, fake, config.drift_weight) + config.penalty_weight * penalty.value
    return loss, {
        "health/critic_estimate": (real.mean() - fake.mean()).detach(),
        "health/estimate_error": estimate_error(real.detach(), fake.detach()),
        "health/real_score": real.detach().mean(),
        f"health/{PENALISED_AT[config.penalty]}_norm": penalty.norms.mean(),
        "health/largest_score": torch.cat([real, fake]).detach().abs().max(),
    }


def draw_epsilon(seed: int, numbers: range) -> Tensor:
    """Draw one epsilon a sample, a function of (seed, number of the image): (B, 1, 1, 1) in [0, 1].

    Neither a resume nor the number of processes changes it.
    """
    draws = [generator_of(seed, Stream.EPSILON, number).random() for number in numbers]
    return torch.tensor(draws, dtype=torch.float32)[:, None, None, None]


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network without collecting any for its parameters."""
    learning = [p for p in network.parameters() if p.requires_grad]  # some never do
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
