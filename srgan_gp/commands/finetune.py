"""`srgan-gp finetune`: adapts a model to the user's own images.

Heavy modules are imported inside functions, so that `--help` is fast.
"""

import argparse
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.options.run_changes import run_changes
from srgan_gp.commands.terminal import print_message, print_result, stage_progress
from srgan_gp.errors import UsageError
from srgan_gp.models.new_names import EXIST, EXIST_ERROR, EXIST_HELP
from srgan_gp.system.paths import is_file, is_folder
from srgan_gp.system.signals import stop_when_input_closes

if TYPE_CHECKING:
    from srgan_gp.data.validation_split import FoundSets

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
_MODEL = "name of a model, or path of its .onnx (of a model of version 0.1: its .safetensors)"
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
        "model is better. The scores of a face model are means over 4 sets of faces of truncation "
        "1; with up to 1,000 validation images a `srgan-gp evaluate` that measures the same is "
        "printed. To resume, run the same command again."
    )
    add = parser.add_argument_group("Common options").add_argument
    add("--from", dest="model", required=True, metavar="MODEL", help=_MODEL)
    add("--data", nargs="+", required=True, metavar="PATH", help=_DATA)
    add("--validation", metavar="PATH", help=_VALIDATION)
    add("-o", "--output", type=Path, metavar="RUN", help="run folder [runs/MODEL-finetuned]")
    add("--name", help="if the result is better, install it under this name in your models folder")
    add("--exist", choices=EXIST, default=EXIST_ERROR, help=EXIST_HELP)
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


def run(options: argparse.Namespace) -> int:
    """Fine-tune, compare, print the result and install a better model; return 0 in any case."""
    output = options.output or Path("runs") / f"{Path(options.model).stem}-finetuned"
    if options.end_with_input:
        stop_when_input_closes()
    with _message_about_interruption(output):
        return _run(options, output)


def _run(options: argparse.Namespace, output: Path) -> int:
    """Do what `run` does, with `output` as the folder of the run."""
    # `found`: the images of --data and --validation. `changes`: the options that replace planned
    # ones, among them --feature-weights, --device and --threads.
    changes, found = _check(options, output)
    # Imported after the checks, since importing torch takes seconds.
    from srgan_gp.exporting.next_commands import next_command_for_model, next_command_for_run
    from srgan_gp.finetuning.finetune import finetune
    from srgan_gp.finetuning.finetune_source import find_source
    from srgan_gp.finetuning.finetune_verdict import table
    from srgan_gp.finetuning.install import install, save_run_card
    from srgan_gp.finetuning.score_notes import score_notes

    with stage_progress() as on_stage:
        outcome = finetune(
            options.model,
            options.data,
            output,
            validation=options.validation,
            found=found,
            changes=changes,
            say=print_message,
            on_stage=on_stage,
        )
    verdict = outcome.verdict  # comparison of the scores before and after
    save_run_card(outcome, options.model)  # for a later export, whatever the verdict
    installed = None
    if options.name and verdict.is_better:
        installed = install(
            outcome, options.model, options.name, print_message, exist=options.exist
        )
    if options.json:
        result = outcome.as_dict() | {"installed": str(installed) if installed else None}
        print_result(json.dumps(result, indent=2))
        return 0
    for line in table(verdict.rows):
        print_result(line)
    evaluated = options.name if installed else options.model
    for note in score_notes(outcome, evaluated, changes):
        print_message(note)
    if outcome.ended_because:  # why the training ended early
        print_result(outcome.ended_because)
    comparison = "better" if verdict.is_better else "not better"
    print_result(f"It is {comparison}: {'; '.join(verdict.reasons)}.")
    if installed:
        print_result(f"Installed as {options.name}: {installed}")
        print_message(next_command_for_model(find_source(options.model).task, options.name))
    else:
        reason = "no --name was given" if verdict.is_better else "it is not better"
        print_result(f"Not installed, because {reason}.")
        # 0 training images: the best state is the model that the run started from.
        if not outcome.best_images_seen:
            print_message("The best state is that before training: nothing would change.")
            return 0
        next_command = next_command_for_run(output, options.name, options.exist)
        if not verdict.is_better:
            next_command = next_command.replace("Next:", "To install it all the same:", 1)
        print_message(next_command)
    return 0


def _check(options: argparse.Namespace, output: Path) -> tuple[dict[str, Any], "FoundSets"]:
    """Check name, model, `--set`, the places and numbers of the images, and a run to resume.

    Args:
        options: the parsed command line.
        output: folder of the run.

    Returns:
        The options of `srgan-gp train` that replace planned ones, and the images of both sets.

    Raises:
        UsageError: the name, an option or a place cannot be used, or there are too few images.
        ModelRefusedError: there is no such model, or it cannot be used.
    """
    from srgan_gp.data.validation_split import find_sets
    from srgan_gp.exporting.run_record import is_of_run
    from srgan_gp.finetuning.finetune_source import find_source
    from srgan_gp.finetuning.first_checks import require_possible_run
    from srgan_gp.models.catalog import model_folders
    from srgan_gp.models.new_names import check_name, require_free_name
    from srgan_gp.models.written_card import read_written_card

    if options.name:
        user_folder = model_folders()[-1]  # the last one is the user's
        check_name(options.name, user_folder)  # before it becomes part of a path
        card = read_written_card(user_folder / f"{options.name}.toml")
        # True if an earlier call has installed this run under the name: then it may be replaced.
        is_same_source = is_of_run(card, output)
        # A name that is not free is refused now, not after the training. The message that this
        # returns, about a model that will be replaced, is printed by `install`.
        require_free_name(options.name, exist=options.exist, is_same_source=is_same_source)
    weights = options.feature_weights
    # For "none" the training decides whether it needs the network.
    if weights not in (None, "none") and not is_file(Path(weights)):
        raise UsageError(f"--feature-weights {weights} is not a file.")
    if os.path.lexists(output) and not is_folder(output):
        raise UsageError(f"The run needs a folder, and {output} is a file; pass another -o.")
    source = find_source(options.model)
    changes = run_changes(options, source.task)
    found = find_sets(options.data, options.validation)  # raises if a place has no image
    require_possible_run(source, found, output, changes)
    return changes, found


@contextmanager
def _message_about_interruption(run_dir: Path) -> Generator[None]:
    """Print what is saved if Ctrl-C ends the `with` block, also during the first checks.

    A signal that stops the training between two steps raises `Stopped` instead, and the training
    prints the message.
    """
    try:
        yield
    except KeyboardInterrupt:
        from srgan_gp.training.run_data import interrupted_message

        print_message(interrupted_message(run_dir))
        raise
