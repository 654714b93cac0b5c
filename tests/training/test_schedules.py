"""Schedules of a run: turns of the generator, adversarial ratio and learning rates."""

from dataclasses import replace

import pytest

from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.schedules import (
    critic_learning_rate,
    is_generator_turn,
    learning_rate,
    ramped_ratio,
)


@pytest.fixture
def config():
    return TrainConfig(
        adversarial_ratio=0.4, critic_warmup_images=100, ratio_ramp_images=200, batch_size=10
    )


def test_without_a_critic_the_generator_steps_on_every_batch():
    config = TrainConfig(critic_steps=3, critic_warmup_images=100)
    assert all(is_generator_turn(config, n) for n in range(0, 300, 10))


def test_the_generator_waits_for_the_warm_up_then_takes_every_nth_batch(config):
    config = replace(config, critic_steps=3)
    turns = [n for n in range(0, 200, 10) if is_generator_turn(config, n)]
    assert turns == [110, 140, 170]


def test_the_ratio_ramps_from_the_end_of_the_warm_up(config):
    found = [ramped_ratio(config, n) for n in (0, 100, 200, 300, 1000)]
    assert found == pytest.approx([0, 0, 0.2, 0.4, 0.4])


def test_without_a_ramp_the_whole_ratio_follows_the_warm_up(config):
    config = replace(config, ratio_ramp_images=0)
    assert [ramped_ratio(config, n) for n in (99, 100, 101)] == [0, 0.4, 0.4]


def test_the_rate_rises_linearly_then_follows_the_cosine(tiny_config):
    config = tiny_config(total_images=1000, batch_size=10, warmup_images=100)
    assert learning_rate(config, 0) == pytest.approx(1e-4, rel=1e-3)
    assert learning_rate(config, 40) == pytest.approx(5e-4, rel=1e-2)
    assert learning_rate(config, 500) == pytest.approx((1e-3 + 1e-6) / 2)
    assert learning_rate(config, 1000) == pytest.approx(1e-6)


def test_the_rate_rises_from_the_end_of_the_critics_warm_up(gan_config):
    config = gan_config(
        total_images=1000, batch_size=10, warmup_images=100, critic_warmup_images=200,
        learning_rate=1e-3, final_learning_rate=1e-3,
    )  # fmt: skip
    found = [learning_rate(config, n) for n in (200, 240, 290, 1000)]
    assert found == pytest.approx([1e-4, 5e-4, 1e-3, 1e-3])
    without_critic = replace(config, adversarial_ratio=0.0)
    assert learning_rate(without_critic, 40) == pytest.approx(5e-4)


def test_the_critics_rate_is_constant_or_follows_the_generators_cosine(config):
    assert [critic_learning_rate(config, n) for n in (0, 500_000)] == [2e-4, 2e-4]
    falling = replace(
        config, critic_learning_rate=1e-3, critic_final_learning_rate=1e-6, learning_rate=1e-3,
        final_learning_rate=1e-6, warmup_images=0, critic_warmup_images=0,
    )  # fmt: skip
    for images_seen in (0, 300_000, 1_000_000):
        expected = learning_rate(falling, images_seen)
        assert critic_learning_rate(falling, images_seen) == pytest.approx(expected)
    assert critic_learning_rate(falling, 1_000_000) == pytest.approx(1e-6)
