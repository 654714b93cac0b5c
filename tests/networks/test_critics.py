import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks import build, names, reject_batch_norm

SMALL = {"width": 4, "stages": 2}
# Critics of images of one size: test_face_networks.py and test_projected_critic.py
OF_ONE_SIZE = ("face_critic", "projected_critic")
ALL = pytest.mark.parametrize("name", [n for n in names("critics") if n not in OF_ONE_SIZE])
CONDITIONAL = pytest.mark.parametrize("conditional", [False, True])


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def score_function(name, images, conditional=False, scale=4, **arguments):
    """Build a critic; return it, and its scores as a function of the images alone."""
    critic = build("critics", name, conditional=conditional, scale=scale, **SMALL | arguments)
    shape = (len(images), 3, images.shape[2] // scale, images.shape[3] // scale)
    condition = torch.rand(shape, dtype=images.dtype) if conditional else None
    return critic, lambda images: critic(images, condition)


def gradient_of(score, images):
    """Gradient of the sum of the scores, at a copy of the images."""
    images = images.detach().requires_grad_()
    return torch.autograd.grad(score(images).sum(), images, create_graph=True)[0]


@ALL
@CONDITIONAL
@pytest.mark.parametrize(
    ("height", "width", "scale"), [(16, 12, 4), (9, 15, 3), (13, 7, 1), (1, 1, 1)]
)
def test_there_is_one_float32_score_an_image_of_any_size(name, conditional, height, width, scale):
    images = torch.rand(3, 3, height, width)
    scores = score_function(name, images, conditional, scale)[1](images)
    assert scores.shape == (3,)
    assert scores.dtype == torch.float32
    assert scores.isfinite().all()


@ALL
@CONDITIONAL
def test_a_score_depends_on_its_own_image_and_on_no_other(name, conditional):
    images = torch.rand(3, 3, 16, 16, requires_grad=True)
    scores = score_function(name, images, conditional)[1](images)
    (gradient,) = torch.autograd.grad(scores[0], images)
    assert gradient[0].norm() > 0
    assert gradient[1:].abs().max() == 0


def test_batch_norm_would_couple_the_images_of_a_batch():
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3))
    images = torch.rand(3, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(images).square().mean((1, 2, 3))[0], images)
    assert gradient[1:].abs().max() > 0


@ALL
def test_the_condition_changes_the_score(name):
    critic = build("critics", name, conditional=True, **SMALL)
    images, one, other = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    assert (critic(images, one) - critic(images, other)).abs().min() > 0


@ALL
@CONDITIONAL
def test_a_missing_or_unexpected_condition_is_refused(name, conditional):
    critic = build("critics", name, conditional=conditional, **SMALL)
    condition = None if conditional else torch.rand(1, 3, 4, 4)
    with pytest.raises(ValueError, match="condition"):
        critic(torch.rand(1, 3, 16, 16), condition)


def spread_of_phases(score, images):
    """How much the gradient differs over the four pixels of each 2x2 cell, relative to its size."""
    phases = F.pixel_unshuffle(gradient_of(score, images), 2).unflatten(1, (3, 4))
    return ((phases - phases.mean(2, keepdim=True)).norm() / phases.norm()).item()


@ALL
def test_the_score_depends_on_a_pattern_of_period_two(name):
    images = torch.rand(2, 3, 32, 32)
    assert spread_of_phases(score_function(name, images)[1], images) > 0.3
    grid = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16) / 20
    score = score_function(name, images)[1]
    assert (score(images + grid) - score(images)).abs().min() > 1e-3


def test_a_critic_that_subsamples_first_does_not_depend_on_it():
    images = torch.rand(2, 3, 32, 32)
    score = score_function("resnet_critic", images[..., ::2, ::2])[1]
    assert spread_of_phases(lambda images: score(F.avg_pool2d(images, 2)), images) < 1e-5


@ALL
@CONDITIONAL
def test_the_double_backward_in_bfloat16_is_finite_and_close_to_float32(name, conditional):
    images = torch.rand(2, 3, 32, 32).to(memory_format=torch.channels_last)
    critic, score = score_function(name, images, conditional)
    exact = gradient_of(score, images).flatten(1).norm(dim=1)
    critic.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        scores = score(images)
        norms = gradient_of(score, images).flatten(1).norm(dim=1)
    (norms - 1).square().mean().backward()
    weights = [parameter for parameter in critic.parameters() if parameter.ndim > 1]
    assert all(weight.grad.isfinite().all() and weight.grad.norm() > 0 for weight in weights)
    assert scores.dtype == torch.float32
    assert torch.all(scores != scores.bfloat16())  # the head is not rounded to eight bits
    assert torch.allclose(norms, exact, rtol=0.03)  # bfloat16 rounds to 1/256, ten layers deep


