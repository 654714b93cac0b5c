"""`to_float16`: converts a model to float16; its input and output are then uint8 or float32.

The conversion of input and output is part of the graph, so that only the bytes of the pixels are
copied to and from a GPU. `onnx` is imported inside functions, because only this precision needs it.
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
_PREFIX = "float16_"  # of the names of the added tensors


def to_float16(data: bytes, name: str, *, takes_uint8: bool) -> bytes:
    """Convert a float32 model to float16.

    Args:
        data: bytes of the model, which maps (N, 3, H, W) to (N, 3, H * scale, W * scale).
        name: name of the model, for messages.
        takes_uint8: whether input and output are uint8, the output rounded to nearest; otherwise
            they are float32 in [0, 1].

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
        _add_conversions(model, takes_uint8=takes_uint8)
    except Exception as error:  # the converter raises many kinds
        raise ModelRefusedError(
            f"The model {name} cannot be converted to float16: {error}. Use the precision float32."
        ) from error
    return model.SerializeToString()


def _add_conversions(model: "onnx.ModelProto", *, takes_uint8: bool) -> None:
    """Add the conversions of input and output, and `FINITE_CHECK`, to a float16 graph, in place."""
    from onnx import TensorProto, helper, numpy_helper

    graph, node = model.graph, helper.make_node
    [source], [result] = graph.input, graph.output
    # Names of the added constants and tensors.
    full, zero, one = (_PREFIX + part for part in ("full", "zero", "one"))
    new_input, planes, scaled = (_PREFIX + part for part in ("input", "planes", "scaled"))
    upscaled, zeros, new_output = (_PREFIX + part for part in ("upscaled", "zeros", "output"))
    clipped, levels, rounded = (_PREFIX + part for part in ("clipped", "levels", "rounded"))
    for name, value in ((full, 255), (zero, 0), (one, 1)):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
    before = [node("Cast", [new_input], [planes], to=TensorProto.FLOAT)]
    if takes_uint8:
        before.append(node("Div", [planes, full], [scaled]))
    in_range = scaled if takes_uint8 else planes  # from 0 to 1
    before.append(node("Cast", [in_range], [source.name], to=TensorProto.FLOAT16))
    after = [
        node("Cast", [result.name], [upscaled], to=TensorProto.FLOAT),
        node("Mul", [upscaled, zero], [zeros]),  # infinity times 0 is NaN
        node("ReduceSum", [zeros], [FINITE_CHECK], keepdims=0),
    ]
    if takes_uint8:
        after += [
            node("Clip", [upscaled, zero, one], [clipped]),
            node("Mul", [clipped, full], [levels]),
            node("Round", [levels], [rounded]),
            node("Cast", [rounded], [new_output], to=TensorProto.UINT8),
        ]
    else:
        after.append(node("Identity", [upscaled], [new_output]))
    nodes = [*before, *graph.node, *after]
    # Copies, because deleting the nodes of a graph makes references to them invalid.
    copies = [type(part).FromString(part.SerializeToString()) for part in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    del graph.value_info[:]  # types of tensors before the conversion
    source.name, result.name = new_input, new_output
    for value in (source, result):
        value.type.tensor_type.elem_type = TensorProto.UINT8 if takes_uint8 else TensorProto.FLOAT
    graph.output.append(helper.make_tensor_value_info(FINITE_CHECK, TensorProto.FLOAT, []))
