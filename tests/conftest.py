"""Shared fixtures: random numbers, a small image, a fake session, small ONNX models, tiny runs."""

import hashlib
import json
import os
import signal
import sys
from collections import namedtuple
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from srgan_gp.inference.loading.model_info import ModelInfo

# The user who runs the tests may have installed other models.
os.environ["SRGAN_GP_MODELS"] = os.devnull
# Ignored signals would be inherited by the processes that tests start: under nohup it is SIGHUP, in
# the background of a script SIGINT.
if hasattr(signal, "SIGHUP"):  # Windows has none
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def same_threads():
    """Fail a test that leaves PyTorch with another number of threads: later runs would differ."""
    torch = sys.modules.get("torch")
    before = torch and torch.get_num_threads()
    yield
    if torch:
        assert torch.get_num_threads() == before


@pytest.fixture(params=["unsaved", "saved"])
def interrupted_run(request, tmp_path, monkeypatch, capsys):
    """The folder of a run, without and with a checkpoint, and an interruption by Ctrl-C."""
    folder, is_saved = tmp_path / "run", request.param == "saved"
    if is_saved:
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / "image-000000000.json").touch()

    def raise_interrupt(*_):
        raise KeyboardInterrupt

    def check_message():
        saved, last = capsys.readouterr().err.splitlines()
        expected = (
            f"The training is saved in {folder}" if is_saved else "The training had not begun"
        )
        assert saved.startswith(expected)
        assert "The same command" in saved
        assert last == "srgan-gp: interrupted"

    return SimpleNamespace(
        folder=folder,
        interrupt=lambda module, name: monkeypatch.setattr(module, name, raise_interrupt),
        check_message=check_message,
    )


SMALL_TILES = [
    "-c",
    "import sys; import srgan_gp.commands.options.option_types as types; types.MIN_TILE = 1\n"
    "from srgan_gp.cli import main; sys.exit(main())",
]

Layer = namedtuple("Layer", "kernel dilation", defaults=(1,))


@pytest.fixture
def small_tiles():
    """Options of Python that start the program with tiles of any size, so that a run is slow."""
    return SMALL_TILES


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def tiny_image(rng):
    return rng.integers(0, 256, (12, 17, 3), dtype=np.uint8)


class FakeSession:
    """Doubles an image by repeating its pixels, without a model file or ONNX Runtime."""

    device, provider, precision = "cpu", "FakeProvider", "float32"
    notes, card, takes_batches = (), None, True

    def __init__(self, run=None, **info):
        values = {"name": "fake", "task": "super-resolution", "scale": 2, "overlap": 1}
        values |= {"size_multiple": 1, "source": "metadata", "sha256": "0" * 64}
        self.info = ModelInfo(**values | info)
        self.run = run or self._repeat

    def cancel(self):
        """Do nothing, because a run ends at once."""

    def _repeat(self, images):
        return images.repeat(self.info.scale, axis=2).repeat(self.info.scale, axis=3)


@pytest.fixture
def work_of():
    """Return the CPU seconds of a running child and of all children that have ended, together.

    The difference of two calls is the work of the child between them, also when it has ended.
    """
    import resource  # Windows has none

    import psutil

    def seconds(process):
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = (0, 0)
        if process.returncode is None:
            own = psutil.Process(process.pid).cpu_times()
        return ended.ru_utime + ended.ru_stime + own[0] + own[1]

    return seconds


@pytest.fixture
def fake_session():
    """A class of sessions that double images; its arguments are a `run` and fields of ModelInfo."""
    return FakeSession


@pytest.fixture
def tiny_model(tmp_path):
    """Write a convolutional model with random weights, scale 2 and radius 3; return its path."""

    def write(name="tiny", model=None, **metadata):
        path = tmp_path / f"{name}.onnx"
        model = convolutional_model() if model is None else model
        path.write_bytes(with_metadata(model, name=name, **metadata).SerializeToString())
        return path

    return write


@pytest.fixture
def tiny_face_model(tmp_path, onnx_models):
    """Write a face generator with random weights, 4 numbers to 8 x 8 pixels; return its path."""

    def write(name="tiny-faces", model=None, **metadata):
        path = tmp_path / f"{name}.onnx"
        metadata = FACE_METADATA | {"name": name} | metadata
        model = onnx_models.with_metadata(model or onnx_models.faces(), **metadata)
        path.write_bytes(model.SerializeToString())
        return path

    return write


