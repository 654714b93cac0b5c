"""Models of other projects: safety checks, and measurement of scale, overlap and memory.

Only models that this package exported or imported carry these values as metadata. `onnx` is
imported inside functions, because those models do not need it.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.tiling.memory_estimate import estimate_bytes_per_pixel
from srgan_gp.inference.tiling.receptive_field import (
    POWERS_OF_TWO,
    STRIP_WIDTH,
    measure_multiple,
    measure_overlap,
)
from srgan_gp.inference.tiling.tiles import Network
from srgan_gp.models.cards import UPSCALING

if TYPE_CHECKING:
    import onnx

STANDARD_DOMAINS = ("", "ai.onnx")
"""Domains of ONNX's own operators; those of other domains are custom operators."""
CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")
"""Refused operators: they contain subgraphs, which `_nodes` does not visit, and a Loop may run for
ever."""
_MAX_MEAN = 32
"""Largest absolute mean of a result whose values count as ranging from 0 to 1. It is far above the
mean of such values, and far below 128, the mean of values from 0 to 255."""
SAVE_ONNX = "onnx.save_model(onnx.load('x.onnx'), 'single.onnx')"
"""Python code that puts the weights of a model into its own file, for messages."""


def parse_safely(data: bytes, name: str) -> "onnx.ModelProto":
    """Parse an untrusted model; refuse one that could read other files or run for ever.

    Args:
        data: bytes of the ONNX file.
        name: name of the model, for messages.

    Returns:
        The model.

    Raises:
        ModelRefusedError: the bytes are not an ONNX model, weights are stored in other files, or
            the model has custom operators or control flow.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # Untrusted bytes: any error means that this is not a model.
        raise ModelRefusedError(f"The file {name} is not an ONNX model, or is damaged.") from error
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ModelRefusedError(
                f"The model {name} stores weights in other files ({tensor.name}). "
                f"Save it as a single file: {SAVE_ONNX}."
            )
    for node in _nodes(model):
        if node.domain not in STANDARD_DOMAINS:
            raise ModelRefusedError(
                f"The model {name} uses the custom operator {node.domain}.{node.op_type}. "
                "Only standard ONNX operators are supported."
            )
        if node.op_type in CONTROL_FLOW:
            raise ModelRefusedError(
                f"The model {name} uses {node.op_type}. "
                "Control flow is not supported. Export the model without it."
            )
    return model


def measure_properties(
    network: Network,
    model: "onnx.ModelProto",
    name: str,
    sha256: str,
    candidates: Sequence[int] = POWERS_OF_TWO,
) -> ModelInfo:
    """Measure the properties that a model of another project does not state.

    They are the scale, the overlap of tiles, the memory, and the size multiple: a number of pixels
    of which sides of the input and positions of tiles must be multiples.

    Args:
        network: the model on the CPU, (1, 3, h, w) to (1, 3, h * scale, w * scale), float32.
        model: the same model, parsed.
        name: name of the model, also for messages.
        sha256: SHA-256 of the file, in hex.
        candidates: size multiples to try, in rising order.

    Returns:
        The properties, with `source` "measured".

    Raises:
        ModelRefusedError: the result has not three channels or is not the input upscaled by an
            integer, values are not finite, or the value range is not 0 to 1.
    """
    # `STRIP_WIDTH` is a multiple of all `POWERS_OF_TWO`: some networks refuse other sides.
    noise = np.random.default_rng(0).random((1, 3, STRIP_WIDTH, STRIP_WIDTH), dtype=np.float32)
    upscaled = network(noise)
    shape = upscaled.shape
    scale = shape[-1] // STRIP_WIDTH
    if scale < 1 or shape != (1, 3, STRIP_WIDTH * scale, STRIP_WIDTH * scale):
        raise ModelRefusedError(
            f"The model {name} turns {noise.shape} into {shape}; "
            "an image of three channels, upscaled by an integer factor, is needed."
        )
    if not np.isfinite(upscaled).all():
        raise ModelRefusedError(f"The model {name} returns values that are not finite.")
    if abs(float(upscaled.mean())) > _MAX_MEAN:
        raise ModelRefusedError(
            f"The model {name} turns noise around 0.5 into values around {upscaled.mean():.3g}. "
            "A model whose values range from 0 to 1 is needed."
        )
    # None means that the network depends on the whole image, so that it cannot be tiled exactly.
    overlap = measure_overlap(network, scale)
    multiple = 1 if overlap is None else measure_multiple(network, scale, overlap, candidates)
    if multiple is None:  # Every shift changes more than the position of the output.
        overlap = None
    elif multiple > 1:
        # The overlap depends on the position of a pixel modulo `multiple`. One position was
        # measured above; all positions are measured here.
        overlap = measure_overlap(network, scale, multiple=multiple)
    return ModelInfo(
        name=name,
        task=UPSCALING,
        scale=scale,
        overlap=overlap,
        size_multiple=multiple or 1,
        source="measured",
        sha256=sha256,
        bytes_per_pixel=estimate_bytes_per_pixel(model),
    )


def _tensors(model: "onnx.ModelProto") -> Iterator["onnx.TensorProto"]:
    """Yield every stored tensor outside subgraphs: weights and the values of constants.

    Subgraphs are not visited, because `parse_safely` refuses the operators that contain them.
    """
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def _nodes(model: "onnx.ModelProto") -> Iterator["onnx.NodeProto"]:
    """Yield the nodes of the graph and of functions, without those of subgraphs."""
    yield from model.graph.node
    for function in model.functions:
        yield from function.node
