#!/usr/bin/env python3
"""How fast the models and the program are: `network MODEL` and `startup`.

Times depend on the machine, so `network` runs a fixed network, the yardstick, in turns with the
model, and prints the ratio. The yardstick has the shape of EDSR-baseline x4 (Lim et al. 2017,
arXiv:1707.02921): 16 residual blocks of 64 channels, 1.52 million parameters, random weights.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLE = Path(__file__).resolve().parent.parent / "apps" / "examples" / "coffee.jpg"
WIDTH, BLOCKS = 64, 16

RUN_ONCE = """
import re, sys, numpy
from srgan_gp.inference.session import Session
model, side, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
session = Session.open(model, device="cpu", threads=threads)
session.run(numpy.zeros((1, 3, side, side), numpy.float32))
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark and print it."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object")
    shared.add_argument("--threads", type=int, default=2, help="CPU threads [2]")
    shared.add_argument("--repeats", type=int, default=5, help="the median of so many [5]")
    parser = argparse.ArgumentParser(description="How fast the models and the program are.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    text = "a model's time as a multiple of the yardstick's"
    network = kinds.add_parser("network", parents=[shared], help=text, description=text)
    network.add_argument("model", help="a model's name, or the path of an .onnx")
    network.add_argument("--side", type=int, default=256, help="of the square picture [256]")
    text = "what a user waits for besides the network"
    startup = kinds.add_parser("startup", parents=[shared], help=text, description=text)
    startup.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    startup.add_argument("--picture", type=Path, default=EXAMPLE, help="an 8-bit JPEG")
    options = parser.parse_args(arguments)
    if options.kind == "network":
        values = benchmark_network(options.model, options.side, options.threads, options.repeats)
    else:
        values = benchmark_startup(options.model, options.picture, options.threads, options.repeats)
    if options.json:
        print(json.dumps(values, indent=2))
    else:
        for name, value in values.items():
            number = f"{value:.3f}" if isinstance(value, float) else value
            print(f"{name.replace('_', ' ')}: {number}")
    return 0


def benchmark_network(model: str, side: int, threads: int, repeats: int) -> dict[str, Any]:
    """Time a model and the yardstick in turns, in this process, on one random picture.

    Args:
        model: a name or the path of an .onnx.
        side: of the picture, in pixels.
        threads: of the CPU.
        repeats: runs of each that are timed, after one that is not.

    Returns:
        Medians in seconds, their ratio, and the peak memory in MB of a process of its own that runs
        the model once.
    """
    from srgan_gp.inference.session import Session

    picture = np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)
    session = Session.open(model, device="cpu", threads=threads)
    yardstick = open_yardstick(threads)
    times = [
        (seconds(lambda: session.run(picture)), seconds(lambda: yardstick(picture)))
        for _ in range(repeats + 1)
    ]
    model_seconds, yardstick_seconds = (float(middle) for middle in np.median(times[1:], axis=0))
    return {
        "model": session.info.name,
        "picture": f"{side} x {side} -> {side * session.info.scale} x {side * session.info.scale}",
        "threads": threads,
        "model_seconds": model_seconds,
        "yardstick_seconds": yardstick_seconds,
        "ratio": model_seconds / yardstick_seconds,
        "peak_memory_mb": peak_memory_mb(model, side, threads),
    }


def peak_memory_mb(model: str, side: int, threads: int) -> int | None:
    """Peak memory of a process of its own that runs a model once; None where there is no /proc.

    Not `resource.getrusage`: a child process starts with its parent's peak there.
    """
    if not sys.platform.startswith("linux"):
        return None
    program = [sys.executable, "-c", RUN_ONCE, model, str(side), str(threads)]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    return int(done.stdout) // 1024


