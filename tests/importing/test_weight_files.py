import io
import os
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save

from srgan_gp.errors import ModelRefusedError
from srgan_gp.importing.weight_files import read_weights


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt"])
@pytest.mark.parametrize("is_old_format", [True, False])
def test_code_in_a_pickle_is_not_run(tmp_path, suffix, is_old_format):
    proof = tmp_path / "proof"
    value = {"body.0.weight": torch.ones(3), "code": Hostile(proof)}
    data = saved(value, _use_new_zipfile_serialization=not is_old_format)
    with pytest.raises(ModelRefusedError, match=r"holds more than weights.*mkdir' is forbidden"):
        read_weights(data, f"model{suffix}", suffix)
    assert not proof.exists()


def test_a_plain_pickle_is_refused(tmp_path):
    proof = tmp_path / "proof"
    with pytest.raises(ModelRefusedError):
        read_weights(pickle.dumps({"code": Hostile(proof)}), "model.pth", ".pth")
    assert not proof.exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_torchscript_program_is_refused():
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.ones(1)), file)
    with pytest.raises(ModelRefusedError, match="TorchScript program"):
        read_weights(file.getvalue(), "model.pt", ".pt")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(suffix, share):
    weights = {"weight": torch.rand(64, 64)}
    data = save(weights) if suffix == ".safetensors" else saved(weights)
    with pytest.raises(ModelRefusedError, match=r"model.* is damaged"):
        read_weights(data[: int(share * len(data))], f"model{suffix}", suffix)


@pytest.fixture
def compressed_archive():
    """The bytes of a file of weights in a compressed archive."""
    source = zipfile.ZipFile(io.BytesIO(saved({"weight": torch.zeros(10_000)})))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in source.namelist():
            archive.writestr(entry, source.read(entry))
    return target.getvalue()


def test_a_compressed_archive_is_refused(compressed_archive):
    with pytest.raises(ModelRefusedError, match="compressed archive"):
        read_weights(compressed_archive, "model.pth", ".pth")


def test_a_compressed_archive_that_deceives_zipfile_is_refused_before_it_is_unpacked(
    compressed_archive, monkeypatch
):
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda archive: [])
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(ModelRefusedError, match="compressed archive"):
        read_weights(compressed_archive, "model.pth", ".pth")


def test_tensors_that_are_larger_than_the_file_are_refused():
    huge = torch.zeros(1).expand(1000, 1000, 1000)
    with pytest.raises(ModelRefusedError, match="4,000,000,000 bytes of weights"):
        read_weights(saved({"weight": huge}), "model.pth", ".pth")


@pytest.mark.parametrize("value", [{}, [torch.ones(1)], {"weight": 1}, {"a": {"b": "text"}}, 7])
def test_a_file_without_weights_is_refused(value):
    with pytest.raises(ModelRefusedError, match="holds no weights"):
        read_weights(saved(value), "model.pth", ".pth")


def test_the_dictionaries_of_training_programs_are_opened():
    weights = {"net.weight": torch.arange(3.0), "net.bias": torch.ones(1, dtype=torch.float16)}
    data = saved({"params_ema": {f"module.{k}": v for k, v in weights.items()}, "iter": 5})
    found = read_weights(data, "model.pth", ".pth")
    assert found.keys() == weights.keys()
    assert torch.equal(found["net.weight"], weights["net.weight"])
