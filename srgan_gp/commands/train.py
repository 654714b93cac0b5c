"""`srgan-gp train`: a network from pictures, or from an earlier model."""

import argparse
import dataclasses
import json
from pathlib import Path

from srgan_gp.cards import FACES
from srgan_gp.errors import UsageError
from srgan_gp.terminal import tell
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.options import add_options as add_config_options
from srgan_gp.training.presets import PRESETS, resolve


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb: its own, and one for each field of the configuration."""
    parser.description = (
        "Train a model on your own pictures. To resume a run, type the same command again."
    )
    parser.add_argument(
        "--preset", default="classic-x4", choices=sorted(PRESETS), help="values to start from"
    )
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="PATH",
        help="folders of pictures, or zip files of them",
    )  # fmt: skip
    parser.add_argument(
        "--validation", metavar="PATH",
        help="a folder or zip to score on; of 400 faces or more every second one is used",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--start-from", type=Path, metavar="FILE", help="weights to start from (.safetensors)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the configuration as JSON and stop"
    )
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE",
        help="with --dry-run: draw the first training pairs, to look at",
    )  # fmt: skip
    group = parser.add_argument_group("configuration (each overrides the preset)")
    add_config_options(group, TrainConfig)  # type: ignore[arg-type]


def run(options: argparse.Namespace) -> int:
    """Train, or continue the run that lies in the output folder."""
    fields = {f.name for f in dataclasses.fields(TrainConfig)}
    config = resolve(options.preset, {k: v for k, v in vars(options).items() if k in fields})
    if options.pairs and not options.dry_run:
        raise UsageError("--pairs draws what a run would see; it goes with --dry-run.")
    if options.pairs and config.task == FACES:
        raise UsageError("A run of faces has no pairs to draw; leave out --pairs.")
    if options.dry_run:
        if options.pairs:
            from srgan_gp.training.pairs import write_pairs

            write_pairs(config, options.data, options.pairs)
        tell(json.dumps(dataclasses.asdict(config), indent=2))
        return 0
    if options.output is None:
        raise UsageError("A run needs a folder: pass -o RUN.")
    from srgan_gp.training.loop import train

    final = train(
        config,
        options.data,
        options.output,
        validation=options.validation,
        start_from=options.start_from,
    )
    tell(str(final))
    return 0
