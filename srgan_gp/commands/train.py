"""`srgan-gp train`: trains a network on images, from random weights or from a model.

Each field of `TrainConfig` is an option of this verb. A preset sets the fields that the user does
not type.
"""

import argparse
import dataclasses
import json
import os
import warnings
from pathlib import Path
from typing import Any

from srgan_gp.commands.terminal import print_message, print_result
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import names_in
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.generator_args import RETIRED
from srgan_gp.training.options.option_fields import add_options as add_config_options
from srgan_gp.training.options.presets import PRESETS, replace_options, resolve
from srgan_gp.training.options.task_options import require_used_options

# Command line and purpose of each example in `--help`.
EXAMPLES = (
    (
        "srgan-gp train --data photos --validation val -o runs/classic",
        "Train the preset classic-x4 on a folder of photos.",
    ),
    (
        "srgan-gp train --preset photo-x4-cpu --start-from photo-x4-psnr.onnx --data photos.zip "
        "-o runs/photo",
        "Train with a WGAN-GP critic, from the weights of another model.",
    ),
    (
        "srgan-gp train --data photos --generator span --generator-args width=32 --dry-run",
        "Print the configuration of a run with another generator, and do not train.",
    ),
)
_GROUPS = {
    "task": "Network",
    "total_images": "Length and batches",
    "low_res": "Training data",
    "pixel_loss": "Losses",
    "adversarial_ratio": "Critic",
    "augment": "Augmentation of the critic's input",
    "optimizer": "Optimiser",
    "best_by": "Best checkpoint and early stopping",
    "device": "Machine",
    "report_images": "Reports and checkpoints",
}
"""Groups of the options in `--help`: title by the first field of `TrainConfig` in the group."""

# Help texts of the options; the default is in brackets.
_PRESET = "configuration to start from [classic-x4]"
_DATA = "folders or zip files of images; of a zip of `srgan-gp prepare` its folder train"
_VALIDATION = (
    "validation images [the folder val of a zip of `srgan-gp prepare`, or none]; of 400 faces or "
    "more every second is used"
)
_START_FROM = (
    "model to start from (.onnx or .safetensors); it also sets the generator, its arguments and "
    "the scale, and with a critic beside it the critic's options, where they are not given"
)
_DIAGNOSE = "name the problems of an earlier run from its log, and exit"
_PAIRS = "with --dry-run: write an image of the first training pairs"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb: its own, and one for each field of the configuration."""
    parser.description = (
        "Train a model on your own images. To resume a run, run the same command again. Lengths "
        "are counted in images. Every option of the configuration overrides the preset; the "
        "defaults shown are those without a preset."
    )
    add = parser.add_argument_group("Common options").add_argument
    add("--preset", default="classic-x4", choices=sorted(PRESETS), help=_PRESET)
    add("--data", nargs="+", metavar="PATH", help=_DATA)
    add("--validation", metavar="PATH", help=_VALIDATION)
    add("-o", "--output", type=Path, metavar="RUN", help="folder of the run")
    add("--start-from", type=Path, metavar="FILE", help=_START_FROM)
    # `_ConfigGroups` is no parser, but has the only method that `add_config_options` calls.
    add_config_options(_ConfigGroups(parser), TrainConfig)  # type: ignore[arg-type]
    add = parser.add_argument_group("Automation").add_argument
    add("--dry-run", action="store_true", help="print the configuration as JSON and exit")
    add("--pairs", type=Path, metavar="FILE", help=_PAIRS)
    add("--diagnose", type=Path, metavar="RUN", help=_DIAGNOSE)
    add = parser.add_argument_group("Deprecated").add_argument
    for name in RETIRED:  # options of version 0.1 that became generator arguments
        add(f"--{name}", default=argparse.SUPPRESS, metavar="VALUE",
            help=f"use --generator-args {name}=VALUE")  # fmt: skip


class _ConfigGroups:
    """Adds each option of the configuration to its group of the help, with its choices.

    `add_argument` is called for the fields of `TrainConfig` in their order.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser
        self._fields = {field.name: field for field in dataclasses.fields(TrainConfig)}
        self._group = parser

    def add_argument(self, option: str, **settings: Any) -> None:  # noqa: ANN401 - as argparse's
        """Add one option, as `ArgumentParser.add_argument` does."""
        name = option[2:].replace("-", "_")  # name of the field
        if name in _GROUPS:  # the first field of a group
            self._group = self._parser.add_argument_group(_GROUPS[name])
        choices = self._fields[name].metadata["choices"]
        if name in ("generator", "critic"):  # choices by the modules of a folder, not declared
            choices = names_in(f"srgan_gp.networks.{name}s")
        if choices:
            settings["choices"] = choices
        elif settings.get("type") in (int, float):
            settings["metavar"] = "N" if settings["type"] is int else "X"
        self._group.add_argument(option, **settings)


