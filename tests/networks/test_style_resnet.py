"""`style_resnet`: styles, demodulation, truncation, and no frame at the border."""

import math

import pytest
import torch
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks import build
from srgan_gp.networks.blocks import smooth
from srgan_gp.networks.noise_maps import NoiseMaps
from srgan_gp.networks.style_blocks import StyleConvolution


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def generator(**changes):
    return build("generators", "style_resnet", **{"width": 4, "latent_size": 16} | changes)


@pytest.mark.parametrize("size", [8, 32, 64])
def test_a_latent_becomes_an_image_of_the_size_with_the_deviation_of_real_ones(size):
    with torch.autocast("cpu", torch.bfloat16):
        images = generator(size=size)(torch.randn(16, 16))
    assert images.shape == (16, 3, size, size)
    assert images.dtype == torch.float32
    assert 0.3 < images.mean() < 0.7
    assert 0.05 < images.std() < 0.5


def test_the_widths_of_the_presets_stay_below_two_and_a_half_million_parameters():
    for width in (16, 30):
        network = build("generators", "style_resnet", width=width, noise_maps=8)
        assert sum(p.numel() for p in network.parameters()) <= 2_500_000


def test_an_image_depends_on_its_own_latent_and_on_no_other():
    latents = torch.randn(3, 16, requires_grad=True)
    images = generator(size=16)(latents)
    (gradient,) = torch.autograd.grad(images[0].square().sum(), latents)
    assert gradient[0].norm() > 0
    assert gradient[1:].abs().max() == 0


def test_a_style_convolution_is_one_with_modulated_and_demodulated_weights():
    layer = StyleConvolution(5, 7, 4).double()
    torch.nn.init.normal_(layer.bias)
    features, style = torch.randn(3, 5, 6, 6).double(), torch.randn(3, 4).double()
    found = layer(features, style)
    for index in range(3):  # equations 1 and 3, image by image
        scales = layer.scales(style[index])
        weight = layer.weight * scales[None, :, None, None]
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        padded = F.pad(features[index][None], (1, 1, 1, 1), mode="replicate")
        plain = F.conv2d(padded, weight) + layer.bias[:, None, None]
        expected = F.leaky_relu(plain, 0.2) * math.sqrt(2)
        assert torch.allclose(found[index], expected[0], rtol=1e-5, atol=1e-6)


def test_the_scale_of_weights_and_styles_changes_no_map():
    layer = StyleConvolution(5, 7, 4)
    features, style = torch.randn(3, 5, 6, 6), torch.randn(3, 4)
    before = layer(features, style)
    with torch.no_grad():
        layer.weight *= 100
        layer.scales.weight *= 0.1
        layer.scales.bias *= 0.1
    assert torch.allclose(layer(features, style), before, rtol=1e-3, atol=1e-4)


def test_a_flat_image_has_no_frame_at_its_border():
    layer = StyleConvolution(5, 7, 4)
    flat = torch.randn(1, 5, 1, 1).expand(1, 5, 8, 8)
    for enlarge in (False, True):
        found = layer(flat, torch.randn(1, 4), enlarge=enlarge)
        assert torch.allclose(found, found[..., :1, :1].expand_as(found), atol=1e-5)


def test_truncation_moves_every_style_straight_to_the_mean_style():
    network = generator(latent_size=128)
    network.centre()
    mapping, latents = network.mapping, torch.randn(1000, 128)
    with torch.no_grad():
        styles = mapping(latents)
        middle = mapping(0 * latents)
        assert torch.allclose(middle, middle[:1].expand_as(middle))
        assert torch.allclose(styles.mean(0), middle[0], atol=0.2)
        assert torch.allclose(mapping(0.3 * latents), middle + 0.3 * (styles - middle), atol=1e-4)
        before = network(latents[:4])
        network.mapping.centre.zero_()
        assert (network(latents[:4]) - before).abs().max() < 0.2  # the lengths are nearly 1


