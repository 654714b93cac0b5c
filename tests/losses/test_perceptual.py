import pytest
import torch

from srgan_gp.losses.perceptual import feature_distance, perceptual_loss


def test_equal_pictures_have_distance_zero(features, pictures):
    assert feature_distance(features, pictures, pictures).abs().max() == 0


def test_the_distance_is_symmetric_and_one_per_picture(features, pictures):
    other = pictures.flip(-1)
    there, back = (feature_distance(features, *p) for p in ((pictures, other), (other, pictures)))
    assert there.shape == (3,)
    assert torch.equal(there, back)
    assert (there > 0).all()


def test_gradients_reach_the_output_and_not_the_features(features, pictures):
    output = pictures.clone().requires_grad_()
    feature_distance(features, output, pictures.flip(-1)).sum().backward()
    assert output.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in features.parameters())


def test_pictures_that_cannot_be_compared_are_refused(features, pictures):
    side = features.least_side - 1
    with pytest.raises(ValueError, match="cannot compare"):
        feature_distance(features, pictures, pictures[..., :-1])
    with pytest.raises(ValueError, match="cannot compare"):
        feature_distance(features, pictures[..., :side], pictures[..., :side])


def test_the_loss_is_the_mean_distance_of_the_shifted_window(features, pictures):
    other = pictures.flip(-1)
    expected = feature_distance(features, pictures[..., 3:, 5:], other[..., 3:, 5:]).mean()
    assert torch.equal(perceptual_loss(features, pictures, other, (3, 5)), expected)
