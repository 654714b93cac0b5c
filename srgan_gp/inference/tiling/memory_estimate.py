"""Memory estimate of a model per input pixel, and the automatic choice of the tile size."""

import math
from collections import Counter
from typing import TYPE_CHECKING

from srgan_gp.inference.loading.model_info import UNKNOWN_BYTES_PER_PIXEL, ModelInfo

if TYPE_CHECKING:
    import onnx

CPU_BUDGET = 2**30
"""Bytes for one run on a CPU; an image that needs more is tiled."""
CPU_BATCH_BUDGET = 2**27
"""Bytes for a batch of images on a CPU; larger batches leave its caches and are not faster."""
GPU_BUDGET = 2**31
"""Bytes for one run on a GPU. There, every image is tiled, with windows of one shape."""
MIN_TILE = 64
"""Lower bound, also above the budget: smaller tiles would compute mostly overlap."""
MAX_GPU_WINDOW = 1024
"""Largest side of a window on a GPU, in input pixels."""
_PROBE_SIDE = 64  # pixels: side of the input for which the shapes are inferred


def estimate_bytes_per_pixel(model: "onnx.ModelProto") -> int:
    """Estimate the peak memory of a run per input pixel from the shapes in the graph.

    Visits the nodes in order, adds up the float32 tensors that are alive, and doubles the peak:
    ONNX Runtime's CPU arena took 1.2 to 2.05 times the plain sum (measured on networks of 48 and 64
    channels, with a direct tail and with one at full size, from 128 x 128 to 512 x 512 pixels).

    Args:
        model: a model with one input (N, 3, H, W).

    Returns:
        Bytes per pixel; `UNKNOWN_BYTES_PER_PIXEL` where the shapes cannot be inferred.
    """
    import onnx

    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    shape = fixed.graph.input[0].type.tensor_type.shape
    for dimension, value in zip(shape.dim, (1, 3, _PROBE_SIDE, _PROBE_SIDE), strict=True):
        dimension.dim_value = value
    del fixed.graph.value_info[:]
    _ignore_computed_crops(fixed)
    for result in fixed.graph.output:
        result.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(fixed, data_prop=True).graph
    sizes = {
        value.name: math.prod(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(value.name for value in graph.output)
    alive = {graph.input[0].name}
    peak = 0
    for node in graph.node:
        alive.update(name for name in node.output if sizes.get(name, 0) >= _PROBE_SIDE**2)
        peak = max(peak, sum(sizes[name] for name in alive))
        uses.subtract(node.input)
        alive = {name for name in alive if uses[name] > 0}
    if not all(sizes.get(value.name) for value in graph.output):
        return UNKNOWN_BYTES_PER_PIXEL
    return 2 * 4 * peak // _PROBE_SIDE**2


def _ignore_computed_crops(model: "onnx.ModelProto") -> None:
    """Replace Slice nodes whose bounds are computed from the input's size by Identity.

    Shape inference cannot resolve such bounds. They remove padding of the network, and an input of
    `_PROBE_SIDE` needs no padding.
    """
    graph = model.graph
    fixed = {tensor.name for tensor in graph.initializer}
    fixed.update(name for node in graph.node if node.op_type == "Constant" for name in node.output)
    for node in graph.node:
        if node.op_type == "Slice" and not fixed.issuperset(node.input[1:]):
            node.op_type = "Identity"
            del node.input[1:]


def choose_tile(info: ModelInfo, height: int, width: int, *, on_gpu: bool) -> int | None:
    """Choose the side of the tiles for `--tile auto`.

    On a CPU an image runs as a whole while that fits `CPU_BUDGET`; otherwise it is cut into the
    smallest number of equal tiles that fit. On a GPU the window always has the same shape.

    Args:
        info: metadata of the model.
        height: height of the image.
        width: width of the image.
        on_gpu: whether the model runs on a GPU.

    Returns:
        The side in input pixels, without overlap; None means the whole image at once.
    """
    if info.overlap is None:
        return None
    affordable = (GPU_BUDGET if on_gpu else CPU_BUDGET) // info.bytes_per_pixel
    if not on_gpu and height * width <= affordable:
        return None
    window = math.isqrt(affordable)
    if on_gpu:
        window = min(window, MAX_GPU_WINDOW)
    largest = max(window - 2 * info.overlap, MIN_TILE)
    if on_gpu:
        return largest
    inner = [side - 2 * info.overlap for side in (height, width)]
    counts = [max(math.ceil(side / largest), 1) for side in inner]
    even = [math.ceil(side / count) for side, count in zip(inner, counts, strict=True) if count > 1]
    return max(even, default=largest)


def choose_batch(info: ModelInfo, height: int, width: int, *, on_gpu: bool) -> int:
    """Choose the number of images that a model computes together; arguments as `choose_tile`."""
    budget = GPU_BUDGET if on_gpu else CPU_BATCH_BUDGET
    return max(budget // (info.bytes_per_pixel * height * width), 1)
