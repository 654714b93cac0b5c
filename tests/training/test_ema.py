import pytest
import torch
from torch import nn

from srgan_gp.training.ema import MovingAverage


def constant(value):
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, value)
    nn.init.constant_(network.bias, value)
    return network


def test_after_n_steps_towards_a_constant_the_rest_is_the_product_of_the_decays():
    average = MovingAverage(constant(0.0), decay=0.9)
    target = constant(1.0)
    rest = 1.0
    for step in range(1, 201):
        average.update(target, step)
        rest *= min(0.9, (1 + step) / (10 + step))
    assert average.average.weight.item() == pytest.approx(1 - rest, abs=1e-6)


def test_the_first_step_forgets_most_of_the_start():
    average = MovingAverage(constant(0.0), decay=0.999)
    average.update(constant(1.0), 1)
    assert average.average.weight.item() == pytest.approx(9 / 11)


def test_the_average_is_a_frozen_copy():
    network = constant(2.0)
    average = MovingAverage(network, decay=0.5)
    with torch.no_grad():
        network.weight.zero_()
    assert average.average.weight.item() == 2.0
    assert not any(p.requires_grad for p in average.average.parameters())
    assert not average.average.training
