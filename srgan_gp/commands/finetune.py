"""`srgan-gp finetune`: adapts a model to the user's own images.

`verb_parser` calls `add_options`, then `run`. Heavy modules are imported inside functions, so that
`--help` is fast.
"""

import argparse
import dataclasses
import difflib
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.terminal import print_message, print_result, stage_progress
from srgan_gp.errors import UsageError
from srgan_gp.system.signals import end_with_input
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.option_fields import add_options as add_config_options

MODEL_TASKS = ("super-resolution", "face-generation")  # `--help` lists the models of these tasks
# Command line and purpose of each example in `--help`.
EXAMPLES = (
    (
        "srgan-gp finetune --from photo-x4 --data photos --name my-photos",
        "Adapt photo-x4 to a folder of photos; install the result if it scores better.",
    ),
    (
        "srgan-gp finetune --from photo-x4 --data photos --validation others -o runs/mine",
        "Score on images of another folder, and keep the run in runs/mine.",
    ),
    (
        "srgan-gp finetune --from faces-64 --data faces.zip --set total_images=50000",
        "Adapt a face model to a zip of `srgan-gp prepare`, with 50,000 training images.",
    ),
)

# Help texts of the options; the default is in brackets.
_MODEL = "name of a model, or path of its .onnx; of a model of an older version its .safetensors"
_DATA = "folders or zip files of images, or a zip of `srgan-gp prepare`"
_VALIDATION = "validation images [the folder val of the data, or a fifth of it, by file hash]"
_FEATURE_WEIGHTS = (
    "SqueezeNet 1.1 (.safetensors or .pth) for squeeze distances [that of `srgan-gp fetch "
    "feature-network`]"
)
_SET = "options of `srgan-gp train` that replace the planned ones, such as total_images=8000"
_END_WITH_INPUT = (
    "save and exit when the standard input is closed, so that the command does not outlive a "
    "program that started it"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.description = (
        "Fine-tune a model on 100 to 1,000 images of your own; a part of them is the validation "
        "set. The command ends with a table of the scores before and after, and says whether the "
        "model is better. To resume, run the same command again."
    )
    add = parser.add_argument_group("Common options").add_argument
    add("--from", dest="model", required=True, metavar="MODEL", help=_MODEL)
    add("--data", nargs="+", required=True, metavar="PATH", help=_DATA)
    add("--validation", metavar="PATH", help=_VALIDATION)
    add("-o", "--output", type=Path, metavar="RUN", help="run folder [runs/MODEL-finetuned]")
    add("--name", help="if the result is better, install it under this name in your models folder")
    add = parser.add_argument_group("Training").add_argument
    add("--feature-weights", metavar="FILE", help=_FEATURE_WEIGHTS)
    add("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", dest="changes",
        help=_SET)  # fmt: skip
    add = parser.add_argument_group("Speed").add_argument
    add("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N [auto]")
    add("--threads", type=types.count, metavar="N", help="CPU threads [torch's choice]")
    add = parser.add_argument_group("Automation").add_argument
    add("--json", action="store_true", help="print one JSON object on stdout")
    add("--end-with-input", action="store_true", help=_END_WITH_INPUT)


_DOWNSCALERS_NOTE = (
    "In brackets is how the images were made small: matlab: by the bicubic method of MATLAB; "
    "area-jpeg75: by the mean of areas, and saved as JPEG of quality 75."
)


def run(options: argparse.Namespace) -> int:
    """Fine-tune, compare, print the result and install a better model; return 0 in any case."""
    from srgan_gp.exporting.next_commands import after_model, after_run
    from srgan_gp.finetuning.finetune import finetune
    from srgan_gp.finetuning.finetune_source import find_source
    from srgan_gp.finetuning.finetune_verdict import table
    from srgan_gp.finetuning.install import install, save_texts
    from srgan_gp.models.new_names import require_free_name

    if options.end_with_input:
        end_with_input()
    if options.name:
        require_free_name(options.name)
    output = options.output or Path("runs") / f"{Path(options.model).stem}-finetuned"
    with _message_about_interruption(output), stage_progress() as on_stage:
        outcome = finetune(
            options.model,
            options.data,
            output,
            validation=options.validation,
            changes=_changes(options),
            say=print_message,
            on_stage=on_stage,
        )
    verdict = outcome.verdict
    save_texts(outcome, options.model)
    installed = None
    if options.name and verdict.is_better:
        installed = install(outcome, options.model, options.name, print_message)
    if options.json:
        result = outcome.as_dict() | {"installed": str(installed) if installed else None}
        print_result(json.dumps(result, indent=2))
        return 0
    for line in table(verdict.rows):
        print_result(line)
    if any(row.way for row in verdict.rows):  # the table names a way of downscaling
        print_message(_DOWNSCALERS_NOTE)
    if outcome.ended_because:
        print_result(outcome.ended_because)
    comparison = "better" if verdict.is_better else "not better"
    print_result(f"It is {comparison}: {'; '.join(verdict.reasons)}.")
    if installed:
        print_result(f"Installed as {options.name}: {installed}")
        print_message(after_model(find_source(options.model).task, options.name))
    else:
        reason = "no --name was given" if verdict.is_better else "it is not better"
        print_result(f"Not installed, because {reason}.")
        next_command = after_run(output, options.name)  # "Next: " and a command
        if not verdict.is_better:
            next_command = next_command.replace("Next:", "To install it all the same:", 1)
        print_message(next_command)
    return 0


@contextmanager
def _message_about_interruption(run_dir: Path) -> Generator[None]:
    """Print what is saved if Ctrl-C ends the `with` block.

    A signal that stops the training between two steps raises `Stopped` instead, and the training
    prints the message.
    """
    from srgan_gp.training.run_data import interrupted_message

    try:
        yield
    except KeyboardInterrupt:
        print_message(interrupted_message(run_dir))
        raise


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """Collect the options of `srgan-gp train` that replace the planned ones.

    They are those of `--set`, and --feature-weights, --device and --threads, which override them.

    Returns:
        Values of fields of `TrainConfig`, by field.

    Raises:
        UsageError: there is no such option, or a value is not valid.
    """
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    add_config_options(parser, TrainConfig)
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    changes: dict[str, Any] = {}
    typed_changes: list[str] = options.changes
    for change in typed_changes:
        name, _, text = change.partition("=")
        if name not in defaults or not text:
            similar = [] if name in defaults else difflib.get_close_matches(name, defaults, 1)
            hint = f" Did you mean {similar[0]}?" if similar else ""
            raise UsageError(
                f"--set takes NAME=VALUE with an option of a run, not {change!r}.{hint} "
                "srgan-gp train --help lists the options."
            )
        changes[name] = _parse_value(parser, name, text, defaults[name])
    for name in ("feature_weights", "device", "threads"):
        value = getattr(options, name)
        if value is not None:
            changes[name] = value
    return changes


def _parse_value(parser: argparse.ArgumentParser, name: str, text: str, default: object) -> object:
    """Parse the value of one option of `srgan-gp train`, as that command would.

    Args:
        parser: parser with all options of a run.
        name: field of `TrainConfig`.
        text: the value as the user typed it; several values are separated by commas.
        default: default of the field, which shows whether it is a tuple or a boolean.

    Raises:
        UsageError: the value is not valid.
    """
    option = name.replace("_", "-")
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise UsageError(f"The option {name} takes true or false, not {text!r}.")
        arguments = [f"--{option}" if text.lower() == "true" else f"--no-{option}"]
    elif isinstance(default, tuple):
        arguments = [f"--{option}", *text.split(",")]
    else:
        arguments = [f"--{option}", text]
    try:
        value = getattr(parser.parse_args(arguments), name)
    # argparse exits at some errors although `exit_on_error` is false.
    except (argparse.ArgumentError, SystemExit) as error:
        raise UsageError(f"The option {name} does not take {text!r}.") from error
    return tuple(value) if isinstance(default, tuple) else value
