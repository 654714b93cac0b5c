import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.training.export import export
from srgan_gp.training.finetune_source import find_source
from srgan_gp.training.presets import PRESETS


@pytest.fixture(scope="module")
def exported(gan_run, tmp_path_factory):
    """The folder of a tiny upscaler with a critic, `mine`; not to be changed."""
    folder = tmp_path_factory.mktemp("models")
    export(gan_run, "mine", folder)
    return folder


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_the_options_make_the_same_networks(exported, suffix):
    source = find_source(str(exported / f"mine{suffix}"))
    config = PRESETS["tiny-gan"]
    assert source.options == {key: getattr(config, key) for key in source.options}
    assert {"width", "blocks", "scale", "tail", "critic_width", "critic_stages"} <= (
        source.options.keys()
    )
    assert (source.name, source.task) == ("mine", "super-resolution")
    assert source.critic == exported / "mine.critic.safetensors"


def test_a_name_is_found_in_the_models_folder(exported, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(exported))
    assert find_source("mine").weights == exported / "mine.safetensors"


def test_a_model_without_a_critic_has_none(exported, tmp_path):
    weights = shutil.copy(exported / "mine.safetensors", tmp_path / "alone.safetensors")
    source = find_source(str(weights))
    assert source.critic is None
    assert "critic" not in source.options
    assert source.card is None


def test_an_onnx_alone_cannot_be_trained(exported, tmp_path):
    path = shutil.copy(exported / "mine.onnx", tmp_path / "alone.onnx")
    with pytest.raises(UsageError, match=r"alone\.safetensors"):
        find_source(str(path))


@pytest.mark.parametrize("kind", ["", ".critic"])
def test_weights_that_are_not_those_of_the_card_are_refused(exported, tmp_path, kind):
    folder = shutil.copytree(exported, tmp_path / "copy")
    changed = folder / f"mine{kind}.safetensors"
    save_file(load_file(changed), changed, {"changed": "yes"})
    with pytest.raises(ModelRefusedError, match="not the file its card describes"):
        find_source(str(folder / "mine.safetensors"))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"architecture": "x", "task": "y", "arguments": "no"},
        {"architecture": "x", "task": "y", "arguments": json.dumps({"depth": 3})},
        {"arguments": json.dumps({})},
    ],
)
def test_weights_of_another_program_are_refused(tmp_path, metadata):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata)
    with pytest.raises(UsageError, match="does not say which network"):
        find_source(str(path))


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(UsageError, match="does not say which network"):
        find_source(str(path))


def test_an_unknown_name_is_refused():
    with pytest.raises(ModelRefusedError, match="no model 'nobody'"):
        find_source("nobody")
