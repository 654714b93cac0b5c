"""Schedules of a run: turns of the generator, adversarial ratio and learning rates.

Each is a function of the options and the number of images seen before the batch.

The adversarial ratio is the gradient norm of the adversarial loss, relative to that of the L1 loss,
at the generator's output.
"""

import math

from srgan_gp.training.options.config import TrainConfig


def is_generator_turn(config: TrainConfig, images_seen: int) -> bool:
    """Return whether the generator takes a step on the batch that begins at `images_seen`.

    Without a critic it always does; with one, after the critic's warm-up and on every
    `critic_steps`-th batch. The critic takes a step on every batch.
    """
    if not config.has_critic:
        return True
    turn = images_seen // config.batch_size % config.critic_steps
    return images_seen >= config.critic_warmup_images and turn == config.critic_steps - 1


def ramped_ratio(config: TrainConfig, images_seen: int) -> float:
    """Adversarial ratio after `images_seen` images.

    It is 0 during the critic's warm-up, rises linearly over `ratio_ramp_images`, and is then
    constant.

    Returns:
        A value in [0, `config.adversarial_ratio`].
    """
    if not config.ratio_ramp_images:
        return config.adversarial_ratio if images_seen >= config.critic_warmup_images else 0.0
    ramp = (images_seen - config.critic_warmup_images) / config.ratio_ramp_images
    return config.adversarial_ratio * min(max(ramp, 0.0), 1.0)


def learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the generator's step after `images_seen` images: linear warm-up times a cosine.

    Defined only where `is_generator_turn` is true. The warm-up begins with the generator's first
    step, which is after the critic's warm-up. The cosine begins with the run.

    Source:
        Loshchilov & Hutter 2017 (SGDR), arXiv:1608.03983, equation 5, one period.
    """
    warmup_start = config.critic_warmup_images if config.has_critic else 0
    # Includes the batch of this step: the rate of the first step would be 0 otherwise.
    warmup_seen = images_seen - warmup_start + config.batch_size
    warmup = min(1.0, warmup_seen / max(config.warmup_images, 1))
    span = config.learning_rate - config.final_learning_rate
    return warmup * (config.final_learning_rate + span * _cosine(config, images_seen))


def critic_learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the critic's step after `images_seen` images.

    Constant if `critic_final_learning_rate` is None, else a cosine from `critic_learning_rate` to
    it over the run.
    """
    final = config.critic_final_learning_rate
    if final is None:
        return config.critic_learning_rate
    return final + (config.critic_learning_rate - final) * _cosine(config, images_seen)


def _cosine(config: TrainConfig, images_seen: int) -> float:
    """Cosine factor: 1 at the start of the run, 0 at its end."""
    return 0.5 * (1 + math.cos(math.pi * min(images_seen / config.total_images, 1.0)))
