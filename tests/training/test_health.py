import pytest
import torch
from torch import nn

from srgan_gp.training.health import critic_estimate, diversity, gradient_ratio
from srgan_gp.training.tasks import Batch


def noise(seed=0, deviation=1.0):
    return deviation * torch.randn(16, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def test_the_gradient_ratio_of_two_multiples_is_their_ratio():
    output = noise().requires_grad_()
    total = (2 * output).square().sum()
    assert gradient_ratio(output, 0.3 * total, total).item() == pytest.approx(0.3)


def test_the_graph_survives_the_ratio():
    output = noise().requires_grad_()
    loss = output.square().sum()
    gradient_ratio(output, loss, loss)
    loss.backward()
    assert output.grad is not None


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 2.0])
def test_diversity_is_linear_in_the_detail(factor):
    found = diversity(factor * noise() + 0.3, noise())
    assert found.item() == pytest.approx(factor, abs=1e-5)


def test_brightness_is_no_detail():
    brightness = torch.linspace(0, 1, 16)[:, None, None, None].expand(16, 3, 12, 12)
    assert diversity(brightness, noise()).item() < 1e-6
    found = diversity(0.5 * noise(1) + 20 * brightness, noise(1) - 20 * brightness)
    assert found.item() == pytest.approx(0.5, abs=1e-5)


def test_outputs_that_all_look_alike_have_no_diversity():
    assert diversity(noise()[:1].expand(16, -1, -1, -1), noise()).item() < 1e-6


def test_the_estimate_is_real_minus_generated():
    class Mean(nn.Module):
        def forward(self, images, condition):
            assert condition is None
            return images.mean((1, 2, 3))

    batch = Batch(torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4), None, range(2))
    assert critic_estimate(Mean(), lambda inputs: inputs + 0.25, batch) == pytest.approx(0.75)
