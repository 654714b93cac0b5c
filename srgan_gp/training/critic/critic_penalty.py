"""Gradient penalty of a part of the critic on a batch, and the random draws of its points.

A critic has one or several parts, which score different views of an image: the image itself, or
feature maps of it; see `critic.critic_parts`. The formulas, called terms here, are in
`losses.gradient_penalties` and `losses.lipschitz_baselines`; `LIPSCHITZ_TERMS` has those of both.

To save time, only some batches have a penalty (`penalty_interval`), and in these only some samples
(`penalty_every`).
"""

from functools import partial

import torch
from torch import Tensor, nn

from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.losses.gradient_penalties import PenaltyResult
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import Batch


def is_penalised(config: TrainConfig, images_seen: int) -> bool:
    """Return whether the batch that begins at `images_seen` has a penalty.

    The first batch and then every `penalty_interval`-th one has a penalty.
    """
    return images_seen // config.batch_size % config.penalty_interval == 0


def part_penalty(
    config: TrainConfig, batch: Batch, part: nn.Module, real: Tensor, fake: Tensor
) -> PenaltyResult:
    """Compute the penalty of a part of the critic on every `penalty_every`-th sample.

    It is computed in float32: critics whose penalty was computed in bf16 diverged within some
    hundred steps.

    Args:
        config: options of the run; `penalty` is the name of the term.
        batch: the batch.
        part: (view, condition) -> (B,) scores.
        real: views of the real images of the batch, (B, ...).
        fake: views of the generated images, same shape, detached.

    Returns:
        The penalty before its weight, and the gradient norms.
    """
    every, term = config.penalty_every, LIPSCHITZ_TERMS[config.penalty]
    real, fake = real[::every].float(), fake[::every].float()
    numbers = batch.numbers[::every]
    condition = None if batch.condition is None else batch.condition[::every]
    # Views may have another number of dimensions than images: (B, 1, 1, 1) => (B, 1, ...).
    epsilon = draw_epsilon(config.seed, numbers).to(real).view(-1, *[1] * (real.ndim - 1))
    noise = None
    if term.needs_noise:
        noise = draw_noise(config.seed, numbers, tuple(real.shape[1:])).to(real)
    with torch.autocast(real.device.type, enabled=False):
        return term(partial(part, condition=condition), real, fake, epsilon, noise)


def draw_epsilon(seed: int, numbers: range) -> Tensor:
    """Draw the position of each sample's point between real (1) and generated (0) image.

    It is a function of the seed and the image number, so that neither resuming nor the number of
    processes changes it.

    Returns:
        (B, 1, 1, 1), float32, uniform in [0, 1].
    """
    draws = [generator_of(seed, Stream.EPSILON, number).random() for number in numbers]
    return torch.tensor(draws, dtype=torch.float32)[:, None, None, None]


def draw_noise(seed: int, numbers: range, shape: tuple[int, ...]) -> Tensor:
    """Draw noise for the terms that need it, a function of the seed and the image number.

    Args:
        seed: seed of the run.
        numbers: image numbers since the start of the run.
        shape: shape of one sample.

    Returns:
        (B, *shape), float32, uniform in [0, 1].
    """
    draws = [
        torch.from_numpy(generator_of(seed, Stream.NOISE, number).random(shape, dtype="float32"))
        for number in numbers
    ]
    return torch.stack(draws)