def run(options: argparse.Namespace) -> int:
    """Train, or resume the run in the output folder; or diagnose an earlier one; return 0."""
    if options.diagnose:
        from srgan_gp.training.critic.run_diagnosis import diagnose_run

        print_result("\n".join(diagnose_run(options.diagnose)))
        return 0
    if not options.data:
        raise UsageError("A run needs images to train on; pass --data PATH.")
    field_names = {field.name for field in dataclasses.fields(TrainConfig)}
    # Options that the user did not type have no attribute.
    typed = {name: value for name, value in vars(options).items() if name in field_names}
    config = _make_config(options, typed | _read_retired(options, typed))
    require_used_options(config, typed, options.output)
    if options.pairs and not options.dry_run:
        raise UsageError("--pairs needs --dry-run; pass both.")
    if options.pairs and config.task == FACES:
        raise UsageError("A run of faces has no pairs to draw; drop --pairs.")
    if options.dry_run:
        if options.pairs:
            from srgan_gp.data.validation_split import find_places
            from srgan_gp.training.reports.pairs_sheet import write_pairs

            write_pairs(config, find_places(options.data).train, options.pairs)
        print_result(json.dumps(dataclasses.asdict(config), indent=2))
        return 0
    if options.output is None:
        raise UsageError("A run needs an output folder; pass -o RUN.")
    return _train(config, options)


def _train(config: TrainConfig, options: argparse.Namespace) -> int:
    """Train, print the folder of the run and the command to type next, and return 0.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed before the training loop; a message was printed.
        Stopped: Ctrl-C was pressed in the loop, which has saved the run and printed a message.
    """
    is_first = os.environ.get("RANK", "0") == "0"  # the first process of torchrun
    try:  # Also of the imports: that of PyTorch takes seconds, in which Ctrl-C may be pressed.
        from srgan_gp.exporting.next_commands import next_command_for_run
        from srgan_gp.training.loop import train
        from srgan_gp.training.run_data import find_images

        images = find_images(options.data, options.validation, options.output)
        if is_first:
            print_message(images.summary)
        run_dir = train(
            config,
            images.train,
            options.output,
            validation=images.validation,
            start_from=options.start_from,
        )
    except KeyboardInterrupt:
        from srgan_gp.training.run_data import interrupted_message

        if is_first:
            print_message(interrupted_message(options.output))
        raise
    if is_first:
        print_result(str(run_dir))
        print_message(next_command_for_run(run_dir))
    return 0


def _make_config(options: argparse.Namespace, typed: dict[str, Any]) -> TrainConfig:
    """Combine a preset, the networks of the model to start from, and the typed options.

    Typed options override those of the model, and both override the preset.

    Args:
        options: all options of the verb.
        typed: values that the user typed, by field of `TrainConfig`.

    Raises:
        UsageError: the model is for another task, or an option is out of range.
    """
    preset = resolve(options.preset, {})  # without options: the typed ones come last, below
    if options.start_from is None:
        return replace_options(preset, typed)
    # Imported here, so that `--help` does not import numpy.
    from srgan_gp.finetuning.start_options import read_critic_options, read_generator_options

    # If the file is missing, the options of an earlier run in the output folder are read.
    generator_options = read_generator_options(options.start_from, options.output)
    task = typed.get("task", preset.task)
    model_task = generator_options.get("task", task)
    if model_task != task:
        raise UsageError(
            f"{options.start_from} is a model for {model_task}, and this would be a run for "
            f"{task}; choose another model or preset."
        )
    config = replace_options(replace_options(preset, generator_options), typed)
    scale = generator_options.get("scale", config.scale)
    if scale > config.scale and scale % config.scale == 0:
        print_message(
            f"{options.start_from} enlarges x{scale}, this run x{config.scale}: its last layer "
            "starts with the means of that model's."
        )
    if not config.has_critic:
        return config
    critic_options = read_critic_options(options.start_from, options.output)
    # The options of one critic do not fit another critic.
    if critic_options.get("critic") != config.critic:
        return config
    return replace_options(config, critic_options | typed)


def _read_retired(options: argparse.Namespace, typed: dict[str, Any]) -> dict[str, Any]:
    """Convert options of version 0.1 to `generator_args`, with a warning.

    Args:
        options: all options of the verb.
        typed: values that the user typed, by field of `TrainConfig`.

    Returns:
        `generator_args`: the converted options, then the typed arguments; empty without the former.
    """
    retired = {name: value for name, value in vars(options).items() if name in RETIRED}
    if not retired:
        return {}
    args = [f"{name}={value}" for name, value in retired.items()]
    warnings.warn(
        f"{', '.join(f'--{name}' for name in retired)} will be removed in the next version; write "
        f"--generator-args {' '.join(args)}.",
        FutureWarning,
        stacklevel=2,
    )
    return {"generator_args": [*args, *typed.get("generator_args", ())]}
