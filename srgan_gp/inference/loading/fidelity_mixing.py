"""Fidelity: averages the weights of two models of one architecture.

`onnx` is imported inside functions, because only an average of two models needs it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

EQUAL = ("task", "architecture", "scale", "size_multiple", "value_range")
"""Metadata that must be equal in both models."""
LARGER = ("overlap", "bytes_per_pixel")
"""Metadata for which the result has the larger value of the two."""


def mix(model: "onnx.ModelProto", partner: "onnx.ModelProto", fidelity: float) -> bytes:
    """Average the weights of two models whose graphs are equal.

    Each float tensor becomes (1 - fidelity) * model + fidelity * partner; tensors are matched by
    name. A new ONNX file is built because ONNX Runtime's method to replace weights,
    `add_initializer`, silently keeps those of convolutions that it has optimised.

    Args:
        model: provides graph and metadata; not changed. Parsed by `foreign_models.parse_safely`.
        partner: the same graph with other weights; not changed.
        fidelity: weight of `partner`, 0 to 1.

    Returns:
        Bytes of an ONNX file; the same arguments give the same bytes.

    Raises:
        ValueError: the models differ; the message says in what, without their names.
    """
    import onnx

    metadata = _mix_metadata(_metadata(model), _metadata(partner))
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    others = {tensor.name: tensor for tensor in partner.graph.initializer}
    if unmatched := sorted(tensors.keys() ^ others.keys()):
        raise ValueError(f"the tensor {unmatched[0]} is in one of them only")
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

    values, others = numpy_helper.to_array(tensor), numpy_helper.to_array(other)
    if (values.shape, values.dtype) != (others.shape, others.dtype):
        raise ValueError(
            f"the tensor {tensor.name} is {values.dtype} {values.shape} in one and "
            f"{others.dtype} {others.shape} in the other"
        )
    if values.dtype.kind != "f":
        if not np.array_equal(values, others):
            raise ValueError(f"the tensor {tensor.name} of {values.dtype} has other values")
        return tensor
    # In float64 and rounded once, so that equal values, such as factors of a Resize, do not change.
    average = (1 - fidelity) * values.astype(np.float64) + fidelity * others.astype(np.float64)
    return numpy_helper.from_array(np.asarray(average, values.dtype), tensor.name)


def _metadata(model: "onnx.ModelProto") -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def _mix_metadata(model: Mapping[str, str], partner: Mapping[str, str]) -> dict[str, str]:
    for key in EQUAL:
        if model.get(key) != partner.get(key):
            raise ValueError(
                f"{key} is {model.get(key, 'missing')} in one and {partner.get(key, 'missing')} in "
                "the other"
            )
    both = [key for key in LARGER if key in model and key in partner]
    return {**model, **{key: max(model[key], partner[key], key=_extent) for key in both}}


def _extent(text: str) -> float:
    """Return the value of a number in the metadata, where -1 means an unlimited overlap."""
    return np.inf if text == "-1" else float(text)


def _structure(model: "onnx.ModelProto") -> bytes:
    """Serialise a graph without its weights and without documentation strings of exporters."""
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
