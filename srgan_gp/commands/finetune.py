"""`srgan-gp finetune`: adapts a model to the user's own images."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from srgan_gp.commands import option_types as types
from srgan_gp.commands.terminal import say, tell
from srgan_gp.errors import UsageError
from srgan_gp.system.signals import end_with_input
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.option_fields import add_options as add_config_options


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.description = (
        "Fine-tune a model on your own pictures: 100 to 1,000 of them, some held out to score on. "
        "Ends with a table before/after and says whether it is better. To resume, type the same "
        "command again."
    )
    parser.add_argument(
        "--from", dest="model", required=True, metavar="MODEL",
        help="a model's name, or the path of its .onnx (of an older one: .safetensors)",
    )  # fmt: skip
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="PATH",
        help="folders or zip files of pictures; a zip of `srgan-gp prepare`",
    )  # fmt: skip
    parser.add_argument(
        "--held-out", metavar="PATH",
        help="pictures to score on [the folder val of the data, or a fifth of it by file hash]",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, metavar="RUN", help="folder of the run [runs/MODEL-finetuned]"
    )
    parser.add_argument(
        "--name", help="install the result under this name in your models folder, if it is better"
    )
    parser.add_argument(
        "--feature-weights", metavar="FILE",
        help="SqueezeNet 1.1 (.safetensors) for squeeze distances [torchvision's]",
    )  # fmt: skip
    parser.add_argument("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N [auto]")
    parser.add_argument(
        "--threads", type=types.count, metavar="N", help="CPU threads [torch's own choice]"
    )
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", dest="changes",
        help="instead of the plan: any option of srgan-gp train, such as total_images=8000",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument(
        "--end-with-input", action="store_true",
        help="end, and save, when the standard input is closed: for a program that starts this "
        "command, which then does not outlive it",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Fine-tune, compare, print the verdict and install what is better."""
    from srgan_gp.finetuning.finetune import finetune
    from srgan_gp.finetuning.finetune_verdict import table
    from srgan_gp.finetuning.install import install, require_free_name

    if options.end_with_input:
        end_with_input()
    if options.name:
        require_free_name(options.name)
    output = options.output or Path("runs") / f"{Path(options.model).stem}-finetuned"
    outcome = finetune(
        options.model,
        options.data,
        output,
        validation=options.held_out,
        changes=_changes(options),
        say=say,
    )
    verdict = outcome.verdict
    installed = (
        install(outcome, options.model, options.name)
        if options.name and verdict.is_better
        else None
    )
    if options.json:
        found = outcome.as_dict() | {"installed": str(installed) if installed else None}
        tell(json.dumps(found, indent=2))
        return 0
    for line in table(verdict.rows):
        tell(line)
    if outcome.ended_because:
        tell(outcome.ended_because)
    tell(f"It is {'better' if verdict.is_better else 'not better'}: {'; '.join(verdict.reasons)}.")
    if installed:
        tell(f"Installed as {options.name}: {installed}")
    elif options.name:
        tell(f"Not installed; `srgan-gp export {output} --name {options.name}` exports it anyway.")
    return 0


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """Read what somebody wants otherwise, as `srgan-gp train` would read it.

    Raises:
        UsageError: there is no such option, or it does not take the value.
    """
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    add_config_options(parser, TrainConfig)
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    changes: dict[str, Any] = {}
    for change in options.changes:
        name, _, text = change.partition("=")
        is_several = isinstance(defaults.get(name), tuple)
        if name not in defaults or not text:
            raise UsageError(f"--set takes NAME=VALUE with an option of a run, not {change!r}.")
        words = [f"--{name.replace('_', '-')}", *(text.split(",") if is_several else [text])]
        if isinstance(defaults[name], bool):
            if text.lower() not in ("true", "false"):
                raise UsageError(f"The option {name} takes true or false, not {text!r}.")
            words = [words[0] if text.lower() == "true" else f"--no-{words[0][2:]}"]
        try:
            value = getattr(parser.parse_args(words), name)
        except (argparse.ArgumentError, SystemExit) as error:
            raise UsageError(f"The option {name} does not take {text!r}.") from error
        changes[name] = tuple(value) if is_several else value
    named = {key: getattr(options, key) for key in ("feature_weights", "device", "threads")}
    return changes | {key: value for key, value in named.items() if value is not None}
