"""`mix`: averages the weights of two models of one architecture, for the option fidelity.

A model of realistic texture has a fidelity partner, a model that stays closer to the input. The
fidelity is the weight of the partner in the average. `onnx` is imported inside functions, because
only an average of two models needs it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

_EQUAL_KEYS = ("task", "architecture", "scale", "size_multiple", "value_range")
"""Keys of the metadata whose values must be equal in both models."""
_LARGER_KEYS = ("overlap", "bytes_per_pixel")
"""Keys of the metadata for which the result gets the larger value of the two, which suffices for
the weights of both."""


def mix(model: "onnx.ModelProto", partner: "onnx.ModelProto", fidelity: float) -> bytes:
    """Average the weights of two models whose graphs are equal.

    Each float tensor becomes (1 - fidelity) * model + fidelity * partner; tensors are matched by
    name. A new ONNX file is built, because ONNX Runtime's method to replace weights,
    `add_initializer`, silently keeps the old weights of convolutions that it has optimised.

    Args:
        model: provides graph and metadata; not changed. Like `partner`, it is the result of
            `foreign_models.parse_safely`, so that it has no weights in other files.
        partner: the same graph with other weights; not changed.
        fidelity: weight of `partner`, 0 to 1.

    Returns:
        Bytes of an ONNX file; the same arguments give the same bytes.

    Raises:
        ValueError: the models differ in more than weights; the message names the difference, but
            not the models.
    """
    import onnx

    metadata = _mix_metadata(_metadata(model), _metadata(partner))
    names = {tensor.name for tensor in model.graph.initializer}
    partner_tensors = {tensor.name: tensor for tensor in partner.graph.initializer}
    unmatched_names = sorted(names ^ partner_tensors.keys())
    if unmatched_names:
        raise ValueError(f"the tensor {unmatched_names[0]} is in one of them only")
    mixed = onnx.ModelProto()
    mixed.CopyFrom(model)
    for tensor in mixed.graph.initializer:
        tensor.CopyFrom(_mix_tensors(tensor, partner_tensors[tensor.name], fidelity))
    # Compared last, since the errors above name what differs.
    if _structure(model) != _structure(partner):
        raise ValueError("the operations of their graphs differ")
    onnx.helper.set_model_props(mixed, metadata)
    return mixed.SerializeToString(deterministic=True)


def _mix_tensors(
    tensor: "onnx.TensorProto", partner: "onnx.TensorProto", fidelity: float
) -> "onnx.TensorProto":
    """Average two float tensors; ValueError if shape, dtype or integer values differ."""
    from onnx import numpy_helper

    values, partner_values = numpy_helper.to_array(tensor), numpy_helper.to_array(partner)
    shape, partner_shape = values.shape, partner_values.shape
    if (shape, values.dtype) != (partner_shape, partner_values.dtype):
        raise ValueError(
            f"the tensor {tensor.name} is {values.dtype} {shape} in one and "
            f"{partner_values.dtype} {partner_shape} in the other"
        )
    if values.dtype.kind != "f":
        if not np.array_equal(values, partner_values):
            raise ValueError(f"the tensor {tensor.name} of {values.dtype} has other values")
        return tensor
    # In float64 and rounded once, so that equal values, such as factors of a Resize, do not change.
    own_part = (1 - fidelity) * values.astype(np.float64)
    average = own_part + fidelity * partner_values.astype(np.float64)
    return numpy_helper.from_array(np.asarray(average, values.dtype), tensor.name)


def _metadata(model: "onnx.ModelProto") -> dict[str, str]:
    """Return the metadata of a model as a dictionary."""
    return {entry.key: entry.value for entry in model.metadata_props}


def _mix_metadata(model: Mapping[str, str], partner: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of an average; ValueError if a value of `_EQUAL_KEYS` differs.

    All values are those of `model`, except for `_LARGER_KEYS` that both have.
    """
    for key in _EQUAL_KEYS:
        if model.get(key) != partner.get(key):
            raise ValueError(
                f"{key} is {model.get(key, 'missing')} in one and {partner.get(key, 'missing')} in "
                "the other"
            )
    metadata = dict(model)
    for key in _LARGER_KEYS:
        if key in model and key in partner:
            metadata[key] = max(model[key], partner[key], key=_number)
    return metadata


def _number(value: str) -> float:
    """Convert a number in the metadata for a comparison; an overlap of -1 means no tiles at all."""
    return np.inf if value == "-1" else float(value)


def _structure(model: "onnx.ModelProto") -> bytes:
    """Serialise a graph without averaged weights, documentation and metadata, for a comparison."""
    import onnx

    bare = onnx.ModelProto()
    bare.opset_import.extend(model.opset_import)
    bare.functions.extend(model.functions)
    bare.graph.input.extend(model.graph.input)
    bare.graph.output.extend(model.graph.output)
    # Sparse weights are not averaged, so they must be equal.
    bare.graph.sparse_initializer.extend(model.graph.sparse_initializer)
    bare.graph.node.extend(model.graph.node)
    for part in (*bare.graph.node, *bare.graph.input, *bare.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    return bare.SerializeToString(deterministic=True)
