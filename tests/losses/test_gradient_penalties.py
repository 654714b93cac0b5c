from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan_gp.losses.gradient_penalties import (
    INTERPOLATE,
    PENALTIES,
    GradientPenalty,
    Measure,
    functional_gradient_at,
    gradient_at,
    squared_l2,
)
from srgan_gp.losses.gradient_penalties import zero_centred as zero_centred_mean

SHAPE = (5, 3, 6, 6)
ALL = pytest.mark.parametrize("name", PENALTIES)


def between(real, fake, epsilon, noise):
    return [epsilon * real + (1 - epsilon) * fake]


def zero_centred(n):
    return n**2 / 2


NORM = {
    **dict.fromkeys(PENALTIES, lambda g: g.square().sum(1).sqrt()),
    "linf_hinge": lambda g: g.abs().max(1).values,
    "l1_hinge": lambda g: g.abs().sum(1),
}
"""The norm of flattened gradients."""
OF_NORM = {
    "wgan_gp": lambda n: (n - 1) ** 2,
    "one_sided": lambda n: (n - 1).clamp(min=0) ** 2,
    "zero_centred": zero_centred,
    "r1": zero_centred,
    "r2": zero_centred,
    "r1_r2": zero_centred,
    "linf_hinge": lambda n: (n - 1).clamp(min=0),
    "l1_hinge": lambda n: (n - 1).clamp(min=0),
    "dragan": lambda n: (n - 1) ** 2,
}
"""The penalty of one sample, by the norm of its gradient."""
WHERE = {
    "wgan_gp": between,
    "one_sided": between,
    "zero_centred": between,
    "r1": lambda real, fake, epsilon, noise: [real],
    "r2": lambda real, fake, epsilon, noise: [fake],
    "r1_r2": lambda real, fake, epsilon, noise: [real, fake],
    "linf_hinge": between,
    "l1_hinge": between,
    "dragan": lambda real, fake, epsilon, noise: [real + epsilon * noise * real.std() / 2],
}
"""The groups of points at which the gradient is taken."""


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def samples():
    """Real images, fake ones, epsilons and noise, float64; far apart, so that the norms differ."""
    real, fake = 3 * torch.randn(2, *SHAPE, dtype=torch.float64)
    epsilon = torch.rand(SHAPE[0], 1, 1, 1, dtype=torch.float64)
    return real, fake, epsilon, torch.rand(SHAPE, dtype=torch.float64)


def expected_value(name, gradients):
    """The penalty by its formula, from the gradients of each group of points."""
    return sum(OF_NORM[name](NORM[name](group.flatten(1))).mean() for group in gradients)


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
def critic(request, name, samples):
    """A tiny critic with norms on both sides of 1, so that one-sided penalties do both."""
    critic = TinyCritic(request.param)
    norms = NORM[name](gradient_at(critic, between(*samples)[0]).flatten(1))
    critic.factor = 1 / norms.mean().item()
    return critic


def test_every_penalty_is_checked_here():
    assert PENALTIES.keys() == NORM.keys() == OF_NORM.keys() == WHERE.keys()


@ALL
@pytest.mark.parametrize("length", [0.3, 1.0, 2.5])
def test_a_linear_critic_has_the_length_of_its_weight_as_norm(name, length, samples):
    weight = weight_of_length(length)
    penalty = PENALTIES[name](linear(weight), *samples)
    groups = len(WHERE[name](*samples))
    exact = weight.detach().clone().requires_grad_()
    value = groups * OF_NORM[name](NORM[name](exact.view(1, -1))).squeeze()
    assert penalty.norms.tolist() == pytest.approx([length] * SHAPE[0] * groups, rel=1e-12)
    assert penalty.value.item() == pytest.approx(value.item(), abs=1e-12)
    penalty.value.backward()
    value.backward()
    assert torch.allclose(weight.grad, exact.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("wgan_gp", lambda w: 2 * (w.norm() - 1) * w / w.norm()),
        ("one_sided", lambda w: 2 * (w.norm() - 1) * w / w.norm()),
        ("dragan", lambda w: 2 * (w.norm() - 1) * w / w.norm()),
        ("zero_centred", lambda w: w),
        ("r1", lambda w: w),
        ("r2", lambda w: w),
        ("r1_r2", lambda w: 2 * w),
        ("linf_hinge", lambda w: w.sign() * (w.abs() == w.abs().max())),
        ("l1_hinge", lambda w: w.sign()),
    ],
)
def test_the_gradient_for_the_weight_of_a_linear_critic_is_the_derivative(name, slope, samples):
    weight = weight_of_length(40.0)
    PENALTIES[name](linear(weight), *samples).value.backward()
    torch.testing.assert_close(weight.grad, slope(weight.detach()), rtol=1e-12, atol=1e-12)


