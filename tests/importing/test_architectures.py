"""Import of small networks of spandrel's architectures, compared with PyTorch at odd sizes."""

import importlib

import numpy as np
import pytest
import torch
from spandrel import MAIN_REGISTRY

from srgan_gp.errors import ModelRefusedError
from srgan_gp.importing import onnx_tracing
from srgan_gp.importing.import_model import import_model
from srgan_gp.importing.imported_network import load_network
from srgan_gp.importing.onnx_tracing import comparison_images, convert_to_onnx
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import read_card

pytestmark = [
    pytest.mark.usefixtures("quick_measurements", "models"),
    # Networks of spandrel that the tests build and run themselves.
    pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning"),
]

FAST = [("Compact x2", "exact", 1), ("DnCNN x1", "exact", 1)]
SLOW = [
    ("ESRGAN x2", "aligned", 4),
    ("SPAN x4", "exact", 1),
    ("ESRGAN x4", "exact", 1),
    ("PLKSR x4", "exact", 1),
    ("RealPLKSR x4", "approximate", 1),  # GroupNorm
    ("RealPLKSR DySample x2", "approximate", 1),
    ("RCAN x4", "approximate", 1),  # channel attention
    ("OmniSR x2", "approximate", 1),
    ("SwinIR x2", "aligned", 8),
    ("Swin2SR x2", "aligned", 8),
    ("DAT x2", "approximate", 1),
    ("HAT x4", "approximate", 1),
]
CASES = [*FAST, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)]


def by_spandrel(network, pixels):
    """Upscale (H, W, 3) as spandrel does, with its padding; return (H, W, 3) in [0, 1]."""
    descriptor = MAIN_REGISTRY.load(network.state_dict())
    result = descriptor(torch.from_numpy(pixels.transpose(2, 0, 1)[np.newaxis].copy()))
    return result[0].numpy().transpose(1, 2, 0)


@pytest.mark.parametrize(("kind", "tiling", "multiple"), CASES)
def test_an_imported_model_equals_spandrel(kind, tiling, multiple, weight_file, build_network, rng):
    card = read_card(import_model(weight_file(kind), "mine"))
    scale = int(kind[-1])
    assert card.scale == scale
    assert card.imported.tiling == tiling
    assert card.imported.size_multiple == multiple
    assert card.imported.torch_difference < 1e-4
    upscaler = Upscaler.load("mine", device="cpu")
    for size in ((23, 37), (11, 90)):
        pixels = rng.random((*size, 3), dtype=np.float32)
        expected = by_spandrel(build_network(kind), pixels)
        assert np.abs(upscaler.upscale(pixels) - expected).max() < 1e-4


@pytest.mark.parametrize(("kind", "tiling", "multiple"), CASES)
def test_tiles_are_as_the_card_says(kind, tiling, multiple, weight_file, rng):
    import_model(weight_file(kind), "mine")
    upscaler = Upscaler.load("mine", device="cpu")
    pixels = rng.random((41, 250, 3), dtype=np.float32)
    pixels[:, 125:] *= 0.2
    whole = upscaler.upscale(pixels, tile=None)
    assert upscaler.report.tiles == 1 and not upscaler.report.warnings
    tiled = upscaler.upscale(pixels, tile=64)
    assert upscaler.report.tiles > 1
    if tiling == "approximate":
        assert "approximate" in upscaler.choice
        assert any("approximate" in text for text in upscaler.report.warnings)
    else:
        assert "approximate" not in upscaler.choice and not upscaler.report.warnings
        assert np.abs(tiled - whole).max() < 1e-5


def test_a_grey_model_restores_each_channel(weight_file, build_network, rng):
    import_model(weight_file("DnCNN grey"), "grey")
    pixels = rng.random((19, 23, 3), dtype=np.float32)
    found = Upscaler.load("grey", device="cpu").upscale(pixels)
    descriptor = MAIN_REGISTRY.load(build_network("DnCNN grey").state_dict())
    for channel in range(3):
        plane = torch.from_numpy(pixels[None, None, ..., channel].copy())
        expected = descriptor(plane)[0, 0].numpy()
        assert np.abs(found[..., channel] - expected).max() < 1e-5


def test_sizes_that_are_compared_are_odd_and_no_multiples_of_windows(build_network):
    network = load_network(build_network("Compact x2").state_dict(), "a")
    sides = {side for image in comparison_images(network) for side in image.shape[2:]}
    assert sides >= {17, 31, 37, 23, 61}


@pytest.mark.slow
def test_a_network_without_a_graph_of_any_size_is_refused(build_network):
    network = load_network(build_network("SCUNet x1").state_dict(), "a.pth")
    with pytest.raises(ModelRefusedError, match=r"SCUNet network of .* cannot be exported"):
        convert_to_onnx(network, "a.pth")


def test_the_newer_exporter_is_tried_if_the_older_one_fails(build_network, monkeypatch):
    def fail(_):
        raise RuntimeError("no graph")

    monkeypatch.setattr(onnx_tracing, "_export_traced", fail)
    network = load_network(build_network("Compact x2").state_dict(), "a.pth")
    _, difference = convert_to_onnx(network, "a.pth")
    assert difference < 1e-5


def test_a_graph_that_differs_from_pytorch_is_refused(build_network, monkeypatch):
    network = load_network(build_network("Compact x2").state_dict(), "a.pth")
    exported, _ = convert_to_onnx(network, "a.pth")
    for name in ("_export_traced", "_export_captured"):
        monkeypatch.setattr(onnx_tracing, name, lambda _: exported.SerializeToString())
    next(network.parameters()).add_(0.1)
    with pytest.raises(ModelRefusedError, match="differ from PyTorch by"):
        convert_to_onnx(network, "a.pth")


@pytest.mark.parametrize(
    ("module", "name", "arguments", "message"),
    [
        pytest.param("LaMa", "LaMa", {}, "fills masked parts", marks=pytest.mark.slow),
        ("Compact", "Compact", {"num_in_ch": 4, "num_out_ch": 4}, "takes 4 channels"),
    ],
)
def test_models_of_another_kind_are_refused(module, name, arguments, message):
    architecture = importlib.import_module(f"spandrel.architectures.{module}")
    weights = getattr(architecture, name)(**arguments).state_dict()
    with pytest.raises(ModelRefusedError, match=message):
        load_network(weights, "a.pth")


def test_face_restoration_is_refused(build_network, monkeypatch):
    descriptor = MAIN_REGISTRY.load(build_network("Compact x2").state_dict())
    descriptor._purpose = "FaceSR"
    monkeypatch.setattr(MAIN_REGISTRY, "load", lambda _: descriptor)
    with pytest.raises(ModelRefusedError, match="restores aligned faces"):
        load_network({}, "a.pth")


def test_weights_that_no_architecture_has_are_refused():
    with pytest.raises(ModelRefusedError, match=r"spandrel does not know\. Export the .* \.onnx"):
        load_network({"weight": torch.ones(3)}, "a.pth")


def test_weights_that_are_not_finite_are_refused(build_network):
    weights = build_network("Compact x2").state_dict()
    weights["body.0.bias"][0] = float("nan")
    with pytest.raises(ModelRefusedError, match="not finite"):
        load_network(weights, "a.pth")
