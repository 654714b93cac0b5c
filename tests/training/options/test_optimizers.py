import pytest
import torch
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.training.options.optimizers import OPTIMIZERS, build_optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_trains_what_is_not_frozen(name):
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    network[0].requires_grad_(False)
    optimizer = build_optimizer(name, network, 0.1, 0.0, 0.9)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    moved = [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
    assert moved == [False, False, True, True]


def test_the_first_steps_are_those_of_the_formulas():
    """Adam's first step is the rate; RMSProp's is rate / sqrt(1 - alpha) for any gradient."""
    for name, expected in (("adam", 0.1), ("rmsprop", 0.1 / 0.1**0.5)):
        network = nn.Linear(1, 1, bias=False)
        before = network.weight.item()
        optimizer = build_optimizer(name, network, 0.1, 0.0, 0.9)
        network.weight.grad = torch.tensor([[7.0]])
        optimizer.step()
        assert before - network.weight.item() == pytest.approx(expected, rel=1e-4)


def test_an_unknown_optimizer_is_named():
    with pytest.raises(UsageError, match="Unknown optimizer 'sgd'; choose one of adam, rmsprop"):
        build_optimizer("sgd", nn.Linear(1, 1), 0.1, 0.0, 0.9)