def test_noise_has_unit_variance_and_is_a_function_of_the_latent_but_not_of_its_length():
    maps = NoiseMaps(4, 32, 8)
    latents = torch.randn(64, 16)
    noise = maps(latents)
    assert {side: tuple(values.shape) for side, values in noise.items()} == {
        side: (64, 1, side, side) for side in (4, 8, 16, 32)
    }
    assert noise[32].mean().abs() < 0.02
    assert noise[32].std().item() == pytest.approx(1, abs=0.02)
    neighbours = (noise[32][..., 1:] * noise[32][..., :-1]).mean()
    assert neighbours.abs() < 0.02, "it is white"
    assert torch.allclose(maps(0.3 * latents)[32], noise[32], atol=1e-5)
    assert (noise[32][0] - noise[32][1]).abs().mean() > 0.5, "each image has its own"
    assert torch.equal(NoiseMaps(4, 32, 8)(latents)[32], noise[32]), "the same in every run"


def test_noise_that_is_added_to_a_trained_generator_changes_nothing_until_it_is_trained():
    plain, noisy = generator(size=16), generator(size=16, noise_maps=3)
    noisy.load_state_dict(plain.state_dict(), strict=False)
    latents = torch.randn(2, 16)
    with torch.no_grad():
        assert torch.allclose(noisy(latents), plain(latents), atol=1e-6)
        for name, values in noisy.named_parameters():
            if name.endswith("noise_factors"):
                values.normal_(std=0.1)
        changed = noisy(latents)
        assert torch.equal(noisy(latents), changed), "a latent determines the image"
        assert (changed - plain(latents)).abs().mean() > 1e-3


def test_the_maps_of_noise_are_not_trained_and_their_factors_are():
    network = generator(size=16, noise_maps=3)
    network(torch.randn(2, 16)).square().sum().backward()
    for name, values in network.named_parameters():
        assert (values.grad is None) == (name.startswith("noise.") or "centre" in name), name
        assert values.grad is None or values.grad.abs().max() > 0, name


def test_arguments_out_of_range_are_refused():
    for count in (-1, 1, 17):
        with pytest.raises(
            UsageError, match=f"noise_maps from 2 to latent_size, 16, or 0, not {count}"
        ):
            generator(noise_maps=count)
    with pytest.raises(UsageError, match="power of two from 8 up, not 48"):
        generator(size=48)
    with pytest.raises(UsageError, match="latent_size of at least 1, not 0"):
        generator(latent_size=0)


def test_smoothing_removes_the_highest_frequency_and_keeps_means_and_flat_images():
    rows = torch.arange(8.0)
    stripes = (-1.0) ** rows[:, None].expand(8, 8)[None, None]  # the highest frequency
    assert torch.allclose(smooth(stripes, 0.12)[..., 1:-1, :], 0.52 * stripes[..., 1:-1, :])
    assert smooth(stripes, 0.25)[..., 1:-1, :].abs().max() < 1e-6
    flat = torch.full((1, 3, 8, 8), 0.3)
    assert torch.allclose(smooth(flat, 0.12), flat)
    spot = torch.zeros(1, 1, 9, 9)
    spot[..., 4, 4] = 1
    found = smooth(spot, 0.1)
    assert torch.allclose(found.sum(), torch.tensor(1.0))
    assert torch.allclose(found[0, 0, 4, 3:6], 0.8 * torch.tensor([0.1, 0.8, 0.1]))


def test_a_generator_with_smoothing_generates_the_smoothed_images_of_the_same_weights():
    plain = generator(size=16)
    smoothed = generator(size=16)
    smoothed.load_state_dict(plain.state_dict())
    smoothed.smoothing = 0.12
    latents = torch.randn(2, 16)
    assert torch.allclose(smoothed(latents), smooth(plain(latents), 0.12), atol=1e-6)
