#!/usr/bin/env python3
"""How fast models, program and training are: `network MODEL`, `startup`, `batch`, `training`.

Times depend on the machine, so all but `startup` and `photo` print ratios of jobs that took turns.
`photo` prints seconds and memory of one command, `memory` how much of it large pictures take, `app`
how the server stands a crowd.
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
    """Build the command line: one verb a benchmark."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object")
    shared.add_argument("--threads", type=count, default=2, help="CPU threads [2]")
    shared.add_argument("--repeats", type=count, default=5, help="the median of so many [5]")
    parser = argparse.ArgumentParser(description="How fast models, program and training are.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    text = "a model's time as a multiple of the yardstick's"
    network = kinds.add_parser("network", parents=[shared], help=text, description=text)
    network.add_argument("model", help="a model's name, or the path of an .onnx")
    network.add_argument("--side", type=count, default=256, help="of the square picture [256]")
    text = "what a user waits for besides the network"
    startup = kinds.add_parser("startup", parents=[shared], help=text, description=text)
    startup.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    startup.add_argument("--picture", type=Path, default=EXAMPLE, help="an 8-bit JPEG")
    text = "a folder of pictures beside the network alone and beside a plain loop"
    batch = kinds.add_parser("batch", parents=[shared], help=text, description=text)
    batch.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    batch.add_argument("--pictures", type=count, default=200, help="how many [200]")
    text = "seconds and memory of one command for photos of several sizes"
    photo = kinds.add_parser("photo", parents=[shared], help=text, description=text)
    photo.add_argument("--model", default="photo-x4", help="name or path [photo-x4]")
    photo.add_argument(
        "--megapixels", type=float, nargs="+", default=(0.5, 2, 12), help="sizes [0.5 2 12]"
    )
    photo.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:N [cpu]")
    text = "peak memory from the file of a large picture to its PNG, and of many small ones"
    memory = kinds.add_parser("memory", parents=[shared], help=text, description=text)
    memory.add_argument("--model", default="classic-x4", help="name or path [classic-x4]")
    memory.add_argument("--megapixels", type=float, default=24, help="for the model [24]")
    text_nearest = "for a fake model that repeats pixels [100]"
    memory.add_argument("--nearest-megapixels", type=float, default=100, help=text_nearest)
    memory.add_argument("--pictures", type=count, default=100, help="of 32 to 128 pixels [100]")
    text = "the server under a crowd, a bomb, clients that go away and SIGTERM"
    app = kinds.add_parser("app", parents=[shared], help=text, description=text)
    app.add_argument("--model", default="classic-x4", help="name [classic-x4]")
    app.add_argument("--users", type=count, default=200, help="at once [200]")
    app.add_argument("--side", type=count, default=256, help="of their square pictures [256]")
    app.add_argument("--jobs", type=count, default=20, help="under way at SIGTERM [20]")
    text = "what the gradient penalty costs a step of the critic"
    training = kinds.add_parser("training", parents=[shared], help=text, description=text)
    training.add_argument("--batch-size", type=count, default=8, help="pictures a step [8]")
    training.add_argument("--side", type=count, default=96, help="of the square crops [96]")
    training.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="[bf16]")
    training.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N [auto]")
    return parser


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the benchmark that was asked for; only its own packages are imported."""
    given = (options.threads, options.repeats)
    if options.kind == "network":
        from benchmarks.network import benchmark_network

        return benchmark_network(options.model, options.side, *given)
    if options.kind == "startup":
        from benchmarks.startup import benchmark_startup

        return benchmark_startup(options.model, options.picture, *given)
    if options.kind == "batch":
        from benchmarks.batch import benchmark_batch

        return benchmark_batch(options.model, options.pictures, *given)
    if options.kind == "photo":
        from benchmarks.photo import benchmark_photo

        return benchmark_photo(options.model, options.megapixels, options.device, options.threads)
    if options.kind == "memory":
        from benchmarks.memory import benchmark_memory

        large = (options.megapixels, options.nearest_megapixels)
        return benchmark_memory(options.model, *large, options.pictures, options.threads)
    if options.kind == "app":
        from benchmarks.app import benchmark_app

        crowd = (options.users, options.side)
        return benchmark_app(options.model, *crowd, options.threads, options.jobs)
    from benchmarks.training import benchmark_training

    sizes = (options.batch_size, options.side)
    return benchmark_training(*sizes, options.precision, options.device, *given)


if __name__ == "__main__":
    sys.exit(main())
