"""Float16 graph of a model, with pixels of 8 bits or float32 planes as its input and output.

Conversions are part of the graph, so that the bytes copied to and from a GPU are those of the
pixels. `onnx` is imported inside functions, because only this precision needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.loading.foreign_models import parse_safely

if TYPE_CHECKING:
    import onnx

FINITE_CHECK = "finite_check"
"""Second output of the graph: 0, or NaN if a value of the result is not finite in float16."""
_CONTEXT = "float16_"
"""Prefix of the names of the added tensors."""


def to_float16(data: bytes, name: str, *, has_pixels: bool) -> bytes:
    """Convert a float32 model to float16.

    Args:
        data: bytes of the model, which maps (N, 3, H, W) to (N, 3, H * scale, W * scale).
        name: name of the model, for messages.
        has_pixels: whether input and output are uint8, rounded to nearest; else float32.

    Returns:
        Bytes of a model of the same shapes, with the second output `FINITE_CHECK`.

    Raises:
        ModelRefusedError: the model cannot be converted.
    """
    # Typed as Any, because ONNX Runtime has no type hints.
    converter: Any = import_module("onnxruntime.transformers.float16")
    model = parse_safely(data, name)
    try:
        model = converter.convert_float_to_float16(model, keep_io_types=False)
        _add_conversions(model, has_pixels=has_pixels)
    except Exception as error:  # the converter raises many kinds
        raise ModelRefusedError(
            f"The model {name} cannot be converted to float16: {error}. Use the precision float32."
        ) from error
    return model.SerializeToString()


def _add_conversions(model: "onnx.ModelProto", *, has_pixels: bool) -> None:
    from onnx import TensorProto, helper, numpy_helper

    graph, node = model.graph, helper.make_node
    [source], [result] = graph.input, graph.output
    kind = TensorProto.UINT8 if has_pixels else TensorProto.FLOAT
    names = {part: f"{_CONTEXT}{part}" for part in ("input", "planes", "scaled", "output", "zeros")}
    constants = {"full": np.float32(255), "zero": np.float32(0), "one": np.float32(1)}
    for key, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), f"{_CONTEXT}{key}"))
    full, zero, one = (f"{_CONTEXT}{key}" for key in constants)
    before = [node("Cast", [names["input"]], [names["planes"]], to=TensorProto.FLOAT)]
    if has_pixels:
        before.append(node("Div", [names["planes"], full], [names["scaled"]]))
    before.append(node("Cast", [before[-1].output[0]], [source.name], to=TensorProto.FLOAT16))
    upscaled = f"{_CONTEXT}upscaled"
    after = [
        node("Cast", [result.name], [upscaled], to=TensorProto.FLOAT),
        node("Mul", [upscaled, zero], [names["zeros"]]),  # infinity times 0 is NaN
        node("ReduceSum", [names["zeros"]], [FINITE_CHECK], keepdims=0),
    ]
    if has_pixels:
        parts = [f"{_CONTEXT}{part}" for part in ("clipped", "levels", "rounded")]
        after += [
            node("Clip", [upscaled, zero, one], parts[:1]),
            node("Mul", [parts[0], full], parts[1:2]),
            node("Round", parts[1:2], parts[2:]),
            node("Cast", parts[2:], [names["output"]], to=TensorProto.UINT8),
        ]
    else:
        after.append(node("Identity", [upscaled], [names["output"]]))
    nodes = [*before, *graph.node, *after]
    # Copies, because deleting the nodes of a graph makes references to them invalid.
    copies = [type(part).FromString(part.SerializeToString()) for part in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    del graph.value_info[:]  # types of tensors before the conversion
    source.name, result.name = names["input"], names["output"]
    for value in (source, result):
        value.type.tensor_type.elem_type = kind
    graph.output.append(helper.make_tensor_value_info(FINITE_CHECK, TensorProto.FLOAT, []))
