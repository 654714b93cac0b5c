#!/usr/bin/env python3
"""Benchmarks of models, start-up, batches, memory, the app and training.

Times depend on the machine, so all except `startup` and `photo` print ratios of jobs run in turns.
`photo` prints seconds and memory of one command, `memory` the peak memory for large images,
`app` the behaviour of the server under load.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srgan_gp.commands.option_types import count
from srgan_gp.errors import SrganGpError

EXAMPLE = Path(__file__).resolve().parent.parent / "apps" / "examples" / "coffee.jpg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark and print it."""
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
            print(f"{name.replace('_', ' ')}: {number}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the command line: one command for each benchmark."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object")
    shared.add_argument("--threads", type=count, default=2, help="CPU threads [2]")
    shared.add_argument(
        "--repeats", type=count, default=5, help="runs of which the median is printed [5]"
    )
    parser = argparse.ArgumentParser(
        description="Benchmarks of models, start-up, batches, memory, the app and training."
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    text = "time of a model relative to a reference network"
    network = kinds.add_parser("network", parents=[shared], help=text, description=text)
    network.add_argument("model", help="name of a model, or path of an .onnx file")
    network.add_argument(
        "--side", type=count, default=256, help="height and width of the image [256]"
    )
    text = "time of a command besides the network: Python, imports, files"
    startup = kinds.add_parser("startup", parents=[shared], help=text, description=text)
    startup.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    startup.add_argument("--image", type=Path, default=EXAMPLE, help="an 8-bit JPEG")
    text = "time of a folder relative to the network alone and to a plain loop"
    batch = kinds.add_parser("batch", parents=[shared], help=text, description=text)
    batch.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    batch.add_argument("--images", type=count, default=200, help="number of images [200]")
    text = "seconds and memory of one command for photos of several sizes"
    photo = kinds.add_parser("photo", parents=[shared], help=text, description=text)
    photo.add_argument("--model", default="photo-x4", help="name or path [photo-x4]")
    photo.add_argument(
        "--megapixels", type=float, nargs="+", default=(0.5, 2, 12), help="sizes [0.5 2 12]"
    )
    photo.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:N [cpu]")
    text = "peak memory of upscaling a large image to a PNG, and many small images"
    memory = kinds.add_parser("memory", parents=[shared], help=text, description=text)
    memory.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    memory.add_argument(
        "--megapixels", type=float, default=24, help="size of the large image for the model [24]"
    )
    text_nearest = "size of the image for a model that repeats pixels [100]"
    memory.add_argument("--nearest-megapixels", type=float, default=100, help=text_nearest)
    text = "number of small images, of 32 to 128 pixels [100]"
    memory.add_argument("--images", type=count, default=100, help=text)
    text = "the server under load, with a decompression bomb, disconnecting clients and SIGTERM"
    app = kinds.add_parser("app", parents=[shared], help=text, description=text)
    app.add_argument("--model", default="classic-x4", help="name [classic-x4]")
    app.add_argument("--users", type=count, default=200, help="number of simultaneous users [200]")
    app.add_argument(
        "--side", type=count, default=256, help="height and width of their images [256]"
    )
    app.add_argument("--jobs", type=count, default=20, help="running or queued at SIGTERM [20]")
    text = "time of a critic step with and without gradient penalty"
    training = kinds.add_parser("training", parents=[shared], help=text, description=text)
    training.add_argument("--batch-size", type=count, default=8, help="images in a step [8]")
    training.add_argument(
        "--side", type=count, default=96, help="height and width of the crops [96]"
    )
    training.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="[bf16]")
    training.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N [auto]")
    return parser


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run one benchmark, and import its modules only."""
    given = (options.threads, options.repeats)
    if options.kind == "network":
        from benchmarks.network import benchmark_network

        return benchmark_network(options.model, options.side, *given)
    if options.kind == "startup":
        from benchmarks.startup import benchmark_startup

        return benchmark_startup(options.model, options.image, *given)
    if options.kind == "batch":
        from benchmarks.batch import benchmark_batch

        return benchmark_batch(options.model, options.images, *given)
    if options.kind == "photo":
        from benchmarks.photo import benchmark_photo

        return benchmark_photo(options.model, options.megapixels, options.device, options.threads)
    if options.kind == "memory":
        from benchmarks.memory import benchmark_memory

        large = (options.megapixels, options.nearest_megapixels)
        return benchmark_memory(options.model, *large, options.images, options.threads)
    if options.kind == "app":
        from benchmarks.app import benchmark_app

        load = (options.users, options.side)
        return benchmark_app(options.model, *load, options.threads, options.jobs)
    from benchmarks.training import benchmark_training

    sizes = (options.batch_size, options.side)
    return benchmark_training(*sizes, options.precision, options.device, *given)


if __name__ == "__main__":
    sys.exit(main())
