"""`srgan-gp finetune`: a model made better for somebody's own pictures, or told that it is not."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any, cast

from srgan_gp.terminal import say, tell
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.options import add_options as add_config_options


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb; those of the configuration stay out of the help text."""
    parser.description = (
        "Fine-tune a model on your own pictures: 100 to 1,000 of them, some held out to score on. "
        "Ends with a table before/after and says whether it is better. To resume, type the same "
        "command again. Each configuration option of `srgan-gp train` overrides the plan."
    )
    parser.add_argument(
        "--from", dest="model", required=True, metavar="MODEL",
        help="a model's name, or the path of its .safetensors or .onnx",
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
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    hidden = argparse.ArgumentParser(add_help=False)
    add_config_options(hidden, TrainConfig)
    for action in hidden._actions:
        action.help = argparse.SUPPRESS
        parser._add_action(action)


def run(options: argparse.Namespace) -> int:
    """Fine-tune, compare, print the verdict and install what is better."""
    from srgan_gp.training.finetune import finetune
    from srgan_gp.training.finetune_verdict import table
    from srgan_gp.training.install import install, require_free_name

    if options.name:
        require_free_name(options.name)
    output = options.output or Path("runs") / f"{Path(options.model).stem}-finetuned"
    outcome = finetune(
        options.model,
        options.data,
        output,
        held_out=options.held_out,
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
    """Pick the options of the configuration that were typed."""
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    typed = {key: value for key, value in vars(options).items() if key in fields}
    return {
        key: tuple(cast(list[Any], v)) if isinstance(v, list) else v for key, v in typed.items()
    }
