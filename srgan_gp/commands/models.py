"""`srgan-gp models`: lists the models for `--model`, shows, verifies and removes them.

The description of a model, with its scores and the hashes of its files, is its card
(`models.cards.ModelCard`).
"""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from srgan_gp.commands.terminal import print_message, print_result, printable
from srgan_gp.errors import PictureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from srgan_gp.models.cards import ModelCard

# Command line and purpose of each example in `--help`.
EXAMPLES = (
    ("srgan-gp models", "List every model with its scale, size and purpose."),
    ("srgan-gp models photo-x4 --scores", "Show the card of one model with all its scores."),
    ("srgan-gp models verify", "Compare the files of all models with the hashes on their cards."),
)

# Help texts of the options; the default is in brackets.
_NAME = (
    "show the card of this model; verify: compare all files with their hashes; remove NAME: remove "
    "a model of yours [list all models]"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument_group("Common options").add_argument
    add("name", nargs="?", metavar="NAME|verify|remove", help=_NAME)
    add("removed", nargs="?", metavar="NAME", help="with remove: the model to remove")
    add("--scores", action="store_true", help="print all scores, with their protocols")
    group = parser.add_argument_group("Automation")
    group.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(options: argparse.Namespace) -> int:
    """Print a list of the models or one card, verify the files, or remove a model.

    Returns:
        0, or 3 if a model cannot be used or a file is damaged; all other models are listed.
    """
    from srgan_gp.models.catalog import list_models, unknown_model

    if options.name == "remove":
        return _remove(options)
    if options.removed is not None:
        raise UsageError(
            f"models takes one name, not {options.name!r} and {options.removed!r}. To show a "
            f"model: srgan-gp models {options.removed}. To remove one: srgan-gp models remove "
            f"{options.removed}."
        )
    is_verification = options.name == "verify"
    if is_verification and (options.scores or options.json):
        raise UsageError("models verify goes neither with --scores nor with --json.")
    problems: list[str] = []  # messages about models that cannot be used
    cards = list_models(on_refused=lambda error: problems.append(str(error)))
    if options.name is not None and not is_verification:
        cards = [card for card in cards if card.name == options.name]
        # A message about a model names its card, NAME.toml, or another file such as NAME.onnx.
        problems = [message for message in problems if f"{options.name}." in message]
        if not cards and not problems:
            if options.name in ("list", "ls", "all"):
                raise UsageError("To list the models: srgan-gp models, without a name.")
            raise unknown_model(options.name)
    if is_verification:
        problems += _verify(cards)
    elif options.json:
        models = [asdict(card) for card in cards]
        print_result(json.dumps({"models": models, "refused": problems}, indent=2))
    else:
        for line in _card_lines(
            cards, is_whole=options.name is not None, has_scores=options.scores
        ):
            print_result(printable(line))
    for message in problems:
        print_message(f"srgan-gp: error: {message}")
    if not options.name and not options.json and not problems:
        print_message("srgan-gp models NAME shows the card of a model.")
    # Code 3, finished with failures: the other models were listed. 8 is for a single refused model.
    return PictureError.exit_code if problems else 0


def _remove(options: argparse.Namespace) -> int:
    """Remove a model of the user, and print its files; return 0."""
    from srgan_gp.models.removal import remove_model

    if options.removed is None or options.scores or options.json:
        raise UsageError("To remove a model: srgan-gp models remove NAME, without other options.")
    for path in remove_model(options.removed):
        print_result(printable(f"removed {path}"))
    return 0


def _verify(cards: "Sequence[ModelCard]") -> list[str]:
    """Print a line for each model whose files are intact; return the messages of the others."""
    from srgan_gp.models.catalog import damaged_files

    messages: list[str] = []
    for card in cards:
        messages_about_model = damaged_files(card)
        messages += messages_about_model
        if not messages_about_model:
            names = ", ".join(file.name for file in card.files.values())
            print_result(printable(f"{card.name}: {names} as on the card"))
    return messages


def _card_lines(
    cards: "Sequence[ModelCard]", *, is_whole: bool, has_scores: bool
) -> "Iterator[str]":
    """Yield two lines for each model, or with `is_whole` its card; with `has_scores` all scores."""
    for card in cards:
        yield from _summary(card)
        if is_whole:
            yield from _details(card)
        if has_scores:
            yield from _scores(card)
        elif is_whole:
            yield from _first_scores(card)


def _summary(card: "ModelCard") -> "Iterator[str]":
    """Yield name, scale or side, size and purpose: the two lines of a model in the list."""
    from srgan_gp.models.catalog import DEFAULT_MODELS

    size = f"x{card.scale}" if card.scale else f"{card.image_size} x {card.image_size}"
    default = ", default" if card.name in DEFAULT_MODELS.values() else ""
    yield f"{card.name}: {card.task} {size}, {card.files['onnx'].bytes / 1e6:.1f} MB{default}"
    yield f"  {card.summary}"


def _details(card: "ModelCard") -> "Iterator[str]":
    """Yield the parts of a card apart from the summary and the scores."""
    from srgan_gp.models.cards import FACES

    for limit in card.limits:
        yield f"  limit: {limit}"
    yield f"  version {card.version}, licence {card.licence}"
    recipe = f", trained by {card.recipe}" if card.imported is None else ""
    yield f"  network: {card.architecture}{recipe}"
    if card.imported is not None:
        for line in card.imported.lines:
            yield f"  {line}"
    if card.int8:
        yield f"  fast mode: {card.int8.line}"
    if card.task == FACES:
        truncation = 1 if card.truncation is None else card.truncation
        yield f"  default truncation (--trunc): {truncation:g}"
    if card.fidelity_partner:
        yield f"  fidelity: 0 is {card.name}, 1 is {card.fidelity_partner}"
    if card.x2_model:
        yield f"  model for scales up to 2: {card.x2_model}"
    for source in card.data:
        yield f"  training data: {source.what} Licence: {source.licence}"


def _first_scores(card: "ModelCard") -> "Iterator[str]":
    """Yield one score of each main metric, as `headline` chooses them, and how to show all."""
    from srgan_gp.models.cards import headline

    for score in headline(card):
        yield f"  {score.set}: {score.metric} {score.value}"
    if card.scores:
        yield f"  {len(card.scores)} scores: srgan-gp models {card.name} --scores"


def _scores(card: "ModelCard") -> "Iterator[str]":
    """Yield all scores with their protocols; the scores of `_first_scores` come first."""
    from srgan_gp.models.cards import headline

    first = headline(card)
    others = [score for score in card.scores if score not in first]
    for score in (*first, *others):
        yield f"  {score.set}: {score.metric} {score.value} ({score.protocol})"
