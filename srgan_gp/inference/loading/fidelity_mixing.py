"""Fidelity: the averaged weights of two models of one architecture.

`onnx` is imported inside functions: only what is really mixed needs it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

EQUAL = ("task", "architecture", "scale", "size_multiple", "value_range")
"""Metadata that two models must share to be mixed."""
LARGER = ("overlap", "bytes_per_pixel")
"""Metadata of which a mixture has the larger value of the two."""


def mix(model: "onnx.ModelProto", partner: "onnx.ModelProto", fidelity: float) -> bytes:
    """Average the weights of two models whose graphs are equal.

    Each float tensor becomes (1 - fidelity) * model + fidelity * partner; tensors are matched by
    name. The bytes are made anew because ONNX Runtime's own way to replace weights,
    `add_initializer`, silently keeps those of convolutions that it has optimised.

    Args:
        model: whose graph and metadata the mixture has; unchanged, and safely parsed.
        partner: the same graph with other weights; likewise.
        fidelity: between 0, `model`, and 1, `partner`.

    Returns:
        An ONNX file; the same arguments give the same bytes.

    Raises:
        ValueError: says in what the two differ, without their names.
    """
    import onnx

    metadata = _mix_metadata(_metadata(model), _metadata(partner))
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    others = {tensor.name: tensor for tensor in partner.graph.initializer}
    if lonely := sorted(tensors.keys() ^ others.keys()):
        raise ValueError(f"the tensor {lonely[0]} is in one of them only")
    mixed = onnx.ModelProto()
    mixed.CopyFrom(model)
    for tensor in mixed.graph.initializer:
        tensor.CopyFrom(_mix_tensors(tensor, others[tensor.name], fidelity))
    if _structure(model) != _structure(partner):
        raise ValueError("the operations of their graphs differ")
    onnx.helper.set_model_props(mixed, metadata)
    return mixed.SerializeToString(deterministic=True)


def _mix_tensors(
    tensor: "onnx.TensorProto", other: "onnx.TensorProto", fidelity: float
) -> "onnx.TensorProto":
    from onnx import numpy_helper

    near, far = numpy_helper.to_array(tensor), numpy_helper.to_array(other)
    if (near.shape, near.dtype) != (far.shape, far.dtype):
        raise ValueError(
            f"the tensor {tensor.name} is {near.dtype} {near.shape} in one and "
            f"{far.dtype} {far.shape} in the other"
        )
    if near.dtype.kind != "f":
        if not np.array_equal(near, far):
            raise ValueError(f"the tensor {tensor.name} of {near.dtype} has other values")
        return tensor
    # In float64 and rounded once, so that what is equal in both, as the factors of a Resize, stays.
    average = (1 - fidelity) * near.astype(np.float64) + fidelity * far.astype(np.float64)
    return numpy_helper.from_array(np.asarray(average, near.dtype), tensor.name)


def _metadata(model: "onnx.ModelProto") -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def _mix_metadata(near: Mapping[str, str], far: Mapping[str, str]) -> dict[str, str]:
    for key in EQUAL:
        if near.get(key) != far.get(key):
            raise ValueError(
                f"{key} is {near.get(key, 'unstated')} in one and {far.get(key, 'unstated')} in "
                "the other"
            )
    both = [key for key in LARGER if key in near and key in far]
    return {**near, **{key: max(near[key], far[key], key=_extent) for key in both}}


def _extent(text: str) -> float:
    """Order numbers as the metadata means them: -1 is an overlap without end."""
    return np.inf if text == "-1" else float(text)


def _structure(model: "onnx.ModelProto") -> bytes:
    """Write down a graph without its weights and without the notes that exporters leave."""
    import onnx

    bare = onnx.ModelProto()
    bare.opset_import.extend(model.opset_import)
    bare.functions.extend(model.functions)
    bare.graph.input.extend(model.graph.input)
    bare.graph.output.extend(model.graph.output)
    bare.graph.sparse_initializer.extend(model.graph.sparse_initializer)
    bare.graph.node.extend(model.graph.node)
    for part in (*bare.graph.node, *bare.graph.input, *bare.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    return bare.SerializeToString(deterministic=True)
