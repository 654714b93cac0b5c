"""`srgan-gp models`: lists the models that can be passed to `--model`."""

import argparse
import json
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING

from srgan_gp.commands.terminal import print_message, print_result, printable
from srgan_gp.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from srgan_gp.models.cards import ModelCard

EXAMPLES = (
    ("srgan-gp models", "List every model with its task, size, licence and scores."),
    ("srgan-gp models --json", "Print the model cards as JSON."),
    (
        "SRGAN_GP_MODELS=/srv/models srgan-gp models",
        "List the models of another folder as well; the default is ~/.local/share/srgan-gp/models.",
    ),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    group = parser.add_argument_group("Automation")
    group.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(options: argparse.Namespace) -> int:
    """Print a paragraph for each model: summary, task, size, licence, fidelity partner, scores.

    Returns:
        0, or 3 where a model cannot be used; the others are listed.
    """
    from srgan_gp.models.catalog import list_models

    refused: list[str] = []
    cards = list_models(on_refused=lambda error: refused.append(str(error)))
    if options.json:
        print_result(
            json.dumps({"models": [asdict(card) for card in cards], "refused": refused}, indent=2)
        )
    else:
        for line in chain.from_iterable(map(_lines, cards)):
            print_result(printable(line))
    for message in refused:
        print_message(f"srgan-gp: error: {message}")
    return PictureError.exit_code if refused else 0


def _lines(card: "ModelCard") -> "Iterator[str]":
    from srgan_gp.models.cards import headline

    megabytes = card.files["onnx"].bytes / 1e6
    size = f"x{card.scale}" if card.scale else f"{card.image_size} x {card.image_size}"
    yield f"{card.name}: {card.summary}"
    yield f"  {card.task} {size}, {megabytes:.1f} MB, licence {card.licence}"
    if card.fidelity_partner:
        yield f"  fidelity: 0 is {card.name}, 1 is {card.fidelity_partner}"
    first_scores = headline(card)
    for score in (*first_scores, *(s for s in card.scores if s not in first_scores)):
        yield f"  {score.set}: {score.metric} {score.value} ({score.protocol})"
    for limit in card.limits:
        yield f"  limit: {limit}"
