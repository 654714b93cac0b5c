"""Files of small networks with random weights, in the architectures of spandrel."""

import importlib.util
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="session")
def build_network():
    """Build a network of `benchmarks.small_networks` with random weights."""
    spec = importlib.util.spec_from_file_location(
        "small_networks", SCRIPTS / "benchmarks" / "small_networks.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build_small


@pytest.fixture
def weight_file(build_network, tmp_path):
    """Write the weights of a network of `benchmarks.small_networks` to a file; return its path."""

    def write(kind="Compact x2", name=None, suffix=".pth", metadata=None):
        path = tmp_path / f"{name or kind.replace(' ', '-')}{suffix}"
        weights = build_network(kind).state_dict()
        if suffix == ".safetensors":
            save_file({key: value.contiguous() for key, value in weights.items()}, path, metadata)
        else:
            torch.save(weights, path)
        return path

    return write


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The user's folder of models, which does not exist yet."""
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def quick_measurements(monkeypatch):
    """Time a small image, and estimate the memory instead of measuring it in another process."""
    from srgan_gp.importing import import_model, measurements

    monkeypatch.setattr(measurements, "TIMED_SIDES", (40,))
    monkeypatch.setattr(import_model, "measure_bytes_per_pixel", lambda *_: None)
