"""`projected_critic`: feature maps, and penalties in feature space."""

import copy

import pytest
import torch
from torchvision.models import squeezenet1_1

from srgan_gp.errors import UsageError
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.networks import build
from srgan_gp.networks.critics.projected_critic import PROJECTED_CHANNELS, Head
from srgan_gp.networks.detail_critic import detail_of
from srgan_gp.networks.feature_maps import CHANNELS, TAPS, FeatureMaps, map_sides


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def layers():
    """SqueezeNet 1.1 with random weights."""
    torch.manual_seed(1)
    return squeezenet1_1(weights=None).features


@pytest.fixture
def images():
    """Two dozen images that differ in their large areas, (24, 3, 64, 64)."""
    small = torch.rand(24, 3, 4, 4)
    return torch.nn.functional.interpolate(small, (64, 64), mode="bicubic").clamp(0, 1)


def installed(network, layers):
    mean, deviation = torch.full((3, 1, 1), 0.4), torch.full((3, 1, 1), 0.2)
    network.set_network(copy.deepcopy(layers), mean, deviation)
    return network


@pytest.fixture
def maps(layers, images):
    network = installed(FeatureMaps(16), layers)
    network.calibrate(images)
    return network


@pytest.fixture
def critic(layers, images):
    network = build("critics", "projected_critic", size=64, width=2)
    installed(network.maps, layers)
    network.maps.calibrate(network.feature_input(images))
    return network


def test_the_detail_part_sees_the_detail_of_the_whole_image(layers, images):
    network = build("critics", "projected_critic", size=64, width=2, detail=True)
    installed(network.maps, layers)
    network.maps.calibrate(network.feature_input(images))
    views = network.views(images, (1, 2))
    assert torch.equal(views["detail"], detail_of(images))
    scores = [part(views[name]) for name, part in network.parts.items()]
    with torch.no_grad():
        centre = network.views(images)
        expected = sum(part(centre[name]) for name, part in network.parts.items())
        torch.testing.assert_close(network(images), expected)
    assert len(scores) == 6


def test_the_maps_are_those_of_the_network_standardised_and_projected(maps, layers, images):
    values = (images - 0.4) / 0.2
    raw = []
    for index, layer in enumerate(layers):
        values = layer(values)
        raw += [values] if index in TAPS else []
    for index, (found, plain) in enumerate(zip(maps(images), raw, strict=True)):
        mean = plain.mean((0, 2, 3), keepdim=True)
        deviation = plain.std((0, 2, 3), keepdim=True)
        floored = deviation.clamp_min(0.5 * deviation.mean())
        rows = getattr(maps, f"projection_{index}")
        projected = torch.einsum("pc,bchw->bphw", rows, (plain - mean) / floored)
        ratio = found.norm() / projected.norm()
        assert torch.allclose(found, ratio * projected, rtol=1e-3, atol=1e-4)


def test_real_images_have_the_same_mean_distance_in_every_map_as_in_pixels(maps, images):
    def distance(values):
        flat = values.flatten(1)
        return (flat - flat.roll(1, 0)).norm(dim=1).mean().item()

    for found in maps(images):
        assert distance(found) == pytest.approx(distance(images), rel=1e-3)


def test_the_projections_are_orthonormal_and_the_same_in_every_critic():
    one, other = FeatureMaps(16), FeatureMaps(16)
    for index, channels in enumerate(CHANNELS):
        rows = getattr(one, f"projection_{index}")
        assert rows.shape == (16, channels)
        assert torch.allclose(rows @ rows.T, torch.eye(16), atol=1e-5)
        assert torch.equal(rows, getattr(other, f"projection_{index}"))


def test_a_constant_channel_does_not_dominate_its_map(layers, images):
    network = installed(FeatureMaps(16), layers)
    first = network.layers[0]
    with torch.no_grad():
        first.weight[3] = 0
        first.bias[3] = 1
    network.calibrate(images)
    assert network.deviation_0[3] == pytest.approx(0.5 * network.deviation_0.mean().item(), rel=0.1)
    assert all(values.isfinite().all() for values in network(images))


def test_neither_optimizer_nor_state_dict_contains_the_feature_network(critic, layers, images):
    of_network = sum(p.numel() for p in layers[: TAPS[-1] + 1].parameters())
    stored = sum(value.numel() for value in critic.state_dict().values())
    assert not any("layers" in name for name, _ in critic.maps.named_parameters())
    assert stored < of_network
    again = build("critics", "projected_critic", size=64, width=2)
    installed(again.maps, layers)
    again.load_state_dict(critic.state_dict())
    assert torch.equal(again(images), critic(images))


