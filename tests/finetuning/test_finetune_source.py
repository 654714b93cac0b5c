import hashlib
import json
import shutil

import onnx
import pytest
import torch
from safetensors.torch import save_file

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.exporting.export import export
from srgan_gp.finetuning.finetune_source import critic_options, find_source
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.weights_file import is_constant, read_tensors


@pytest.fixture(scope="module")
def exported(gan_run, tmp_path_factory):
    """The folder of a tiny upscaler with a critic, `mine`; not to be changed."""
    folder = tmp_path_factory.mktemp("models")
    export(gan_run, "mine", folder)
    return folder


@pytest.fixture(scope="module")
def older(exported, tmp_path_factory):
    """The folder of the same model as version 0.1 wrote it; not to be changed."""
    folder = shutil.copytree(exported, tmp_path_factory.mktemp("older") / "models")
    model = onnx.load(folder / "mine.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    weights = {
        name: torch.from_numpy(values)
        for name, values in read_tensors(folder / "mine.onnx").items()
        if not is_constant(name)
    }
    save_file(weights, folder / "mine.safetensors", metadata)
    data = (folder / "mine.safetensors").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    listed = f'\n[files.safetensors]\nname = "mine.safetensors"\nsha256 = "{sha256}"\n'
    with (folder / "mine.toml").open("a") as card:
        card.write(f"{listed}bytes = {len(data)}\n")
    return folder


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_the_options_make_the_same_networks(older, suffix):
    source = find_source(str(older / f"mine{suffix}"))
    assert source.weights == older / f"mine{suffix}"
    config = PRESETS["tiny-gan"]
    assert source.options == {key: getattr(config, key) for key in source.options}
    expected = {"generator_args", "scale", "critic_width", "critic_stages", "critic_norm"}
    assert expected <= source.options.keys()
    assert (source.name, source.task) == ("mine", "super-resolution")
    assert source.critic == older / "mine.critic.safetensors"


def test_a_name_is_found_in_the_models_folder(exported, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(exported))
    assert find_source("mine").weights == exported / "mine.onnx"


def test_a_model_without_a_critic_has_none(exported, tmp_path):
    weights = shutil.copy(exported / "mine.onnx", tmp_path / "alone.onnx")
    source = find_source(str(weights))
    assert source.critic is None
    assert "critic" not in source.options
    assert source.card is None


def test_an_onnx_of_another_program_cannot_be_trained(tiny_model, onnx_models, tmp_path):
    path = tmp_path / "foreign.onnx"
    path.write_bytes(onnx_models.convolutional().SerializeToString())
    with pytest.raises(UsageError, match=r"foreign\.onnx does not say which network"):
        find_source(str(path))


def test_weights_beside_an_onnx_that_does_not_describe_itself_are_used(older, tmp_path):
    folder = shutil.copytree(older, tmp_path / "copy")
    (folder / "mine.toml").unlink()
    model = onnx.load(folder / "mine.onnx")
    del model.metadata_props[:]
    onnx.save(model, folder / "mine.onnx")
    source = find_source(str(folder / "mine.onnx"))
    assert source.weights == folder / "mine.safetensors"
    assert source.options["generator_args"] == ("width=8", "blocks=2", "tail=direct")


@pytest.mark.parametrize("name", ["mine.onnx", "mine.safetensors", "mine.critic.safetensors"])
def test_weights_that_are_not_those_of_the_card_are_refused(older, tmp_path, name):
    folder = shutil.copytree(older, tmp_path / "copy")
    changed = folder / name
    changed.write_bytes(changed.read_bytes()[:-1] + b"\1")
    model = folder / ("mine.safetensors" if name == "mine.safetensors" else "mine.onnx")
    with pytest.raises(ModelRefusedError, match="not the file its card describes"):
        find_source(str(model))


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
    with pytest.raises(UsageError, match=r"does not say which network|cannot be built"):
        find_source(str(path))


@pytest.mark.parametrize("name", ["broken.safetensors", "broken.onnx"])
def test_a_damaged_file_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"nothing")
    with pytest.raises(UsageError, match=f"{name} (cannot be read|is not)"):
        find_source(str(path))


def test_an_argument_that_this_version_does_not_know_is_named(tmp_path):
    arguments = json.dumps({"scale": 2, "depth": 3})
    metadata = {"architecture": "srresnet", "task": "super-resolution", "arguments": arguments}
    path = tmp_path / "newer.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata)
    with pytest.raises(UsageError, match=r"newer\.safetensors .*'depth'; it takes width=48, "):
        find_source(str(path))


def test_an_unknown_name_is_refused():
    with pytest.raises(ModelRefusedError, match="no model 'nobody'"):
        find_source("nobody")


@pytest.mark.parametrize("norm", ["layer", "spectral", None])
def test_the_norm_of_a_critic_is_read_from_its_metadata(norm, tmp_path):
    metadata = {"architecture": "face_critic", "arguments": '{"size": 16, "width": 4}'}
    save_file(
        {"w": torch.zeros(1)}, tmp_path / "a.safetensors",
        metadata | ({} if norm is None else {"norm": norm}),
    )  # fmt: skip
    options = critic_options(tmp_path / "a.safetensors")
    assert options == {"critic": "face_critic", "critic_width": 4} | (
        {} if norm is None else {"critic_norm": norm}
    )
