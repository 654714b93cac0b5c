"""`srgan-gp export`: a training run becomes a model that `upscale` or `generate` takes."""

import argparse
from pathlib import Path

from srgan_gp.terminal import tell


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="folder of a training run")
    parser.add_argument("--name", required=True, help="the model's name")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR",
        help="folder for the files of the model [the current one]",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Write the ONNX file, a critic and the card; print the card's path."""
    from srgan_gp.training.export import export

    tell(str(export(options.run_dir, options.name, options.output)))
    return 0