def test_the_score_is_the_sum_of_five_parts_of_the_image_alone(critic, images):
    assert list(critic.parts) == ["image", "stride_2", "stride_4", "stride_8", "stride_16"]
    views = critic.views(images[:3])
    parts = [part(views[name]) for name, part in critic.parts.items()]
    assert all(scores.shape == (3,) and scores.dtype == torch.float32 for scores in parts)
    assert torch.allclose(critic(images[:3]), sum(parts))
    seen = images[:3].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(seen)[0], seen)
    assert gradient[0].norm() > 0
    assert gradient[1:].abs().max() == 0


@pytest.mark.parametrize("shift", [(0, 0), (3, 1), None])
def test_the_feature_network_gets_a_window_and_the_image_part_the_whole_image(
    critic, images, shift
):
    down, right = shift or (1, 1)
    window = critic.feature_input(images, shift)
    assert window.shape == (24, 3, 64, 64)  # 61 pixels, enlarged
    changed = images.clone()
    changed[..., :down, :] = 0
    changed[..., down + 61 :, :] = 0
    changed[..., :right] = 0
    changed[..., right + 61 :] = 0
    assert torch.equal(critic.feature_input(changed, shift), window)
    assert torch.equal(critic.views(images, shift)["image"], images)


@pytest.mark.parametrize("side", [17, 33, 64, 125])
def test_map_sides_equal_the_computed_ones(layers, side):
    network = installed(FeatureMaps(8), layers)
    assert [values.shape[-1] for values in network(torch.rand(1, 3, side, side))] == map_sides(side)


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_there_is_a_critic_for_every_size_from_16_on(layers, size):
    critic = build("critics", "projected_critic", size=size, width=2)
    installed(critic.maps, layers)
    with torch.autocast("cpu", torch.bfloat16):
        scores = critic(torch.rand(2, 3, size, size))
    assert scores.shape == (2,)
    assert scores.dtype == torch.float32


def test_invalid_input_is_refused(critic, images):
    with pytest.raises(UsageError, match="at least 16 pixels, not 8"):
        build("critics", "projected_critic", size=8)
    with pytest.raises(ValueError, match="not take a condition"):
        critic(images, images)
    with pytest.raises(RuntimeError, match="set_network"):
        build("critics", "projected_critic", size=64)(images)


def test_a_heads_penalty_is_the_one_of_its_maps_in_closed_form():
    head = Head(PROJECTED_CHANNELS, 3, 8).double()
    for layer in head.body:  # a linear head: its gradient is the same everywhere
        if isinstance(layer, torch.nn.LeakyReLU):
            layer.negative_slope = 1.0
    real, fake = torch.randn(2, 4, PROJECTED_CHANNELS, 3, 3, dtype=torch.float64)
    epsilon = torch.rand(4, 1, 1, 1, dtype=torch.float64)
    basis = torch.eye(PROJECTED_CHANNELS * 9, dtype=torch.float64).view(
        -1, PROJECTED_CHANNELS, 3, 3
    )
    with torch.no_grad():
        slope = (head(basis) - head(torch.zeros_like(basis[:1]))).norm()
    penalty = PENALTIES["wgan_gp"](head, real, fake, epsilon)
    assert penalty.norms.tolist() == pytest.approx([slope.item()] * 4, rel=1e-9)
    assert penalty.value.item() == pytest.approx((slope.item() - 1) ** 2, rel=1e-9)


def test_a_heads_double_backward_agrees_with_finite_differences():
    head = Head(PROJECTED_CHANNELS, 7, 4).double()
    real, fake = torch.randn(2, 3, PROJECTED_CHANNELS, 7, 7, dtype=torch.float64)
    epsilon = torch.rand(3, 1, 1, 1, dtype=torch.float64)

    def penalty():
        return PENALTIES["wgan_gp"](head, real, fake, epsilon).value

    for weight in (head.body[0].weight, head.body[2].weight, head.score.weight):
        (found,) = torch.autograd.grad(penalty(), weight)
        place, step = (0,) * weight.dim(), 1e-6
        ends = []
        for change in (step, -2 * step):
            with torch.no_grad():
                weight[place] += change
            ends.append(penalty().item())
        with torch.no_grad():
            weight[place] += step
        expected = (ends[0] - ends[1]) / (2 * step)
        assert found[place].item() == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_the_penalty_of_a_head_has_no_gradient_for_the_feature_network(critic, images):
    seen = images[:4].clone().requires_grad_()
    views = critic.views(seen)
    for name, part in critic.parts.items():
        fake = views[name].detach()
        PENALTIES["wgan_gp"](part, fake.flip(0), fake, torch.rand(4, 1, 1, 1)).value.backward()
    assert seen.grad is None
    weights = [v for name, v in critic.parts.named_parameters() if name.endswith("weight")]
    assert all(weight.grad is not None for weight in weights)
