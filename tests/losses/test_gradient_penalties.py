import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan_gp.losses.gradient_penalties import PENALTIES

SHAPE = (5, 3, 6, 6)
ALL = pytest.mark.parametrize("name", PENALTIES)

OF_NORM = {
    "wgan_gp": lambda n: (n - 1) ** 2,
    "one_sided": lambda n: (n - 1).clamp(min=0) ** 2,
    "r1": lambda n: n**2 / 2,
    "r2": lambda n: n**2 / 2,
}
"""The penalty of one sample, by the norm of its gradient."""
SLOPE = {
    "wgan_gp": lambda n: 2 * (n - 1),
    "one_sided": lambda n: 2 * (n - 1).clamp(min=0),
    "r1": lambda n: n,
    "r2": lambda n: n,
}
"""The derivative of `OF_NORM`."""
WHERE = {
    "wgan_gp": lambda real, fake, epsilon: epsilon * real + (1 - epsilon) * fake,
    "one_sided": lambda real, fake, epsilon: epsilon * real + (1 - epsilon) * fake,
    "r1": lambda real, fake, epsilon: real,
    "r2": lambda real, fake, epsilon: fake,
}
"""The images at which the gradient is taken."""


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def samples():
    """Real images, fake ones and epsilons, float64; far apart, so that the norms differ."""
    real, fake = 3 * torch.randn(2, *SHAPE, dtype=torch.float64)
    return real, fake, torch.rand(SHAPE[0], 1, 1, 1, dtype=torch.float64)


def weight_of_length(length, dtype=torch.float64):
    weight = torch.randn(SHAPE[1:], dtype=dtype)
    return (weight * (length / weight.norm())).requires_grad_()


def linear(weight):
    return lambda images: (images * weight).sum((1, 2, 3))


class TinyCritic(nn.Sequential):
    """Two convolutions, a mean over the map, float64."""

    factor = 1.0

    def __init__(self, activation):
        super().__init__(nn.Conv2d(3, 4, 3), activation, nn.Conv2d(4, 1, 3))
        self.double()

    def forward(self, images):
        return self.factor * super().forward(images).mean((1, 2, 3))


@pytest.fixture(params=[nn.Softplus(), nn.LeakyReLU(0.2)], ids=["smooth", "leaky"])
def critic(request, samples):
    """A tiny critic with slopes on both sides of 1, so that the one-sided penalty does both."""
    critic = TinyCritic(request.param)
    critic.factor = 1 / PENALTIES["wgan_gp"](critic, *samples).norms.mean().item()
    return critic


def test_every_penalty_is_checked_here():
    assert PENALTIES.keys() == OF_NORM.keys() == SLOPE.keys() == WHERE.keys()


@ALL
@pytest.mark.parametrize("length", [0.3, 1.0, 2.5])
def test_a_linear_critic_has_the_length_of_its_weight_as_norm(name, length, samples):
    weight = weight_of_length(length)
    penalty = PENALTIES[name](linear(weight), *samples)
    n = torch.tensor(length, dtype=torch.float64)
    assert penalty.norms.tolist() == pytest.approx([length] * SHAPE[0], rel=1e-12)
    assert penalty.value.item() == pytest.approx(OF_NORM[name](n).item(), abs=1e-12)
    penalty.value.backward()
    expected = SLOPE[name](n) * weight.detach() / n
    assert torch.allclose(weight.grad, expected, rtol=1e-12, atol=1e-12)


@ALL
@pytest.mark.parametrize("ends", [None, 0.0, 1.0], ids=["between", "fake", "real"])
def test_a_quadratic_critic_shows_where_the_gradient_is_taken(name, ends, samples):
    real, fake, epsilon = samples
    epsilon = epsilon if ends is None else torch.full_like(epsilon, ends)
    size = real[0].numel()
    matrix = torch.randn(size, size, dtype=torch.float64) / size

    def quadratic(images):
        values = images.flatten(1)
        return ((values @ matrix) * values).sum(1) / 2

    penalty = PENALTIES[name](quadratic, real, fake, epsilon)
    points = WHERE[name](real, fake, epsilon).flatten(1)
    norms = (points @ (matrix + matrix.T) / 2).norm(dim=1)
    assert torch.allclose(penalty.norms, norms, rtol=1e-12)
    assert penalty.value.item() == pytest.approx(OF_NORM[name](norms).mean().item(), rel=1e-12)


def central_difference(function, values, index, step=1e-5):
    """Derivative of `function()` with respect to one of `values`, which it reads."""
    before, results = values[index].item(), []
    for moved in (before + step, before - step):
        values[index] = moved
        results.append(function().item())
    values[index] = before
    return (results[0] - results[1]) / (2 * step)


@ALL
def test_parameter_gradients_agree_with_finite_differences(name, critic, samples):
    def value():
        return PENALTIES[name](critic, *samples).value

    value().backward()
    assert critic[0].weight.grad.norm() > 0
    for parameter in (critic[0].weight, critic[0].bias, critic[2].weight):
        for index in torch.randint(parameter.numel(), (3,)).tolist():
            difference = central_difference(value, parameter.detach().view(-1), index)
            # No second derivative reaches the bias before a piecewise linear activation.
            exact = 0.0 if parameter.grad is None else parameter.grad.view(-1)[index].item()
            assert difference == pytest.approx(exact, rel=1e-5, abs=1e-8)


