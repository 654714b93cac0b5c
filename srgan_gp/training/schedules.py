"""Schedules of a run: which batches the generator learns from, adversarial ratio, learning rates.

Each function needs only the options and the number of images seen before the batch. `steps` and
`loop` call the functions for every batch.

The adversarial ratio is the gradient norm of the weighted adversarial loss at the generator's
output, relative to that of the L1 loss; `losses.adversarial.adversarial_weight` converts the ratio
to a weight.
"""

import math

from srgan_gp.training.options.config import TrainConfig


def is_generator_turn(config: TrainConfig, images_seen: int) -> bool:
    """Return whether the generator takes a step on the batch that begins at `images_seen`.

    Without a critic the generator takes a step on every batch. With a critic, it does so after the
    critic's warm-up, on each batch whose number, from 1, is a multiple of `critic_steps`; the
    critic takes a step on every batch.
    """
    if not config.has_critic:
        return True
    if images_seen < config.critic_warmup_images:
        return False
    batch_number = images_seen // config.batch_size
    return (batch_number + 1) % config.critic_steps == 0


def ramped_ratio(config: TrainConfig, images_seen: int) -> float:
    """Adversarial ratio after `images_seen` images, of a run with a critic.

    It is 0 during the critic's warm-up, rises linearly over `ratio_ramp_images`, and is then
    constant. With a `ratio_ramp_images` of 0 it has its full value after the warm-up.

    Returns:
        A value in [0, `config.adversarial_ratio`].
    """
    after_warmup = images_seen - config.critic_warmup_images
    if after_warmup < 0:
        return 0.0
    if not config.ratio_ramp_images:
        return config.adversarial_ratio
    return config.adversarial_ratio * min(after_warmup / config.ratio_ramp_images, 1.0)


def learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the generator's step after `images_seen` images: linear warm-up times a cosine.

    Call it only if `is_generator_turn` is true. The warm-up of the rate, over `warmup_images`,
    begins where the critic's warm-up ends; with `critic_steps` above 1 the generator's first step
    may come some batches later. The cosine, from `learning_rate` to `final_learning_rate`, begins
    with the run and ends with it.

    Source:
        Loshchilov & Hutter 2017 (SGDR), arXiv:1608.03983, equation 5, one period.
    """
    warmup_start = config.critic_warmup_images if config.has_critic else 0
    # The batch of this step is counted too. Otherwise a first step directly after the critic's
    # warm-up would have the rate 0.
    warmup_seen = images_seen - warmup_start + config.batch_size
    warmup = min(1.0, warmup_seen / max(config.warmup_images, 1))  # a division by 0 is avoided
    span = config.learning_rate - config.final_learning_rate
    return warmup * (config.final_learning_rate + span * _cosine(config, images_seen))


def critic_learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the critic's step after `images_seen` images.

    Constant if `critic_final_learning_rate` is None, else a cosine over the run, from
    `critic_learning_rate` to `critic_final_learning_rate`.
    """
    final = config.critic_final_learning_rate
    if final is None:
        return config.critic_learning_rate
    return final + (config.critic_learning_rate - final) * _cosine(config, images_seen)


def _cosine(config: TrainConfig, images_seen: int) -> float:
    """Cosine factor: 1 at the start of the run, 0 at its end."""
    return 0.5 * (1 + math.cos(math.pi * min(images_seen / config.total_images, 1.0)))