def benchmark_startup(model: str, picture: Path, threads: int, repeats: int) -> dict[str, Any]:
    """Time fresh processes, up to one that upscales a picture, and the network alone.

    Args:
        model: a name or the path of an .onnx.
        picture: an 8-bit JPEG.
        threads: of the CPU.
        repeats: runs of each.

    Returns:
        Medians in seconds. `end_to_end` is reading, upscaling and writing in a process that is
        already warm.
    """
    from srgan_gp.images import read_image, write_image
    from srgan_gp.inference.session import Session
    from srgan_gp.inference.upscaler import Upscaler
    from srgan_gp.inference.values import to_planes

    session = Session.open(model, device="cpu", threads=threads)
    upscaler = Upscaler(session)
    planes = to_planes(read_image(picture).pixels)
    session.run(planes)  # warm up
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / f"result{picture.suffix}"

        def end_to_end() -> None:
            write_image(upscaler.upscale_picture(read_image(picture)), result)

        upscale = ["-m", "srgan_gp", "upscale", str(picture), "-o", str(result), "-n", model]
        upscale += ["--device", "cpu", "--threads", str(threads), "--exist", "overwrite"]
        jobs: dict[str, Callable[[], object]] = {
            "bare_python": python("-c", "pass"),
            "import_srgan_gp": python("-c", "import srgan_gp"),
            "help": python("-m", "srgan_gp", "--help"),
            "first_picture": python(*upscale),
            "network": lambda: session.run(planes),
            "end_to_end": end_to_end,
        }
        # In turns, so that a slow moment of the machine meets all of them.
        rounds = [{name: seconds(job) for name, job in jobs.items()} for _ in range(repeats)]
    values: dict[str, Any] = {"model": session.info.name, "picture": str(picture.name)}
    values["size"] = f"{planes.shape[3]} x {planes.shape[2]}"
    for name in jobs:
        values[f"{name}_seconds"] = statistics.median(times[name] for times in rounds)
    values["help_above_bare_python_seconds"] = (
        values["help_seconds"] - values["bare_python_seconds"]
    )
    values["first_picture_above_network_seconds"] = (
        values["first_picture_seconds"] - values["network_seconds"]
    )
    values["end_to_end_over_network"] = values["end_to_end_seconds"] / values["network_seconds"]
    return values


def python(*arguments: str) -> Callable[[], object]:
    """Make a job that runs Python in a fresh process."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def seconds(job: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def open_yardstick(threads: int) -> Callable[[np.ndarray], Any]:
    """Load the yardstick into ONNX Runtime's CPU provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    engine = onnxruntime.InferenceSession(
        build_yardstick(), options, providers=["CPUExecutionProvider"]
    )
    return lambda picture: engine.run(None, {"image": picture})[0]


def build_yardstick() -> bytes:
    """Build the yardstick, an ONNX model: (N, 3, H, W) to (N, 3, 4 * H, 4 * W), float32."""
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    nodes: list[Any] = []
    weights: list[Any] = []

    def add(kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - as onnx has it
        result = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [result], **attributes))
        return result

    def convolution(features: str, channels: int, out_channels: int) -> str:
        name = f"weight_{len(weights)}"
        shape = (out_channels, channels, 3, 3)
        kernel = generator.standard_normal(shape, dtype=np.float32) / np.float32(30)
        weights.append(numpy_helper.from_array(kernel, name))
        weights.append(numpy_helper.from_array(np.zeros(out_channels, np.float32), f"bias_{name}"))
        return add("Conv", features, name, f"bias_{name}", pads=[1] * 4)

    features = stem = convolution("image", 3, WIDTH)
    for _ in range(BLOCKS):
        inner = add("Relu", convolution(features, WIDTH, WIDTH))
        features = add("Add", features, convolution(inner, WIDTH, WIDTH))
    features = add("Add", stem, convolution(features, WIDTH, WIDTH))
    for _ in range(2):
        expanded = convolution(features, WIDTH, 4 * WIDTH)
        features = add("DepthToSpace", expanded, blocksize=2, mode="CRD")
    result = convolution(features, WIDTH, 3)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, "H", "W"])
    upscaled = helper.make_tensor_value_info(result, TensorProto.FLOAT, ["N", 3, "h", "w"])
    graph = helper.make_graph(nodes, "yardstick", [image], [upscaled], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return model.SerializeToString()


if __name__ == "__main__":
    sys.exit(main())