@pytest.fixture
def partners(tiny_model, onnx_models, monkeypatch):
    """Install `near` and its fidelity partner `far`, of one architecture; return their folder.

    The network is a single convolution, so its results are linear in its weights.
    """
    layers = [onnx_models.layer(3)]
    for name, seed, changes in (("far", 1, {}), ("near", 0, {"fidelity_partner": "far"})):
        path = tiny_model(name, onnx_models.convolutional(layers, seed=seed), overlap="1")
        onnx_models.write_card(path, **changes)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(path.parent))
    return path.parent


@pytest.fixture(scope="session")
def onnx_models():
    """Builders of ONNX models and of their cards."""
    return SimpleNamespace(
        layer=Layer,
        convolutional=convolutional_model,
        faces=face_model,
        repeating=repeating_model,
        of_nodes=model_of_nodes,
        with_metadata=with_metadata,
        write_card=write_card,
    )


THREE_LAYERS = (Layer(3), Layer(3), Layer(3))


def with_metadata(model, name="tiny", **changes):
    """Add the metadata of an exported model of scale 2 and radius 3; None removes a key."""
    from onnx import helper

    metadata = {
        "srgan_gp_version": "0", "name": name, "task": "super-resolution", "scale": "2",
        "overlap": "3", "size_multiple": "1", "value_range": "0..1", "architecture": "tiny",
        "arguments": "{}",
    } | changes  # fmt: skip
    helper.set_model_props(model, {key: text for key, text in metadata.items() if text is not None})
    return model


def convolutional_model(layers=THREE_LAYERS, scale=2, width=4, after=(), seed=0):
    """Build image -> convolutions -> PixelShuffle -> convolutions `after` it -> upscaled."""
    from onnx import helper, numpy_helper

    rng, nodes, weights, last = np.random.default_rng(seed), [], [], "image"
    channels = [3] + [width] * (len(layers) - 1) + [3 * scale**2] + [3] * len(after)
    for i, layer in enumerate([*layers, *after]):
        shape = (channels[i + 1], channels[i] if i <= len(layers) - 1 else 3)
        shape += (layer.kernel, layer.kernel)
        kernel = rng.standard_normal(shape, dtype=np.float32) / np.sqrt(np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{i}"))
        margin = [layer.dilation * (layer.kernel // 2)] * 4
        spread = [layer.dilation] * 2
        nodes.append(
            helper.make_node("Conv", [last, f"w{i}"], [f"c{i}"], pads=margin, dilations=spread)
        )
        last = f"c{i}"
        if i == len(layers) - 1:
            nodes.append(
                helper.make_node("DepthToSpace", [last], ["up"], blocksize=scale, mode="CRD")
            )
            last = "up"
        elif i < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [last], [f"r{i}"]))
            last = f"r{i}"
    return model_of_nodes(nodes, weights, last)


def repeating_model(scale=4):
    """Build image -> every pixel repeated."""
    from onnx import helper, numpy_helper

    scales = numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales")
    repeat = helper.make_node(
        "Resize", ["image", "", "scales"], ["upscaled"],
        mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric",
    )  # fmt: skip
    return model_of_nodes([repeat], [scales])


FACE_METADATA = {
    "task": "face-generation", "latent_size": "4", "image_size": "8", "scale": None,
    "overlap": None, "size_multiple": None,
}  # fmt: skip


def face_model(latent_size=4, image_size=8, seed=0, count="N"):
    """Build latent -> matrix -> sigmoid -> faces."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((latent_size, 3 * image_size**2), dtype=np.float32)
    shape = np.array([-1, 3, image_size, image_size])
    nodes = [
        helper.make_node("MatMul", ["latent", "matrix"], ["values"]),
        helper.make_node("Reshape", ["values", "shape"], ["pictures"]),
        helper.make_node("Sigmoid", ["pictures"], ["faces"]),
    ]
    side = image_size
    graph = helper.make_graph(
        nodes,
        "faces",
        [helper.make_tensor_value_info("latent", TensorProto.FLOAT, [count, latent_size])],
        [helper.make_tensor_value_info("faces", TensorProto.FLOAT, [count, 3, side, side])],
        [numpy_helper.from_array(matrix, "matrix"), numpy_helper.from_array(shape, "shape")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def model_of_nodes(nodes, weights=(), result="upscaled", shape=("N", 3, "H", "W"), opsets=()):
    """Wrap nodes from `image` to `result` into an ONNX model."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [*nodes, helper.make_node("Identity", [result], ["upscaled"])] if result != "upscaled"
        else list(nodes),
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("upscaled", TensorProto.FLOAT, ["N", 3, "h", "w"])],
        list(weights),
    )  # fmt: skip
    versions = [helper.make_opsetid("", 18), *(helper.make_opsetid(name, 1) for name in opsets)]
    return helper.make_model(graph, opset_imports=versions, ir_version=10)


