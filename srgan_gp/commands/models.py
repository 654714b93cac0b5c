"""`srgan-gp models`: what can be passed to `--model`."""

import argparse
import json
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING

from srgan_gp.errors import PictureError
from srgan_gp.terminal import say, shown, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from srgan_gp.cards import ModelCard


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(options: argparse.Namespace) -> int:
    """Print one paragraph a model: what it does, licence, size, fidelity partner, scores.

    Returns 0, or 3 where a model cannot be used; the others are listed all the same.
    """
    from srgan_gp.catalog import list_models

    refused: list[str] = []
    cards = list_models(on_refused=lambda error: refused.append(str(error)))
    if options.json:
        tell(json.dumps({"models": [asdict(card) for card in cards], "refused": refused}, indent=2))
    else:
        for line in chain.from_iterable(map(_lines, cards)):
            tell(shown(line))
    for sentence in refused:
        say(f"srgan-gp: error: {sentence}")
    return PictureError.exit_code if refused else 0


def _lines(card: "ModelCard") -> "Iterator[str]":
    from srgan_gp.cards import headline

    megabytes = card.files["onnx"].bytes / 1e6
    size = f"x{card.scale}" if card.scale else f"{card.image_size} x {card.image_size}"
    yield f"{card.name}: {card.summary}"
    yield f"  {card.task} {size}, {megabytes:.1f} MB, licence {card.licence}"
    if card.fidelity_partner:
        yield f"  fidelity: 0 is {card.name}, 1 is {card.fidelity_partner}"
    shown_first = headline(card)
    for score in (*shown_first, *(s for s in card.scores if s not in shown_first)):
        yield f"  {score.set}: {score.metric} {score.value} ({score.protocol})"
    for limit in card.limits:
        yield f"  limit: {limit}"
