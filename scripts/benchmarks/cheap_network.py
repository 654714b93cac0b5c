"""A network that takes a given share of the time of a model and returns photo-like results.

The benchmark `batch` uses it to show the time besides the network: of files and of the journal.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reference_network import OPSET
from benchmarks.timing import in_turns, median
from srgan_gp.inference.session import Session

WIDTHS = (4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128)
"""Numbers of channels that are tried, in rising order."""
HIDDEN = 2  # convolutions between the first and the last one
_SIDE, _ROUNDS = 256, 5  # pixels of the timed image, and timed rounds


def open_cheap(session: Session, share: float, threads: int) -> tuple[Session, float]:
    """Open a network whose width gives the nearest time to a share of a model's time.

    Args:
        session: the model.
        share: share of the model's time, from 0 to 1.
        threads: CPU threads.

    Returns:
        The network, of the scale of the model, and its measured share.
    """
    image = np.random.default_rng(0).random((1, 3, _SIDE, _SIDE), dtype=np.float32)
    best: tuple[Session, float] | None = None  # the network and its share
    best_error = np.inf  # of the logarithm of the share
    for width in WIDTHS:
        cheap = _open_bytes(build_cheap(width, session.info.scale), threads)
        jobs = {"cheap": partial(cheap.run, image), "model": partial(session.run, image)}
        rounds = in_turns(jobs, _ROUNDS + 1)[1:]  # without the warm-up
        measured_share = median(rounds, "cheap", over="model")
        error = abs(np.log(measured_share / share))
        if error < best_error:
            best, best_error = (cheap, measured_share), error
        if measured_share > 2 * share:  # wider networks take even longer
            break
    assert best is not None  # the first width has an error below infinity
    return best


def _open_bytes(model: bytes, threads: int) -> Session:
    """Open an ONNX model on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cheap.onnx"
        path.write_bytes(model)
        return Session.open(path, device="cpu", threads=threads)


def build_cheap(width: int, scale: int) -> bytes:
    """Build a model that adds the weak output of convolutions to repeated pixels.

    Args:
        width: channels of the hidden convolutions.
        scale: enlargement.

    Returns:
        The ONNX file, with the metadata of a model of this project.
    """
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    channels = [3, *[width] * (HIDDEN + 1), 3 * scale**2]
    nodes: list[Any] = []
    weights: list[Any] = []
    features = "image"
    for number in range(HIDDEN + 2):
        shape = (channels[number + 1], channels[number], 3, 3)
        # Half the deviation of He's initialization, as intended: each convolution halves the
        # features, which keeps the output weak. The time does not depend on the values.
        kernel = generator.standard_normal(shape) / np.sqrt(2 * np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"weight_{number}"))
        inputs = [features, f"weight_{number}"]
        nodes.append(helper.make_node("Conv", inputs, [f"conv_{number}"], pads=[1] * 4))
        features = f"conv_{number}"
        if number <= HIDDEN:
            nodes.append(helper.make_node("Relu", [features], [f"relu_{number}"]))
            features = f"relu_{number}"
    # The output is a photo with weak noise: noise alone would take far longer to encode.
    repeat = np.repeat(np.eye(3, dtype=np.float32), scale**2, axis=0)[:, :, None, None]
    weights += [
        numpy_helper.from_array(repeat, "repeat"),
        numpy_helper.from_array(np.array(0.01, np.float32), "weak"),
    ]
    nodes += [
        helper.make_node("Conv", ["image", "repeat"], ["repeated"]),
        helper.make_node("Mul", [features, "weak"], ["added"]),
        helper.make_node("Add", ["repeated", "added"], ["sum"]),
        helper.make_node("DepthToSpace", ["sum"], ["upscaled"], blocksize=scale, mode="CRD"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, "H", "W"])
    upscaled = helper.make_tensor_value_info("upscaled", TensorProto.FLOAT, ["N", 3, "h", "w"])
    graph = helper.make_graph(nodes, "cheap", [image], [upscaled], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    metadata = {"srgan_gp_version": "0", "name": "cheap", "task": "super-resolution"}
    # Each of the convolutions of 3 x 3 looks one pixel further: that is the overlap of tiles.
    metadata |= {"scale": str(scale), "overlap": str(HIDDEN + 2), "size_multiple": "1"}
    # Peak memory of an input pixel: input and output of a hidden convolution, and two tensors of
    # the last one's size, in float32, times two.
    peak_values = 2 * width + 2 * 3 * scale**2
    helper.set_model_props(model, metadata | {"bytes_per_pixel": str(2 * 4 * peak_values)})
    return model.SerializeToString()
