#!/usr/bin/env python3
"""Benchmarks of models, start-up, batches, memory, PNG files, the app and training.

scripts/benchmark.py network photo-x4 --threads 1

Times depend on the machine. Where possible, two or more jobs (functions or commands that are timed)
run in turns, and the ratios of their times are printed. Each benchmark is a function in the module
of its name in `scripts/benchmarks/`, whose parameters are the options here.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from srgan_gp.commands.options.option_types import count
from srgan_gp.errors import SrganGpError, UsageError

EXAMPLE = Path(__file__).resolve().parent.parent / "apps" / "examples" / "coffee.jpg"
PNG_CONTENTS = ("photo", "grey", "alpha", "16-bit", "drawing")
"""Names of the images of the benchmark `png`, whose module is imported only when it runs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark and print its values; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        values = run(options)
    except SrganGpError as error:
        print(f"benchmark.py: error: {error}", file=sys.stderr)
        return error.exit_code
    if options.json:
        print(json.dumps(values, indent=2))
    else:
        for name, value in values.items():
            number = f"{value:.3f}" if isinstance(value, float) else value
            # Other names are printed as they are; they may contain the name of a file.
            text = name.replace("_", " ") if name.isidentifier() else name
            print(f"{text}: {number}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the command line: one command for each benchmark."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object")
    shared.add_argument("--threads", type=count, default=2, help="CPU threads [2]")
    # No default here: `run` refuses the option for a benchmark without the parameter `repeats`.
    text = "runs, of which the median, where a benchmark has several [5]"
    shared.add_argument("--repeats", type=count, help=text)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)

    def add(kind: str, text: str) -> argparse.ArgumentParser:
        return kinds.add_parser(kind, parents=[shared], help=text, description=text)

    network = add("network", "time of a model relative to a reference network")
    network.add_argument("model", help="name of a model, or path of an .onnx file")
    network.add_argument("--side", type=count, default=256, help="side of the image [256]")
    startup = add("startup", "time of a command besides the network: Python, imports, files")
    startup.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    startup.add_argument("--image", type=Path, default=EXAMPLE, help="an 8-bit JPEG")
    batch = add("batch", "time of a folder relative to the network alone and to a plain loop")
    batch.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    batch.add_argument("--images", type=count, default=200, help="number of images [200]")
    precision = add("precision", "time and difference of an int8 network against float32")
    precision.add_argument("model", help="name of a model")
    precision.add_argument(
        "--data",
        nargs="+",
        required=True,
        help="folders or zip files of HR images, FILE.zip:FOLDER",
    )
    precision.add_argument("--low-res", default="matlab", help="downscaling of the images [matlab]")
    photo = add("photo", "seconds and memory of one command for photos of several sizes")
    photo.add_argument("--model", default="photo-x4", help="name or path [photo-x4]")
    photo.add_argument(
        "--megapixels", type=float, nargs="+", default=(0.5, 2, 12), help="sizes [0.5 2 12]"
    )
    photo.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:N [cpu]")
    gpu = add("gpu", "speed on a GPU in float32, float16 and with TensorRT")
    gpu.add_argument("model", help="name of a model, or path of an .onnx file")
    gpu.add_argument("--megapixels", type=float, default=2, help="size of the image [2]")
    gpu.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu [cuda]")
    gpu.add_argument("--tensorrt", action="store_true", help="time TensorRT too")
    tiling = add("tiling", "computed pixels and time of tiled images, with rectangles and squares")
    tiling.add_argument("--model", default="photo-x4", help="name or path [photo-x4]")
    text = "size of the largest image that is upscaled; larger ones are only counted [12]"
    tiling.add_argument("--timed-megapixels", type=float, default=12, help=text)
    memory = add(
        "memory", "peak memory of a large image, upscaled to a PNG, and of many small ones"
    )
    memory.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    memory.add_argument("--megapixels", type=float, default=24, help="size of the large image [24]")
    text = "size of the image for a model that repeats pixels [100]"
    memory.add_argument("--nearest-megapixels", type=float, default=100, help=text)
    text = "number of small images, of 32 to 128 pixels [100]"
    memory.add_argument("--images", type=count, default=100, help=text)
    png = add("png", "time and size of PNG and TIFF files relative to other encoders")
    png.add_argument("--model", default="photo-x4", help="name or path [photo-x4]")
    png.add_argument("--megapixels", type=float, default=12, help="size of the images [12]")
    png.add_argument(
        "--contents", nargs="+", choices=PNG_CONTENTS, default=PNG_CONTENTS,
        help="images to encode [all]",
    )  # fmt: skip
    text = "checkout of an earlier version, whose encoders are timed too"
    png.add_argument("--before", type=Path, metavar="FOLDER", help=text)
    app = add("app", "the server under load, a decompression bomb, disconnects and SIGTERM")
    app.add_argument("--model", default="classic-x4", help="name [classic-x4]")
    app.add_argument("--users", type=count, default=200, help="number of simultaneous users [200]")
    app.add_argument("--side", type=count, default=256, help="side of their images [256]")
    app.add_argument("--jobs", type=count, default=20, help="running or queued at SIGTERM [20]")
    progress = add("progress", "progress and estimate of a large photo in the app, and its memory")
    progress.add_argument("--model", default="photo-x4", help="name [photo-x4]")
    progress.add_argument("--megapixels", type=float, default=12, help="size of the photo [12]")
    text = "small jobs, between which the memory is measured; below 50: none [500]"
    progress.add_argument("--jobs", type=int, default=500, help=text)
    nginx = add("nginx", "the server behind nginx, with many clients; needs nginx and openssl")
    nginx.add_argument("--model", default="classic-x4", help="name [classic-x4]")
    nginx.add_argument("--users", type=count, default=100, help="number of clients [100]")
    nginx.add_argument("--side", type=count, default=64, help="side of their images [64]")
    nginx.add_argument("--queue-size", type=count, default=64, help="jobs in the queue [64]")
    imports = add("imports", "difference, tiling and time of imported networks of spandrel")
    text = 'such as "SwinIR x2" [all]'
    imports.add_argument("--architectures", nargs="+", default=(), metavar="NAME", help=text)
    training = add("training", "time of a critic step with and without gradient penalty")
    training.add_argument("--batch-size", type=count, default=8, help="images in a step [8]")
    training.add_argument("--side", type=count, default=96, help="side of the crops [96]")
    training.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="[bf16]")
    training.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N [auto]")
    penalties = add("penalties", "time of a critic step with each penalty relative to none")
    penalties.add_argument("--batch-size", type=count, default=8, help="images in a step [8]")
    penalties.add_argument("--side", type=count, default=64, help="side of the images [64]")
    penalties.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N [auto]")
    text = "also compile two steps, which takes minutes"
    penalties.add_argument("--compiled", action="store_true", help=text)
    return parser


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run one benchmark, and import its module only.

    Returns:
        Measured values and facts about the measurement, by name, as JSON types.

    Raises:
        UsageError: `--repeats` is above 1 for a benchmark that measures once.
    """
    module = importlib.import_module(f"benchmarks.{options.kind}")
    benchmark = getattr(module, f"benchmark_{options.kind}")
    parameters = signature(benchmark).parameters
    if "repeats" not in parameters and options.repeats is not None and options.repeats > 1:
        raise UsageError(f"The benchmark {options.kind} measures once; leave out --repeats.")
    if options.repeats is None:
        options.repeats = 5
    arguments = {name: getattr(options, name) for name in parameters}
    return benchmark(**arguments)


if __name__ == "__main__":
    sys.exit(main())
