"""Normalisation of critics: where it is added, what it leaves alone, and second derivatives."""

import pytest
import torch
from torch import nn

from srgan_gp.networks import build
from srgan_gp.networks.blocks import DownsamplingBlock, PoolingBlock
from srgan_gp.networks.critic_norms import CRITIC_NORMS

CRITICS = {
    "resnet_critic": {"width": 2, "stages": 2},
    "face_critic": {"size": 16, "width": 2},
    "projected_critic": {"size": 16, "width": 2},
}
BLOCKS = [PoolingBlock, DownsamplingBlock]
BOTH = pytest.mark.parametrize("norm", ["layer", "spectral"])


def normalised(name, norm):
    torch.manual_seed(0)
    critic = build("critics", name, **CRITICS[name])
    CRITIC_NORMS[norm](critic)
    return critic


def test_no_norm_changes_nothing():
    critic = normalised("face_critic", "none")
    assert not [m for m in critic.modules() if isinstance(m, nn.GroupNorm)]
    assert not any("parametrizations" in name for name in critic.state_dict())


@pytest.mark.parametrize("name", CRITICS)
@BOTH
def test_a_score_still_depends_on_its_own_image_alone(name, norm):
    critic = normalised(name, norm)
    part = critic.parts["image"] if name == "projected_critic" else critic
    images = torch.rand(3, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(part(images)[0], images)
    assert gradient[0].abs().max() > 0
    assert gradient[1:].abs().max() == 0


@pytest.mark.parametrize("name", CRITICS)
def test_a_spectral_norm_bounds_every_trained_layer_and_no_frozen_one(name):
    critic = normalised(name, "spectral")
    for _ in range(30):  # power iterations
        for module in critic.modules():
            if "parametrizations" in module._modules:
                _ = module.weight
    layers = [m for m in critic.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    trained = [m for m in layers if any(p.requires_grad for p in m.parameters())]
    assert trained
    for layer in trained:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
        assert largest.item() == pytest.approx(1, rel=0.02)
    for layer in set(layers) - set(trained):
        assert "parametrizations" not in layer._modules


@pytest.mark.parametrize("name", CRITICS)
def test_layer_norm_follows_hidden_convolutions_and_never_the_score(name):
    critic = normalised(name, "layer")
    norms = [m for m in critic.modules() if isinstance(m, nn.GroupNorm)]
    assert norms
    assert all(m.num_groups == 1 and m.num_channels > 1 for m in norms)
    part = critic.parts["image"] if name == "projected_critic" else critic
    scores = part(torch.rand(4, 3, 16, 16))
    assert scores.std() > 0


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("norm", CRITIC_NORMS)
def test_second_derivatives_of_critic_blocks_agree_with_differences(block, norm):
    torch.manual_seed(0)
    network = nn.Sequential(block(2, 3))
    CRITIC_NORMS[norm](network)
    network.double().eval()  # no power iteration between the evaluations
    features = torch.randn(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(network, features, fast_mode=True)


@BOTH
def test_a_normalised_critic_keeps_its_state(norm, tmp_path):
    first, second = normalised("face_critic", norm), normalised("face_critic", norm)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(0.1)
    second.load_state_dict(first.state_dict())
    images = torch.rand(2, 3, 16, 16)
    first.eval(), second.eval()
    assert torch.equal(first(images), second(images))