def write_card(path, **changes):
    """Write the card of a model file beside it; None removes a key."""
    data = path.read_bytes()
    card = {"name": path.stem, "task": "super-resolution", "summary": "A test.", "version": "1"}
    card |= {"licence": "Apache-2.0", "architecture": "tiny", "scale": 2, "recipe": "none"}
    stated = {key: value for key, value in (card | changes).items() if value is not None}
    lines = [f"{key} = {json.dumps(value)}" for key, value in stated.items()]
    digest = hashlib.sha256(data).hexdigest()
    file = [f'name = "{path.name}"', f'sha256 = "{digest}"', f"bytes = {len(data)}"]
    path.with_suffix(".toml").write_text("\n".join([*lines, "[files.onnx]", *file]))
    return path.with_suffix(".toml")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of four smooth coloured images of 72 x 64 pixels; not to be changed."""
    folder = tmp_path_factory.mktemp("pictures")
    rows, columns = np.indices((64, 72)) / 10
    for n in range(4):
        waves = [np.sin(rows * (1 + n / 3) + c) * np.cos(columns / (1 + n) + c) for c in range(3)]
        pixels = np.rint(127.5 + 120 * np.stack(waves, -1)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


@pytest.fixture(scope="session")
def waves():
    """Generate square images of one kind, (N, 32, 32, 3): random colours, periods and phases."""

    def draw(rng, count):
        rows, columns = np.indices((32, 32))[..., None] / 32
        phases, periods = rng.uniform(0, 6, (count, 2, 3)), rng.uniform(2, 12, (count, 2, 3))
        values = [
            np.sin(rows * up[0] + at[0]) * np.cos(columns * up[1] + at[1])
            for at, up in zip(phases, periods, strict=True)
        ]
        return np.rint(127.5 + 120 * np.stack(values)).astype(np.uint8)

    return draw


@pytest.fixture(scope="session")
def tiny_config():
    """The preset `tiny`, with changes."""
    from srgan_gp.training.options.presets import PRESETS

    def make(**changes):
        return replace(PRESETS["tiny"], device="cpu", **changes)

    return make


@pytest.fixture(scope="session")
def finished_run(tiny_config, pictures, tmp_path_factory):
    """The folder of an uninterrupted run of the preset `tiny`; not to be changed."""
    from srgan_gp.training.loop import train

    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    return train(tiny_config(), [str(pictures)], run_dir, validation=str(pictures))


@pytest.fixture(scope="session")
def gan_config():
    """The preset `tiny-gan`, with changes."""
    from srgan_gp.training.options.presets import PRESETS

    return lambda **changes: replace(PRESETS["tiny-gan"], device="cpu", **changes)


@pytest.fixture(scope="session")
def gan_run(gan_config, pictures, tmp_path_factory):
    """The folder of an uninterrupted run of `tiny-gan`; not to be changed."""
    from srgan_gp.training.loop import train

    run_dir = tmp_path_factory.mktemp("runs") / "gan"
    config = gan_config(checkpoint_images=16, keep_checkpoints=9)
    return train(config, [str(pictures)], run_dir, validation=str(pictures))


@pytest.fixture(scope="session")
def squeeze_weights(tmp_path_factory):
    """A file of SqueezeNet 1.1 with random weights."""
    import torch
    from safetensors.torch import save_file
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "squeeze.safetensors"
    save_file(squeezenet1_1(weights=None).state_dict(), path)
    return path


@pytest.fixture(scope="session")
def scene():
    """Make an image with soft and hard edges: call it with height, width; returns (H, W, 3) uint8.

    Its levels stay away from 0 and 255, so that nothing that overshoots is clipped on the way.
    """
    import cv2

    def make(height, width, seed=0):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((height, width, 3))
        soft = cv2.GaussianBlur(noise, (0, 0), 4) * 90 + cv2.GaussianBlur(noise, (0, 0), 1) * 20
        hard = 30 * (cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 6) > 0)
        return (110 + soft + hard[..., None]).clip(40, 215).round().astype(np.uint8)

    return make
