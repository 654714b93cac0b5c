import pytest
import torch

from srgan_gp.losses.perceptual import feature_distance, perceptual_loss


def test_equal_images_have_distance_zero(features, images):
    assert feature_distance(features, images, images).abs().max() == 0


def test_the_distance_is_symmetric_and_one_per_image(features, images):
    other = images.flip(-1)
    there, back = (feature_distance(features, *p) for p in ((images, other), (other, images)))
    assert there.shape == (3,)
    assert torch.equal(there, back)
    assert (there > 0).all()


def test_gradients_reach_the_output_and_not_the_features(features, images):
    output = images.clone().requires_grad_()
    feature_distance(features, output, images.flip(-1)).sum().backward()
    assert output.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in features.parameters())


def test_images_of_different_or_too_small_sizes_are_refused(features, images):
    side = features.least_side - 1
    with pytest.raises(ValueError, match="cannot compare"):
        feature_distance(features, images, images[..., :-1])
    with pytest.raises(ValueError, match=f"at least {features.least_side} pixels, got"):
        feature_distance(features, images[..., :side], images[..., :side])


def test_the_loss_is_the_mean_distance_of_the_shifted_window(features, images):
    other = images.flip(-1)
    expected = feature_distance(features, images[..., 3:, 5:], other[..., 3:, 5:]).mean()
    assert torch.equal(perceptual_loss(features, images, other, (3, 5)), expected)


def test_equal_noise_on_both_hides_a_texture_that_is_fainter(features):
    random = torch.Generator().manual_seed(0)
    flat = torch.full((2, 3, 64, 64), 0.5)
    dots = torch.zeros_like(flat)
    dots[..., ::4, ::4] = 2 / 255
    noise = torch.randn(flat.shape, generator=random) * (40 / 255)
    alone = perceptual_loss(features, flat + dots, flat, (0, 0))
    hidden = perceptual_loss(features, flat + dots, flat, (0, 0), noise)
    assert perceptual_loss(features, flat, flat, (0, 0), noise) == 0
    assert 0 < hidden < alone / 2
