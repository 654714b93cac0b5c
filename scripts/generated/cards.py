"""Tables of the shipped models, from their cards and the scores of bicubic upscaling.

A card (`ModelCard`) is the file NAME.toml of a model in `weights/`. A score on it has a metric, a
set of images, a value, and a protocol: a text that says how it was measured, such as "x4, low-res
by matlab, uint8 output, border 4".
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

from srgan_gp import ModelCard, list_models
from srgan_gp.models.cards import FACES, headline

_DOWNSCALER_TITLES = {
    "matlab": "MATLAB's bicubic",
    "cv2": "OpenCV's cubic",
    "area-jpeg75": "area, JPEG 75",
    "real": "blur, noise, JPEG 60",
}
"""Titles of the downscalers of `srgan-gp evaluate --low-res`, by its values."""
_DETAIL = re.compile(r"SqueezeNet|YuNet|mean over|\d+ (faces|against)")
"""Matches the parts of protocols that the tables omit: number of faces, averaging, and network."""
_BICUBIC = json.loads(Path(__file__).with_name("bicubic.json").read_text(encoding="utf-8"))
"""Output of `srgan-gp evaluate bicubic`: mean scores by set, downscaler and metric."""


def shipped_cards() -> list[ModelCard]:
    """Read the cards of the shipped models only, not those in the user's folder of models."""
    # A path that is not a folder takes the place of the user's folder.
    with patch.dict(os.environ, {"SRGAN_GP_MODELS": os.devnull}):
        return list_models()


def model_rows() -> Iterator[str]:
    """Yield a table of the upscalers: purpose, scale, size, and PSNR-Y as papers measure it."""
    yield "| model | purpose | scale | size | PSNR-Y in dB | licence |"
    yield "|---|---|---|---|---|---|"
    baseline = ", ".join(
        f"{set_name} {scores['matlab']['PSNR-Y']:.2f}" for set_name, scores in _BICUBIC.items()
    )
    purpose = "Not a model: the baseline, which `srgan-gp evaluate bicubic` scores."
    yield f"| bicubic | {purpose} | any | | {baseline} | |"
    for card in shipped_cards():
        if card.task == FACES:
            continue
        protocol_start = f"x{card.scale}, low-res by matlab"
        published = [
            score
            for score in card.scores
            if score.metric == "PSNR-Y" and score.protocol.startswith(protocol_start)
        ]
        scores = ", ".join(f"{score.set} {score.value:.2f}" for score in published)
        yield (
            f"| `{card.name}` | {card.summary} | x{card.scale} | {_megabytes(card)} "
            f"| {scores} | {card.licence} |"
        )


def face_rows() -> Iterator[str]:
    """Yield a table of the face generators: purpose, size, and the main scores."""
    yield "| model | purpose | pixels | size | scores | licence |"
    yield "|---|---|---|---|---|---|"
    for card in shipped_cards():
        if card.task == FACES:
            main_scores = [f"{score.metric} {score.value:.3g}" for score in headline(card)]
            scores = ", ".join(main_scores)
            yield (
                f"| `{card.name}` | {card.summary} | {card.image_size} x {card.image_size} "
                f"| {_megabytes(card)} | {scores} | {card.licence} |"
            )


def damage_rows() -> Iterator[str]:
    """Yield a table of PSNR-Y and squeeze distance on Set14, with a column per downscaler."""
    yield from _downscaler_table({"PSNR-Y": 2, "squeeze distance": 2})


def texture_rows() -> Iterator[str]:
    """Yield a table of pattern and grain on Set14, with a column per downscaler."""
    yield from _downscaler_table({"pattern": 3, "grain": 2})


def _downscaler_table(digits: Mapping[str, int]) -> Iterator[str]:
    """Yield a table with a row per upscaler and a column per downscaler.

    Args:
        digits: digits after the point by metric; a cell has the values of all metrics.
    """

    def format_cell(scores: Mapping[str, float]) -> str:
        if not digits.keys() <= scores.keys():
            return "-"
        return " / ".join(f"{scores[metric]:.{count}f}" for metric, count in digits.items())

    yield f"| model | {' | '.join(_DOWNSCALER_TITLES.values())} |"
    yield "|---" * (1 + len(_DOWNSCALER_TITLES)) + "|"
    cells = [format_cell(_BICUBIC["Set14"][low_res]) for low_res in _DOWNSCALER_TITLES]
    yield f"| bicubic | {' | '.join(cells)} |"
    for card in shipped_cards():
        cells = [format_cell(_scores_on_set14(card, low_res)) for low_res in _DOWNSCALER_TITLES]
        if any(cell != "-" for cell in cells):
            yield f"| `{card.name}` | {' | '.join(cells)} |"


def _scores_on_set14(card: ModelCard, low_res: str) -> dict[str, float]:
    """Return the scores of scale 4 on Set14, downscaled by `low_res`, by metric."""
    start = f"x4, low-res by {low_res},"
    return {
        score.metric: score.value
        for score in card.scores
        if score.set == "Set14" and score.protocol.startswith(start)
    }


def card_sections() -> Iterator[str]:
    """Yield a section per model: the properties, limits, training data and scores of its card."""
    for card in shipped_cards():
        size = f"x{card.scale}" if card.scale else f"{card.image_size} x {card.image_size} pixels"
        partner = f"`{card.fidelity_partner}`" if card.fidelity_partner else "none"
        arguments = ", ".join(f"{name} {value}" for name, value in card.arguments.items())
        facts = {
            "task": f"{card.task}, {size}",
            "network": f"`{card.architecture}` ({arguments})" if arguments else card.architecture,
            "size": _megabytes(card),
            "licence of the weights": card.licence,
            "fidelity partner": partner,
            "model for scales up to 2": f"`{card.x2_model}`" if card.x2_model else "none",
            "recipe": f"`{card.recipe}`",
            "SHA-256": f"`{card.files['onnx'].sha256[:16]}...`",
        }
        yield from (
            "",
            f"## {card.name}",
            "",
            card.summary,
            "",
            "| property | value |",
            "|---|---|",
        )
        yield from (f"| {name} | {value} |" for name, value in facts.items())
        yield from ("", "Limits:", "")
        yield from (f"- {limit}" for limit in card.limits)
        yield from ("", "Training data:", "")
        for source in card.data:
            yield f"- {source.what}. Licence: {source.licence}. By {source.attribution}."
        if card.scores:
            yield from ("", "Scores:", "")
            yield from _score_rows(card)
    yield ""


def _score_rows(card: ModelCard) -> Iterator[str]:
    """Yield a table of all scores of a card: a column per metric, a row per set and condition."""
    metrics = list(dict.fromkeys(score.metric for score in card.scores))
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for score in card.scores:
        rows.setdefault((score.set, _condition(score.protocol)), {})[score.metric] = score.value
    yield f"| set | measured on | {' | '.join(metrics)} |"
    yield "|---" * (2 + len(metrics)) + "|"
    for (set_name, condition), values in rows.items():
        cells = [f"{values[metric]:g}" if metric in values else "" for metric in metrics]
        yield f"| {set_name} | {condition} | {' | '.join(cells)} |"


def _condition(protocol: str) -> str:
    """Return the part of a protocol that differs between rows; the docs explain the other parts."""
    parts = protocol.partition(", uint8 output")[0].split(", ")
    return ", ".join(part for part in parts if not _DETAIL.match(part))


def _megabytes(card: ModelCard) -> str:
    """Format the size of the network file."""
    return f"{card.files['onnx'].bytes / 1e6:.1f} MB"
