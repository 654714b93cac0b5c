import hashlib

import pytest
import torch
from safetensors.torch import save_file

from srgan_gp.errors import UsageError
from srgan_gp.losses.features import FEATURE_NETWORKS, Features


@pytest.mark.parametrize(
    ("name", "channels"),
    [("squeeze", [64, 128, 256, 384, 384, 512, 512]), ("vgg19", [64, 128, 256, 512, 512])],
)
def test_the_taps_are_those_of_the_protocol_with_unit_length(
    feature_weights, images, name, channels
):
    maps = Features.load(name, feature_weights[name])(images)
    assert [tap.shape[1] for tap in maps] == channels
    for tap in maps:
        length = tap.norm(dim=1)
        assert ((length - 1).abs().lt(1e-4) | length.eq(0)).all()


def test_the_least_side_is_the_least_that_works(features):
    side = features.least_side
    assert all(tap.numel() for tap in features(torch.rand(1, 3, side, side)))
    with pytest.raises(RuntimeError, match="too small"):
        features(torch.rand(1, 3, side - 1, side - 1))


def test_maps_are_float32_under_autocast(features, images):
    exact = features(images)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = features(images)
    for a, b in zip(exact, rounded, strict=True):
        assert b.dtype == torch.float32
        assert (a - b).square().sum(1).mean().sqrt() < 0.05


def test_the_hash_is_the_files(feature_weights):
    path = feature_weights["squeeze"]
    found = Features.load("squeeze", path).sha256
    assert found == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_is_not_the_network_is_named(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(
        UsageError, match=r"other\.safetensors does not hold the weights of SqueezeNet"
    ):
        Features.load("squeeze", path)
    with pytest.raises(UsageError, match="does not hold the weights of VGG-19"):
        Features.load("vgg19", tmp_path / "missing.safetensors")


@pytest.mark.parametrize("name", FEATURE_NETWORKS)
def test_without_a_connection_the_argument_is_named(monkeypatch, name):
    def refuse(*_, **__):
        raise OSError("no connection")

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", refuse)
    with pytest.raises(UsageError, match="pass the path of its file as `feature_weights`"):
        Features.load(name)


@pytest.mark.parametrize("is_optional", [False, True])
def test_a_missing_network_names_the_command_and_the_argument(monkeypatch, tmp_path, is_optional):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    with pytest.raises(UsageError, match="`srgan-gp fetch feature-network` downloads") as caught:
        Features.load("squeeze", is_optional=is_optional)
    text = str(caught.value)
    assert "--feature-weights" not in text
    assert "Or pass the path of its file as `feature_weights`" in text
    assert ("pass 'none' as `feature_weights`" in text) == is_optional
