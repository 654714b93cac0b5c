"""Eight faults seen in published code, each caught by a check that the right form passes."""

import pytest
import torch
from torch import nn

from srgan_gp.losses.adversarial import critic_loss, drift
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.networks import build
from srgan_gp.training.options.config import TrainConfig

# The faulty forms. Penalties give a value from (critic, real, fake, epsilon), as `ours` does.


def ours(*arguments):
    return PENALTIES["wgan_gp"](*arguments).value


def between(real, fake, epsilon):
    return (epsilon * real + (1 - epsilon) * fake).requires_grad_()


def gradient_at(critic, points):
    return torch.autograd.grad(critic(points).sum(), points, create_graph=True)[0]


def norm_of_each_pixel(critic, real, fake, epsilon):
    gradient = gradient_at(critic, between(real, fake, epsilon))
    return (gradient.norm(dim=1) - 1).square().mean()


def epsilon_of_each_value(critic, real, fake, epsilon):
    gradient = gradient_at(critic, between(real, fake, torch.rand_like(real)))
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def normal_epsilon(critic, real, fake, epsilon):
    gradient = gradient_at(critic, between(real, fake, torch.randn_like(epsilon)))
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def norm_of_the_whole_batch(critic, real, fake, epsilon):
    return (gradient_at(critic, between(real, fake, epsilon)).norm() - 1).square()


def sum_over_a_patch_map(critic, real, fake, epsilon):
    gradient = gradient_at(critic, between(real, fake, epsilon))
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def root_of_a_sum_of_squares(critic, real, fake, epsilon):
    gradient = gradient_at(critic, between(real, fake, epsilon))
    return (gradient.square().flatten(1).sum(1).sqrt() - 1).square().mean()


WHOLE_NUMBERS_AS_BETAS = (0, 0.9)


def backward_of_the_penalty_alone(critic, *samples):
    ours(critic, *samples).backward()


# The right forms of what is not a penalty.


def backward_of_the_whole_loss(critic, real, fake, epsilon):
    real_scores = critic(real)
    loss = critic_loss(real_scores, critic(fake)) + 1e-3 * drift(real_scores)
    (loss + 10 * ours(critic, real, fake, epsilon)).backward()


OUR_BETAS = (TrainConfig.critic_beta1, TrainConfig.critic_beta2)


# The checks.


def samples(count=4, size=8):
    generator = torch.Generator().manual_seed(0)
    shapes = ((count, 3, size, size), (count, 3, size, size), (count, 1, 1, 1))
    return tuple(torch.rand(shape, generator=generator) for shape in shapes)


def weight_of_length(length):
    weight = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(1))
    return weight * (length / weight.norm())


def linear(weight):
    return lambda images: (images * weight).sum((1, 2, 3))


def check_a_linear_critic_of_length_3_costs_4(penalty):
    assert penalty(linear(weight_of_length(3.0)), *samples()).item() == pytest.approx(4, rel=1e-4)


def check_the_batch_size_does_not_count(penalty):
    values = [penalty(linear(weight_of_length(3.0)), *samples(count)).item() for count in (2, 8)]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


def places_on_the_segment(penalty):
    """Where between fake (0) and real (1) the gradient is taken, for each value of each sample."""
    seen, score = [], linear(weight_of_length(3.0))

    def critic(images):
        seen.append(images.detach().flatten(1))
        return score(images)

    real = torch.ones(64, 3, 8, 8)
    penalty(critic, real, torch.zeros_like(real), torch.rand(64, 1, 1, 1))
    return seen[0]


def check_each_sample_has_one_place_on_the_segment(penalty):
    places = places_on_the_segment(penalty)
    assert (places.amax(1) - places.amin(1)).max() < 1e-6


def check_no_place_is_outside_the_segment(penalty):
    places = places_on_the_segment(penalty)
    assert places.min() >= 0
    assert places.max() <= 1


def check_a_patch_map_is_refused_or_its_area_does_not_count(penalty):
    """Where each patch has slope 1, the slope of a score made of their mean is at most 1."""

    def patch_map(images):
        return images.mean(1) * 3**0.5

    try:
        values = [penalty(patch_map, *samples(size=size)).item() for size in (8, 16)]
    except ValueError as error:
        assert "one score" in str(error)
    else:
        assert max(values) <= 1


def check_a_gradient_of_zero_gives_no_nan(penalty):
    weight = torch.zeros(3, 8, 8, requires_grad=True)
    penalty(linear(weight), *samples()).backward()
    assert weight.grad.isfinite().all()


def check_adam_takes_the_betas_and_has_no_momentum(betas):
    assert [type(beta) for beta in betas] == [float, float]
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter], lr=1.0, betas=betas)
    for gradient in (1.0, -1.0):
        parameter.grad = torch.tensor([gradient])
        optimizer.step()
    assert parameter.item() == pytest.approx(0, abs=1e-6)  # the steps are -1 and 1


def check_every_parameter_has_a_gradient(backward):
    critic = build("critics", "resnet_critic", width=2, stages=1)
    backward(critic, *samples())
    assert [name for name, value in critic.named_parameters() if value.grad is None] == []


FAULTS = {
    "norm of each pixel": (check_a_linear_critic_of_length_3_costs_4, ours, norm_of_each_pixel),
    "epsilon of each value": (
        check_each_sample_has_one_place_on_the_segment,
        ours,
        epsilon_of_each_value,
    ),
    "normal epsilon": (check_no_place_is_outside_the_segment, ours, normal_epsilon),
    "norm of the batch": (check_the_batch_size_does_not_count, ours, norm_of_the_whole_batch),
    "sum over a patch map": (
        check_a_patch_map_is_refused_or_its_area_does_not_count,
        ours,
        sum_over_a_patch_map,
    ),
    "whole numbers as betas": (
        check_adam_takes_the_betas_and_has_no_momentum,
        OUR_BETAS,
        WHOLE_NUMBERS_AS_BETAS,
    ),
    "root at zero": (check_a_gradient_of_zero_gives_no_nan, ours, root_of_a_sum_of_squares),
    "backward of the penalty alone": (
        check_every_parameter_has_a_gradient,
        backward_of_the_whole_loss,
        backward_of_the_penalty_alone,
    ),
}
"""By fault: the check, the right form, which passes it, and the faulty form, which does not."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_right_form_passes_the_check_and_the_faulty_one_does_not(fault):
    check, right, faulty = FAULTS[fault]
    check(right)
    with pytest.raises(AssertionError):
        check(faulty)


def test_there_are_eight_faults():
    assert len(FAULTS) == 8
