"""`estimate_bytes_per_pixel`: memory of a model per input pixel, from the shapes in its graph.

The estimate is for models of other projects; `export` measures the memory of a model instead. The
sizes of windows (inputs of one run) and of batches are chosen by this number.
"""

import math
from collections import Counter
from typing import TYPE_CHECKING

from srgan_gp.inference.loading.model_info import UNKNOWN_BYTES_PER_PIXEL

if TYPE_CHECKING:
    import onnx

# Side in pixels of the input for which the shapes are inferred. Networks that pad their input to a
# multiple of 2, 4, ..., 64 pixels add nothing to it.
_PROBE_SIDE = 64
_OVERHEAD = 2
"""Memory relative to the sum of the tensors: ONNX Runtime's CPU arena took 1.03 to 1.97 times the
sum on seven networks of 24 to 96 channels, whose last layers have the input's or the result's size.
"""


def estimate_bytes_per_pixel(model: "onnx.ModelProto") -> int:
    """Estimate the peak memory of a run per input pixel.

    Visits the nodes in their order, and adds up the sizes of the float32 tensors that a later node
    still needs. The result is the largest sum, times `_OVERHEAD`.

    Args:
        model: a model with one input (N, 3, H, W); not changed.

    Returns:
        Bytes per pixel. If the shapes cannot be inferred: `UNKNOWN_BYTES_PER_PIXEL`, the need of a
        heavy network.
    """
    import onnx

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    shape = probe.graph.input[0].type.tensor_type.shape
    for dimension, value in zip(shape.dim, (1, 3, _PROBE_SIDE, _PROBE_SIDE), strict=True):
        dimension.dim_value = value
    # Shapes that are stored in the file may be symbolic; all are inferred again.
    del probe.graph.value_info[:]
    for result in probe.graph.output:
        result.type.tensor_type.ClearField("shape")
    _ignore_computed_crops(probe)
    graph = onnx.shape_inference.infer_shapes(probe, data_prop=True).graph
    sizes: dict[str, int] = {}  # number of values of each tensor
    for tensor in (*graph.input, *graph.value_info, *graph.output):
        sides = [dimension.dim_value for dimension in tensor.type.tensor_type.shape.dim]
        sizes[tensor.name] = math.prod(sides)  # 0 if a side was not inferred
    if not all(sizes.get(output.name) for output in graph.output):
        return UNKNOWN_BYTES_PER_PIXEL
    # How often each tensor is still needed: as the input of a node, or as an output of the graph.
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(output.name for output in graph.output)
    needed = {graph.input[0].name}
    peak = 0
    for node in graph.node:
        # Tensors of fewer values than the input has pixels are weights and the like.
        needed.update(name for name in node.output if sizes.get(name, 0) >= _PROBE_SIDE**2)
        peak = max(peak, sum(sizes[name] for name in needed))
        uses.subtract(node.input)
        needed = {name for name in needed if uses[name] > 0}
    bytes_per_value = 4
    return _OVERHEAD * bytes_per_value * peak // _PROBE_SIDE**2


def _ignore_computed_crops(model: "onnx.ModelProto") -> None:
    """Replace Slice nodes whose bounds are computed from the input's size by Identity, in place.

    Shape inference cannot resolve such bounds. They remove padding of the network, and an input of
    `_PROBE_SIDE` needs no padding.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants.update(node.output)
    for node in graph.node:
        bounds = node.input[1:]
        if node.op_type == "Slice" and not constants.issuperset(bounds):
            node.op_type = "Identity"
            del node.input[1:]
