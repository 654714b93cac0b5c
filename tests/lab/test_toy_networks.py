import pytest
import torch
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.lab.toy_networks import ResidualPerceptron, build_toy_critic


@pytest.mark.parametrize("norm", ["none", "layer", "spectral"])
@pytest.mark.parametrize("is_residual", [False, True])
def test_a_critic_scores_each_point_alone(norm, is_residual):
    critic = build_toy_critic(8, 3, norm, is_residual=is_residual)
    points = torch.randn(4, 2, requires_grad=True)
    scores = critic(points)
    assert scores.shape == (4,)
    (gradient,) = torch.autograd.grad(scores[0], points)
    assert gradient[0].abs().sum() > 0
    assert gradient[1:].abs().sum() == 0


@pytest.mark.parametrize("is_residual", [False, True])
def test_batch_norm_is_refused_with_the_reason(is_residual):
    with pytest.raises(UsageError, match="couples the images of a batch"):
        build_toy_critic(8, 3, "batch", is_residual=is_residual)


def test_an_unknown_norm_is_named():
    with pytest.raises(UsageError, match="Unknown norm 'group'"):
        build_toy_critic(8, 3, "group")


@pytest.mark.parametrize("norm", ["none", "layer", "spectral"])
@pytest.mark.parametrize("is_residual", [False, True])
def test_second_derivatives_agree_with_differences(norm, is_residual):
    torch.manual_seed(0)
    critic = build_toy_critic(6, 2, norm, is_residual=is_residual).double().eval()
    points = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(critic, points)


def test_a_network_of_50_blocks_has_101_hidden_layers_and_a_gradient_at_the_first():
    torch.manual_seed(0)
    network = ResidualPerceptron(2, 1, 8, 50)
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert len(linear) == 101 + 1
    network(torch.randn(16, 2)).sum().backward()
    assert 1e-3 < linear[0].weight.grad.norm() < 1e3