@ALL
@CONDITIONAL
@pytest.mark.parametrize("chosen", range(3))
def test_the_first_gradient_over_a_crop_is_of_the_order_of_one(name, conditional, chosen):
    torch.manual_seed(chosen)
    images = torch.rand(2, 3, 96, 96)
    critic = build("critics", name, conditional=conditional)
    condition = images[..., ::4, ::4] if conditional else None
    gradient = gradient_of(lambda images: critic(images, condition), images).detach()
    norms = gradient.flatten(1).norm(dim=1)
    assert ((norms > 0.1) & (norms < 3)).all()
    share_of_brightness = gradient.mean((2, 3)).norm(dim=1) * 96 / norms
    assert share_of_brightness.max() < 0.1


@ALL
def test_the_score_is_a_mean_over_the_image_not_a_sum(name):
    image = torch.rand(1, 3, 32, 32)
    large = image.tile(2, 2)
    score = score_function(name, image)[1]
    norms = [gradient_of(score, images).norm().item() for images in (image, large)]
    assert norms[1] == pytest.approx(norms[0] / 2, rel=0.2)  # a sum's would double
    assert score(large).item() == pytest.approx(score(image).item(), rel=0.3)  # but for borders


@ALL
@CONDITIONAL
def test_second_derivatives_are_right(name, conditional):
    images = torch.rand(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    critic, _ = score_function(name, images, conditional, width=2)
    condition = torch.rand(1, 3, 1, 1, dtype=torch.float64) if conditional else None
    critic.double()
    parameters = dict(critic.named_parameters())

    def score(images, *weights):
        weights = dict(zip(parameters, weights, strict=True))
        return torch.func.functional_call(critic, weights, (images, condition))

    assert torch.autograd.gradgradcheck(score, (images, *parameters.values()), fast_mode=True)


@ALL
def test_biases_start_at_zero_and_there_is_no_normalisation(name):
    critic = build("critics", name, **SMALL)
    assert all(p.abs().max() == 0 for n, p in critic.named_parameters() if n.endswith("bias"))
    assert not any("Norm" in type(module).__name__ for module in critic.modules())


def test_the_parameter_count_is_the_sum_of_its_convolutions():
    critic = build("critics", "resnet_critic", width=24, stages=4)
    blocks = [(24, 24), (24, 48), (48, 96), (96, 96)]
    expected = (3 * 9 + 1) * 24 + 96 * 9 + 1
    expected += sum((a * 9 + 1) * b + (b * 9 + 1) * b + (a + 1) * b for a, b in blocks)
    assert sum(parameter.numel() for parameter in critic.parameters()) == expected


@pytest.mark.parametrize("argument", ["width", "stages", "scale"])
def test_arguments_below_one_are_named(argument):
    with pytest.raises(UsageError, match=f"{argument}=0"):
        build("critics", "resnet_critic", **{argument: 0})


@pytest.mark.parametrize(
    "norm",
    [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.LazyBatchNorm2d],
)
def test_a_critic_with_batch_norm_is_refused_with_the_reason(norm):
    layer = norm() if norm is nn.LazyBatchNorm2d else norm(4)
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(layer))
    with pytest.raises(UsageError, match=rf"'1\.0' is {norm.__name__}: .*couples the images"):
        reject_batch_norm(critic)


@pytest.mark.parametrize("norm", [nn.GroupNorm(1, 4), nn.InstanceNorm2d(4), nn.LayerNorm(4)])
def test_norms_within_an_image_are_accepted(norm):
    reject_batch_norm(nn.Sequential(nn.Conv2d(3, 4, 3), norm))


def test_no_critic_with_batch_norm_is_built(monkeypatch):
    def with_batch_norm():
        return nn.Sequential(nn.BatchNorm2d(3))

    monkeypatch.setattr("srgan_gp.networks.critics.resnet_critic.Critic", with_batch_norm)
    with pytest.raises(UsageError, match="BatchNorm2d"):
        build("critics", "resnet_critic")
