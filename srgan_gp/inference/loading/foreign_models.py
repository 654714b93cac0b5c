"""Models made elsewhere: checks, and measurement of what their metadata lacks.

`onnx` is imported inside functions: a model of the package that is loaded as it is never needs it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.tiling.memory_estimate import estimate_bytes_per_pixel
from srgan_gp.inference.tiling.receptive_field import STRIP_WIDTH, measure_multiple, measure_overlap
from srgan_gp.inference.tiling.tiles import Network

if TYPE_CHECKING:
    import onnx

STANDARD_DOMAINS = ("", "ai.onnx")
CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")


def parse_safely(data: bytes, name: str) -> "onnx.ModelProto":
    """Parse a model that nobody vouches for, and refuse what could do harm when it runs.

    Args:
        data: the ONNX file.
        name: for messages.

    Raises:
        ModelRefusedError: it is no ONNX model, keeps weights in other files, or has custom
            operators or control flow, which may run for ever.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's exceptions share no base
        raise ModelRefusedError(f"The file {name} is not an ONNX model, or is damaged.") from error
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ModelRefusedError(
                f"The model {name} keeps weights in other files ({tensor.name}); "
                "save it as a single file."
            )
    for node in _nodes(model):
        if node.domain not in STANDARD_DOMAINS:
            raise ModelRefusedError(
                f"The model {name} uses the custom operator {node.domain}.{node.op_type}; "
                "only standard ONNX operators are run."
            )
        if node.op_type in CONTROL_FLOW:
            raise ModelRefusedError(
                f"The model {name} uses {node.op_type}, which may run for ever; "
                "export it without control flow."
            )
    return model


def measure(network: Network, model: "onnx.ModelProto", name: str, sha256: str) -> ModelInfo:
    """Find out by running a model what ours carry as metadata.

    Args:
        network: the model on the CPU, (1, 3, h, w) to (1, 3, h * scale, w * scale), float32.
        model: the same, parsed.
        name: for messages.
        sha256: of the file.

    Raises:
        ModelRefusedError: it does not enlarge pictures by a whole number, gives values that are not
            finite, or works on another range than 0 to 1.
    """
    noise = np.random.default_rng(0).random((1, 3, STRIP_WIDTH, STRIP_WIDTH), dtype=np.float32)
    enlarged = network(noise)
    shape = enlarged.shape
    scale = shape[-1] // STRIP_WIDTH
    if scale < 1 or shape != (1, 3, STRIP_WIDTH * scale, STRIP_WIDTH * scale):
        raise ModelRefusedError(
            f"The model {name} turns {noise.shape} into {shape}; "
            "a picture of three channels, enlarged by a whole number, is needed."
        )
    if not np.isfinite(enlarged).all():
        raise ModelRefusedError(f"The model {name} gives values that are not finite.")
    if abs(float(enlarged.mean())) > 32:  # 0 to 255 gives 128; unusual weights stay far below
        raise ModelRefusedError(
            f"The model {name} turns noise around 0.5 into values around {enlarged.mean():.3g}; "
            "one that takes and gives 0 to 1 is needed."
        )
    overlap = measure_overlap(network, scale)
    multiple = 1 if overlap is None else measure_multiple(network, scale, overlap)
    if multiple is None:
        overlap = None
    elif multiple > 1:
        overlap = measure_overlap(network, scale, multiple=multiple)
    return ModelInfo(
        name=name,
        task="super-resolution",
        scale=scale,
        overlap=overlap,
        size_multiple=multiple or 1,
        source="measured",
        sha256=sha256,
        bytes_per_pixel=estimate_bytes_per_pixel(model),
    )


def _tensors(model: "onnx.ModelProto") -> Iterator["onnx.TensorProto"]:
    """Every stored tensor: weights, and the values of constants."""
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def _nodes(model: "onnx.ModelProto") -> Iterator["onnx.NodeProto"]:
    yield from model.graph.node
    for function in model.functions:
        yield from function.node
