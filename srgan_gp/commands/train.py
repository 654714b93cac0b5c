"""`srgan-gp train`: a network from pictures, or from an earlier model."""

import argparse
import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

from srgan_gp.cards import FACES
from srgan_gp.errors import UsageError
from srgan_gp.paths import is_file
from srgan_gp.terminal import tell
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.generator_args import GENERATOR_OPTIONS, RETIRED
from srgan_gp.training.options import add_options as add_config_options
from srgan_gp.training.presets import PRESETS, resolve, with_options


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
        "--start-from", type=Path, metavar="FILE",
        help="model to start from (.onnx or .safetensors), which also sets generator, "
        "generator_args and scale where they are not given",
    )  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true", help="print the configuration as JSON and stop"
    )
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE",
        help="with --dry-run: draw the first training pairs, to look at",
    )  # fmt: skip
    group = parser.add_argument_group("configuration (each overrides the preset)")
    add_config_options(group, TrainConfig)  # type: ignore[arg-type]
    for name in RETIRED:
        parser.add_argument(
            f"--{name}", default=argparse.SUPPRESS, metavar="VALUE",
            help=f"deprecated: --generator-args {name}=VALUE",
        )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Train, or continue the run that lies in the output folder."""
    fields = {f.name for f in dataclasses.fields(TrainConfig)}
    chosen = {k: v for k, v in vars(options).items() if k in fields}
    config = _resolve(options, chosen | _read_retired(options, chosen))
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


def _resolve(options: argparse.Namespace, chosen: dict[str, Any]) -> TrainConfig:
    """Combine a preset, the generator of the model to start from, and what was typed.

    Raises:
        UsageError: the model is for another task, or an option is out of range.
    """
    preset = resolve(options.preset, {})
    of_model = _read_generator(options.start_from, options.output) if options.start_from else {}
    task = chosen.get("task", preset.task)
    if of_model.get("task", task) != task:
        raise UsageError(
            f"{options.start_from} is a model for {of_model['task']}, and this would be a run for "
            f"{task}; choose another model or preset."
        )
    return with_options(with_options(preset, of_model), chosen)


def _read_generator(start_from: Path, run_dir: Path | None) -> dict[str, Any]:
    """Read which options build the generator of a file; nothing where it does not say it.

    A run that is resumed does not need the file: its own options say the same.
    """
    # Imported here, so that help does not wait for numpy.
    from srgan_gp.training.finetune_source import generator_options
    from srgan_gp.training.weights_file import read_metadata

    if is_file(start_from):
        return generator_options(start_from) if read_metadata(start_from) else {}
    earlier = run_dir / "config.json" if run_dir else None
    if earlier is None or not is_file(earlier):
        return {}
    config = TrainConfig.load(earlier)
    return {name: getattr(config, name) for name in GENERATOR_OPTIONS}


def _read_retired(options: argparse.Namespace, chosen: dict[str, Any]) -> dict[str, Any]:
    """Turn options of the previous version into `generator_args`, with a warning."""
    typed = {name: value for name, value in vars(options).items() if name in RETIRED}
    if not typed:
        return {}
    args = [f"{name}={value}" for name, value in typed.items()]
    warnings.warn(
        f"{', '.join(f'--{name}' for name in typed)} will go in the next version; write "
        f"--generator-args {' '.join(args)}.",
        FutureWarning,
        stacklevel=2,
    )
    return {"generator_args": [*args, *chosen.get("generator_args", ())]}
