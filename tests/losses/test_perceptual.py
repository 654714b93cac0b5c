import hashlib

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import squeezenet1_1

from srgan_gp.errors import UsageError
from srgan_gp.losses.perceptual import SqueezeFeatures, squeeze_distance


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "random.safetensors"
    save_file(squeezenet1_1(weights=None).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def features(weights):
    return SqueezeFeatures.load(weights)


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 40, 48, generator=torch.Generator().manual_seed(0))


def test_equal_pictures_have_distance_zero(features, pictures):
    assert squeeze_distance(features, pictures, pictures).abs().max() == 0


def test_the_distance_is_symmetric_and_one_per_picture(features, pictures):
    other = pictures.flip(-1)
    there, back = (squeeze_distance(features, *p) for p in ((pictures, other), (other, pictures)))
    assert there.shape == (3,)
    assert torch.equal(there, back)
    assert (there > 0).all()


def test_the_taps_are_the_seven_of_the_protocol_with_unit_length(features, pictures):
    taps = features(pictures)
    assert [tap.shape[1] for tap in taps] == [64, 128, 256, 384, 384, 512, 512]
    for tap in taps:
        length = tap.norm(dim=1)
        assert ((length - 1).abs().lt(1e-4) | length.eq(0)).all()


def test_the_hash_is_the_files(features, weights):
    assert features.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_gradients_reach_the_output_and_not_the_features(features, pictures):
    output = pictures.clone().requires_grad_()
    squeeze_distance(features, output, pictures.flip(-1)).sum().backward()
    assert output.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in features.parameters())


def test_pictures_that_cannot_be_compared_are_refused(features, pictures):
    with pytest.raises(ValueError, match="cannot compare"):
        squeeze_distance(features, pictures, pictures[..., :-1])
    with pytest.raises(ValueError, match="cannot compare"):
        squeeze_distance(features, pictures[..., :16], pictures[..., :16])


def test_a_file_that_is_not_squeezenet_is_named(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(UsageError, match=r"other\.safetensors does not hold SqueezeNet"):
        SqueezeFeatures.load(path)
    with pytest.raises(UsageError, match="does not hold SqueezeNet"):
        SqueezeFeatures.load(tmp_path / "missing.safetensors")


def test_without_a_connection_the_flag_is_named(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no connection")

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", refuse)
    with pytest.raises(UsageError, match="--feature-weights"):
        SqueezeFeatures.load(None)
