"""The feature network of a run follows from its options."""

from dataclasses import replace
from pathlib import Path

import pytest

from srgan_gp.errors import UsageError
from srgan_gp.losses.features import Features
from srgan_gp.training.pretrained_networks import load_features


@pytest.fixture
def loaded(monkeypatch):
    """Arguments of each call of `Features.load`."""
    calls = []
    monkeypatch.setattr(Features, "load", lambda *pair: calls.append(pair) or "network")
    return calls


@pytest.mark.parametrize("weights", [None, "none", "some.safetensors"])
def test_without_a_perceptual_loss_an_upscaler_has_none(tiny_config, loaded, weights):
    assert load_features(tiny_config(feature_weights=weights)) is None
    assert loaded == []


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(None, []), ("none", []), ("some.safetensors", [("squeeze", Path("some.safetensors"))])],
)
def test_faces_are_scored_with_one_where_its_file_is_named(tiny_config, loaded, weights, expected):
    load_features(tiny_config(task="face-generation", feature_weights=weights))
    assert loaded == expected


@pytest.mark.parametrize(
    ("task", "loss", "name"),
    [
        ("super-resolution", "squeeze", "squeeze"),
        ("super-resolution", "vgg19", "vgg19"),
        ("face-generation", "squeeze", "squeeze"),
    ],
)
def test_a_perceptual_loss_names_it(tiny_config, loaded, task, loss, name):
    assert load_features(tiny_config(task=task, perceptual_loss=loss)) == "network"
    assert loaded == [(name, None)]


def test_a_projected_critic_needs_one(tiny_config, loaded):
    config = tiny_config(
        task="face-generation", critic="projected_critic", adversarial_ratio=1.0,
        critic_warmup_images=0,
    )  # fmt: skip
    assert load_features(config) == "network"
    assert loaded == [("squeeze", None)]
    with pytest.raises(UsageError, match="requires its weights"):
        load_features(replace(config, feature_weights="none"))


@pytest.mark.parametrize("task", ["super-resolution", "face-generation"])
def test_a_projected_critic_with_another_perceptual_network_is_refused(tiny_config, loaded, task):
    config = tiny_config(
        task=task, critic="projected_critic", adversarial_ratio=1.0, critic_warmup_images=0,
        perceptual_loss="vgg19",
    )  # fmt: skip
    with pytest.raises(UsageError, match="perceptual_loss vgg19; choose squeeze or none"):
        load_features(config)
    assert loaded == []
    assert load_features(replace(config, perceptual_loss="squeeze")) == "network"
    without_critic = replace(config, adversarial_ratio=0.0)
    assert load_features(without_critic) == "network"


def test_one_that_is_needed_cannot_be_disabled(tiny_config, loaded):
    config = tiny_config(perceptual_loss="squeeze", feature_weights="none")
    with pytest.raises(
        UsageError, match=r"SqueezeNet 1\.1 .* pass the path of its file as `feature_weights`"
    ):
        load_features(config)
    assert loaded == []
