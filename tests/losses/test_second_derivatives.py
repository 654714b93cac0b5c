"""Second derivatives of every bound of the slope, by `gradgradcheck`.

A second-order optimiser, or a penalty inside another gradient, needs them; a `detach` in the wrong
place leaves the first derivative right and these wrong.
"""

import pytest
import torch
from torch import nn

from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS, clip_weights

FIXED_DIRECTION = ("adversarial_lipschitz",)
"""Its direction is found by a detached search, which finite differences would follow."""
WITHOUT_VALUE = ("none", "weight_clipping")
SHAPE = (3, 1, 3, 3)


@pytest.fixture
def critic():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Softplus(), nn.Flatten(), nn.Linear(8, 1))
    with torch.no_grad():
        layers[3].weight *= 30  # steep enough for every hinge
    return layers.double()


@pytest.fixture
def samples():
    generator = torch.Generator().manual_seed(1)
    draws = torch.rand(4, *SHAPE, generator=generator, dtype=torch.float64)
    return draws[0], draws[1], draws[2, :, :1, :1, :1], draws[3]


@pytest.mark.parametrize(
    "name", sorted(set(LIPSCHITZ_TERMS) - set(WITHOUT_VALUE) - set(FIXED_DIRECTION))
)
def test_second_derivatives_agree_with_differences_of_the_first(name, critic, samples):
    names, weights = zip(*critic.named_parameters(), strict=True)

    def value(*values):
        bound = dict(zip(names, values, strict=True))

        def scores(images):
            return torch.func.functional_call(critic, bound, (images,)).flatten()

        return LIPSCHITZ_TERMS[name](scores, *samples).value

    assert torch.autograd.gradcheck(value, weights)
    first = torch.autograd.grad(value(*weights), weights[0], create_graph=True)[0]
    assert first.norm() > 0
    assert torch.autograd.gradgradcheck(value, weights)


def test_the_score_that_every_member_differentiates_passes_too(critic, samples):
    """Members with a fixed direction and clipping have no other derivatives than the critic's."""
    names, weights = zip(*critic.named_parameters(), strict=True)

    def score(images, *values):
        bound = dict(zip(names, values, strict=True))
        return torch.func.functional_call(critic, bound, (images,)).sum()

    assert torch.autograd.gradgradcheck(score, (samples[0].requires_grad_(), *weights))
    clip_weights(critic, 0.01)
    assert torch.autograd.gradgradcheck(score, (samples[0], *weights))
