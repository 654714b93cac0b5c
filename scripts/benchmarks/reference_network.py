"""Reference network: a fixed network whose time is the unit of the time of a model.

It has the architecture of EDSR-baseline x4 (Lim et al. 2017, arXiv:1707.02921): 16 residual blocks
of 64 channels, 1.52 million parameters, random weights.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

WIDTH, BLOCKS = 64, 16
OPSET = 18  # version of the ONNX operators, as in exported models


def open_reference(threads: int) -> Callable[[np.ndarray], Any]:
    """Open the reference network with the CPU provider of ONNX Runtime.

    Returns:
        A function from images (N, 3, H, W) to (N, 3, 4 * H, 4 * W), float32.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        build_reference(), options, providers=["CPUExecutionProvider"]
    )
    return lambda image: session.run(None, {"image": image})[0]


def build_reference() -> bytes:
    """Return the ONNX file of a network from (N, 3, H, W) to (N, 3, 4 * H, 4 * W), float32."""
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    nodes: list[Any] = []
    weights: list[Any] = []

    # These two functions add a node to the graph, and return the name of its output.
    def add(kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - as in onnx
        output = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(features: str, channels: int, out_channels: int) -> str:
        name = f"weight_{len(weights)}"
        shape = (out_channels, channels, 3, 3)
        # Small values; their size does not matter, because only the time counts.
        kernel = generator.standard_normal(shape, dtype=np.float32) / np.float32(30)
        weights.append(numpy_helper.from_array(kernel, name))
        weights.append(numpy_helper.from_array(np.zeros(out_channels, np.float32), f"bias_{name}"))
        return add("Conv", features, name, f"bias_{name}", pads=[1] * 4)

    features = stem = convolution("image", 3, WIDTH)
    for _ in range(BLOCKS):
        inner = add("Relu", convolution(features, WIDTH, WIDTH))
        features = add("Add", features, convolution(inner, WIDTH, WIDTH))
    features = add("Add", stem, convolution(features, WIDTH, WIDTH))
    for _ in range(2):  # enlarges twice by 2
        expanded = convolution(features, WIDTH, 4 * WIDTH)
        features = add("DepthToSpace", expanded, blocksize=2, mode="CRD")
    result = convolution(features, WIDTH, 3)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, "H", "W"])
    upscaled = helper.make_tensor_value_info(result, TensorProto.FLOAT, ["N", 3, "h", "w"])
    graph = helper.make_graph(nodes, "reference", [image], [upscaled], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    return model.SerializeToString()