@ALL
@pytest.mark.parametrize("ends", [None, 0.0, 1.0], ids=["between", "fake", "real"])
def test_a_quadratic_critic_shows_where_the_gradient_is_taken(name, ends, samples):
    real, fake, epsilon, noise = samples
    epsilon = epsilon if ends is None else torch.full_like(epsilon, ends)
    size = real[0].numel()
    matrix = torch.randn(size, size, dtype=torch.float64) / size

    def quadratic(images):
        values = images.flatten(1)
        return ((values @ matrix) * values).sum(1) / 2

    penalty = PENALTIES[name](quadratic, real, fake, epsilon, noise)
    points = [group.flatten(1) for group in WHERE[name](real, fake, epsilon, noise)]
    gradients = [group @ (matrix + matrix.T) / 2 for group in points]
    assert torch.allclose(penalty.norms, torch.cat(gradients).norm(dim=1), rtol=1e-12)
    expected = expected_value(name, gradients)
    assert penalty.value.item() == pytest.approx(expected.item(), rel=1e-12)


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
    real, fake, *draws = samples
    values = [PENALTIES[name](critic, real + d, fake + d, *draws).value for d in (0, 1e-9)]
    assert values[0].item() == pytest.approx(values[1].item(), rel=1e-14)
    values[0].backward()
    assert critic[0].weight.grad.norm() > 0


@ALL
def test_norms_agree_with_differences_along_random_directions(name, samples):
    critic = TinyCritic(nn.Softplus())
    norms = PENALTIES[name](critic, *samples).norms
    point, step = WHERE[name](*samples)[0][0], 1e-4
    directions = torch.randn(4000, *SHAPE[1:], dtype=torch.float64)
    slopes = (critic(point + step * directions) - critic(point - step * directions)) / (2 * step)
    # The mean of (v'g)^2 over normal v is g'g; 4000 draws leave a deviation of 2 %, here four.
    assert slopes.square().mean().item() == pytest.approx(norms[0].item() ** 2, rel=0.09)


@ALL
def test_norms_equal_those_of_every_image_alone_by_functional_gradients(name, critic, samples):
    gradients = torch.func.vmap(torch.func.grad(lambda image: critic(image[None])[0]))
    expected = gradients(torch.cat(WHERE[name](*samples))).flatten(1).norm(dim=1).detach()
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
    gradients = [factor * gradient_at(critic, group) for group in WHERE[name](*samples)]
    expected = expected_value(name, gradients).item()
    assert scaled.value.item() == pytest.approx(expected, rel=1e-12)


@ALL
def test_neither_order_nor_number_of_the_samples_counts(name, critic, samples):
    penalty = PENALTIES[name](critic, *samples)
    order = torch.randperm(SHAPE[0])
    groups = len(penalty.norms) // SHAPE[0]
    moved = PENALTIES[name](critic, *(tensor[order] for tensor in samples))
    twice = PENALTIES[name](critic, *(torch.cat([tensor, tensor]) for tensor in samples))
    norms = penalty.norms.view(groups, -1)[:, order].flatten()
    assert torch.allclose(moved.norms, norms, rtol=1e-12)
    assert moved.value.item() == pytest.approx(penalty.value.item(), rel=1e-12)
    # The standard deviation that DRAGAN's points are made of is over a whole batch.
    close = 1e-2 if name == "dragan" else 1e-12
    assert twice.value.item() == pytest.approx(penalty.value.item(), rel=close)


@ALL
def test_a_gradient_of_zero_gives_no_nan(name, samples):
    weight = torch.zeros(SHAPE[1:], dtype=torch.float64, requires_grad=True)
    penalty = PENALTIES[name](linear(weight), *samples)
    penalty.value.backward()
    assert penalty.value == OF_NORM[name](torch.tensor(0.0)) * len(WHERE[name](*samples))
    assert weight.grad.abs().max() == 0


@ALL
def test_only_the_critic_receives_a_gradient(name, critic, samples):
    inputs = [tensor.requires_grad_() for tensor in samples]
    penalty = PENALTIES[name](critic, *inputs)
    penalty.value.backward()
    assert [tensor.grad for tensor in inputs] == [None] * 4
    assert critic[0].weight.grad is not None
    assert not penalty.norms.requires_grad


