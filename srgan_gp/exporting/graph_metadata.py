"""`add_metadata`: what inference must know of a network, verified and stored in its ONNX graph."""

import json
import math
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import onnx
from torch import nn

from srgan_gp.errors import ModelRefusedError
from srgan_gp.exporting.memory_measurement import measure_bytes_per_pixel
from srgan_gp.exporting.parity import TOLERANCE, largest_difference
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.session import Session
from srgan_gp.models.cards import FACES
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import generator_arguments
from srgan_gp.training.weights_file import SMOOTHING_KEY


def add_metadata(
    model: onnx.ModelProto, generator: nn.Module, config: TrainConfig, identity: dict[str, str]
) -> None:
    """Verify the graph, and add to its metadata what inference must know.

    Args:
        model: the graph.
        generator: the network that was converted to it.
        config: options of the training run.
        identity: `name` of the model and other texts about its origin, such as `images_seen`;
            added unchanged.
    """
    name = identity["name"]
    if config.task == FACES:
        properties: dict[str, float] = {
            "latent_size": config.latent_size,
            "image_size": config.image_size,
        }
        if smoothing := getattr(generator, "smoothing", 0.0):  # only a `style_resnet` may have one
            properties[SMOOTHING_KEY] = smoothing
    else:
        info = _verify(model, generator, name)
        # A network that works in blocks of pixels declares their size: with trained weights, a
        # measurement may not notice the blocks.
        declared_multiple = cast(int, getattr(generator, "size_multiple", 1))
        properties = {
            "scale": info.scale,
            "overlap": -1 if info.overlap is None else info.overlap,  # -1: it cannot be tiled
            "size_multiple": math.lcm(info.size_multiple, declared_multiple),
            "bytes_per_pixel": info.bytes_per_pixel,
        }
    metadata = {
        "srgan_gp_version": version("srgan-gp"),
        "task": config.task,
        **{key: str(value) for key, value in properties.items()},
        "value_range": "0..1",
        "architecture": config.generator,
        "arguments": json.dumps(generator_arguments(config)),
        **identity,
    }
    onnx.helper.set_model_props(model, metadata)
    if config.task == FACES:  # Without metadata, `Session` cannot open a graph that takes latents.
        _verify(model, generator, name)
        return
    # The measurement opens a file with metadata. Where the memory cannot be measured, the estimate
    # remains that `_verify` took from the graph.
    with _as_file(model, name) as path:
        measured_bytes = measure_bytes_per_pixel(path)
    if measured_bytes:
        onnx.helper.set_model_props(model, metadata | {"bytes_per_pixel": str(measured_bytes)})


def _verify(model: onnx.ModelProto, generator: nn.Module, name: str) -> ModelInfo:
    """Compare a graph in ONNX Runtime with PyTorch, and return its properties.

    `Session.open` measures the properties of a graph without metadata.
    """
    with _as_file(model, name) as path:
        session = Session.open(path, device="cpu")
    difference = largest_difference(session, generator)
    if not difference <= TOLERANCE:  # also true for NaN
        raise ModelRefusedError(
            f"ONNX Runtime and PyTorch differ by {difference:.2e}, more than {TOLERANCE:.0e}; "
            "nothing was written."
        )
    return session.info


@contextmanager
def _as_file(model: onnx.ModelProto, name: str) -> Generator[Path]:
    """Write a graph to a temporary file, and yield its path."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        atomic_write_bytes(path, model.SerializeToString())
        yield path