@ALL
@pytest.mark.parametrize("critic", [nn.LeakyReLU(0.2)], ids=["leaky"], indirect=True)
def test_a_leaky_critic_is_flat_in_the_image_but_not_in_its_weights(name, critic, samples):
    real, fake, epsilon = samples
    values = [PENALTIES[name](critic, real + d, fake + d, epsilon).value for d in (0, 1e-9)]
    assert values[0].item() == pytest.approx(values[1].item(), rel=1e-14)
    values[0].backward()
    assert critic[0].weight.grad.norm() > 0


@ALL
def test_norms_agree_with_differences_along_random_directions(name, samples):
    critic = TinyCritic(nn.Softplus())
    norms = PENALTIES[name](critic, *samples).norms
    point, step = WHERE[name](*samples)[0], 1e-4
    directions = torch.randn(4000, *SHAPE[1:], dtype=torch.float64)
    slopes = (critic(point + step * directions) - critic(point - step * directions)) / (2 * step)
    # The mean of (v'g)^2 over normal v is g'g; 4000 draws leave a deviation of 2 %, here four.
    assert slopes.square().mean().item() == pytest.approx(norms[0].item() ** 2, rel=0.09)


@ALL
def test_norms_equal_those_of_every_image_alone_by_functional_gradients(name, critic, samples):
    gradients = torch.func.vmap(torch.func.grad(lambda image: critic(image[None])[0]))
    expected = gradients(WHERE[name](*samples)).flatten(1).norm(dim=1).detach()
    assert torch.allclose(PENALTIES[name](critic, *samples).norms, expected, rtol=1e-12)


@ALL
def test_a_constant_added_to_the_scores_changes_nothing(name, critic, samples):
    shifted = PENALTIES[name](lambda images: critic(images) + 7, *samples)
    assert torch.equal(shifted.value, PENALTIES[name](critic, *samples).value)


@ALL
@pytest.mark.parametrize("factor", [-3.0, 0.5])
def test_a_factor_on_the_scores_is_a_factor_on_the_norms(name, critic, samples, factor):
    norms = PENALTIES[name](critic, *samples).norms
    scaled = PENALTIES[name](lambda images: factor * critic(images), *samples)
    assert torch.allclose(scaled.norms, abs(factor) * norms, rtol=1e-12)
    expected = OF_NORM[name](abs(factor) * norms).mean().item()
    assert scaled.value.item() == pytest.approx(expected, rel=1e-12)


@ALL
def test_neither_order_nor_number_of_the_samples_counts(name, critic, samples):
    penalty = PENALTIES[name](critic, *samples)
    order = torch.randperm(SHAPE[0])
    moved = PENALTIES[name](critic, *(tensor[order] for tensor in samples))
    twice = PENALTIES[name](critic, *(torch.cat([tensor, tensor]) for tensor in samples))
    assert torch.allclose(moved.norms, penalty.norms[order], rtol=1e-12)
    assert moved.value.item() == pytest.approx(penalty.value.item(), rel=1e-12)
    assert twice.value.item() == pytest.approx(penalty.value.item(), rel=1e-12)


@ALL
def test_a_gradient_of_zero_gives_no_nan(name, samples):
    weight = torch.zeros(SHAPE[1:], dtype=torch.float64, requires_grad=True)
    penalty = PENALTIES[name](linear(weight), *samples)
    penalty.value.backward()
    assert penalty.value == OF_NORM[name](torch.tensor(0.0))
    assert weight.grad.abs().max() == 0


@ALL
def test_only_the_critic_receives_a_gradient(name, critic, samples):
    real, fake, epsilon = (tensor.requires_grad_() for tensor in samples)
    penalty = PENALTIES[name](critic, real, fake, epsilon)
    penalty.value.backward()
    assert real.grad is fake.grad is epsilon.grad is None
    assert critic[0].weight.grad is not None
    assert not penalty.norms.requires_grad


@ALL
def test_norms_and_value_are_float32_under_autocast(name, samples):
    critic = TinyCritic(nn.LeakyReLU(0.2)).float()
    samples = [tensor.float() for tensor in samples]
    exact = PENALTIES[name](critic, *samples)
    with torch.autocast("cpu", torch.bfloat16):
        penalty = PENALTIES[name](lambda images: critic(images), *samples)
    assert penalty.value.dtype == penalty.norms.dtype == torch.float32
    assert torch.allclose(penalty.norms, exact.norms, rtol=0.02)  # bfloat16 rounds to 1/256
    assert (penalty.norms != penalty.norms.bfloat16()).any()


@pytest.mark.parametrize("name", ["wgan_gp", "one_sided"])
@pytest.mark.parametrize("epsilon", [(), (5,), (4, 1, 1, 1), SHAPE], ids=str)
def test_other_than_one_epsilon_per_sample_is_refused(name, critic, samples, epsilon):
    real, fake, _ = samples
    with pytest.raises(ValueError, match="one epsilon per sample"):
        PENALTIES[name](critic, real, fake, torch.rand(epsilon, dtype=torch.float64))
    with pytest.raises(ValueError, match="one shape"):
        PENALTIES[name](critic, real, fake[..., 1:], samples[2])


@ALL
@pytest.mark.parametrize("size", [(5, 1), (5, 1, 4, 4), ()], ids=str)
def test_a_critic_without_one_score_a_sample_is_refused(name, samples, size):
    def maps(images):
        return F.adaptive_avg_pool2d(images, 4).mean() * torch.ones(size)

    with pytest.raises(ValueError, match="one score for each of 5"):
        PENALTIES[name](maps, *samples)
