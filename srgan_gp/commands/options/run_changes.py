"""`run_changes`: options of a training run in `--set NAME=VALUE`, for `srgan-gp finetune`."""

import argparse
import dataclasses
import difflib
import re
from collections.abc import Iterable
from typing import Any, get_args

from srgan_gp.errors import UsageError
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.option_fields import add_options as add_config_options
from srgan_gp.training.options.task_options import OF_ONE_TASK, require_options_of_task


def run_changes(options: argparse.Namespace, task: str) -> dict[str, Any]:
    """Collect the options of `srgan-gp train` that replace those which `finetune` plans.

    They are typed in `--set`. The options --feature-weights, --device and --threads of `finetune`
    override values in `--set`. They have an effect in every task.

    Args:
        options: the parsed command line.
        task: task of the run, one of `cards.TASKS`.

    Returns:
        Values of fields of `TrainConfig`, by field.

    Raises:
        UsageError: there is no such option, it has no effect in the task, or a value is not valid.
    """
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    add_config_options(parser, TrainConfig)
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    changes: dict[str, Any] = {}
    typed_changes: list[str] = options.changes
    for change in typed_changes:
        name, _, text = change.partition("=")
        if name not in defaults or not text:
            similar = "" if name in defaults else _similar_option(name, defaults, task)
            hint = f" Did you mean {similar}?" if similar else ""
            raise UsageError(
                f"--set takes NAME=VALUE with an option of a run, not {change!r}.{hint} "
                "srgan-gp train --help lists the options."
            )
        changes[name] = _parse_value(parser, name, text, defaults[name])
    require_options_of_task(task, changes)
    for name in ("feature_weights", "device", "threads"):
        value = getattr(options, name)
        if value is not None:
            changes[name] = value
    return changes


def _similar_option(name: str, known: Iterable[str], task: str) -> str:
    """Return the known option that a wrong name probably means; "" if none is similar.

    An option that contains the wrong name as a whole word comes first, such as `total_images` for
    `images`. Else the option of the most similar spelling is returned. Options without effect in
    the task are not returned.
    """
    # `OF_ONE_TASK` has, by task, the options that have an effect in that task only.
    without_effect = {
        option for other, options in OF_ONE_TASK.items() if other != task for option in options
    }
    usable = [option for option in known if option not in without_effect]
    with_word = [option for option in usable if name in option.split("_")]
    if with_word:  # the most similar of them, however low its ratio is
        return difflib.get_close_matches(name, with_word, n=1, cutoff=0.0)[0]
    similar = difflib.get_close_matches(name, usable, n=1)
    return similar[0] if similar else ""


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
    # SystemExit: argparse exits at some errors, although `exit_on_error` is false.
    except (argparse.ArgumentError, SystemExit) as error:
        hint = _hint(name, text)
        raise UsageError(f"The option {name} does not take {text!r}.{hint}") from error
    return tuple(value) if isinstance(default, tuple) else value


def _hint(name: str, text: str) -> str:
    """Return a sentence about the numbers that an option of a run takes; "" for other options.

    Args:
        name: field of `TrainConfig`.
        text: a value that the option does not take. For `64k`, 64000 is suggested.
    """
    annotation = next(f.type for f in dataclasses.fields(TrainConfig) if f.name == name)
    kinds = {annotation, *get_args(annotation)}
    thousands = re.fullmatch(r"(\d+)([kKmM])", text)
    if int in kinds and thousands:
        number = int(thousands[1]) * (1000 if thousands[2] in "kK" else 1_000_000)
        return f" It takes a whole number, such as {number}."
    if int in kinds:
        return " It takes a whole number, such as 8."
    return " It takes a number, such as 0.5." if float in kinds else ""