@ALL
def test_norms_and_value_are_float32_under_autocast(name, samples):
    critic = TinyCritic(nn.Softplus()).float()
    samples = [tensor.float() for tensor in samples]
    exact = PENALTIES[name](critic, *samples)
    with torch.autocast("cpu", torch.bfloat16):
        penalty = PENALTIES[name](lambda images: critic(images), *samples)
    assert penalty.value.dtype == penalty.norms.dtype == torch.float32
    assert torch.allclose(penalty.norms, exact.norms, rtol=0.02)  # bfloat16 rounds to 1/256
    assert (penalty.norms != penalty.norms.bfloat16()).any()


@pytest.mark.parametrize("name", ["wgan_gp", "one_sided", "zero_centred", "l1_hinge"])
@pytest.mark.parametrize("epsilon", [(), (5,), (4, 1, 1, 1), SHAPE], ids=str)
def test_other_than_one_epsilon_per_sample_is_refused(name, critic, samples, epsilon):
    real, fake, *_ = samples
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


@ALL
@pytest.mark.parametrize("critic", [nn.Softplus()], ids=["smooth"], indirect=True)
def test_autograd_and_differences_agree_for_all_weights_at_once(name, critic, samples):
    names, weights = zip(*critic.named_parameters(), strict=True)

    def value(*values):
        bound = dict(zip(names, values, strict=True))
        return PENALTIES[name](
            lambda images: torch.func.functional_call(critic, bound, (images,)), *samples
        ).value

    assert torch.autograd.gradcheck(value, weights, fast_mode=True)


@ALL
def test_the_functional_form_has_the_same_value_and_gradient(name, critic, samples):
    functional = replace(PENALTIES[name], gradient=functional_gradient_at)
    found, expected = functional(critic, *samples), PENALTIES[name](critic, *samples)
    assert torch.equal(found.norms, expected.norms)
    weights = (critic[0].weight, critic[2].weight)
    pairs = zip(
        torch.autograd.grad(found.value, weights),
        torch.autograd.grad(expected.value, weights),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-12) for a, b in pairs)


@pytest.mark.parametrize("name", ["wgan_gp"])
@pytest.mark.parametrize("critic", [nn.Softplus()], ids=["smooth"], indirect=True)
def test_the_functional_form_is_compiled_in_one_graph_and_the_other_form_is_not(
    name, critic, samples
):
    functional = replace(PENALTIES[name], gradient=functional_gradient_at)
    compiled = torch.compile(
        lambda *tensors: functional(critic, *tensors).value, backend="aot_eager", fullgraph=True
    )
    value = compiled(*samples)
    assert value.item() == pytest.approx(PENALTIES[name](critic, *samples).value.item(), rel=1e-12)
    (found,) = torch.autograd.grad(value, critic[0].weight)
    (expected,) = torch.autograd.grad(PENALTIES[name](critic, *samples).value, critic[0].weight)
    assert torch.allclose(found, expected, rtol=1e-12)
    # Without the functional form the gradient of a compiled critic cannot be differentiated.
    scores = torch.compile(critic, backend="aot_eager")
    with pytest.raises(RuntimeError, match="double backward"):
        PENALTIES[name](lambda images: scores(images), *samples).value.backward()


def test_any_measure_of_points_can_be_penalised(samples):
    real, *_ = samples
    corners = Measure("corners", lambda real, fake, epsilon, noise: [real.sign()])
    penalty = GradientPenalty(corners, squared_l2, zero_centred_mean)
    found = penalty(lambda images: images.square().sum((1, 2, 3)) / 2, *samples)
    assert found.place == "corners"
    assert found.value.item() == pytest.approx(real[0].numel() / 2, rel=1e-12)


def test_points_beside_real_samples_need_noise(samples):
    assert [name for name, row in PENALTIES.items() if row.needs_noise] == ["dragan"]
    with pytest.raises(ValueError, match="need noise"):
        PENALTIES["dragan"](linear(weight_of_length(1.0)), *samples[:3])


def test_points_of_the_plane_are_penalised_too():
    real, fake, epsilon = torch.zeros(6, 2), torch.ones(6, 2), torch.rand(6, 1)
    direction = torch.tensor([3.0, 4.0])
    for name, penalty in PENALTIES.items():
        found = penalty(lambda points: points @ direction, real, fake, epsilon, torch.rand(6, 2))
        assert found.norms.tolist() == pytest.approx([5.0] * len(found.norms)), name
    assert INTERPOLATE.points(real, fake, epsilon, None)[0].equal((1 - epsilon).expand(6, 2))
