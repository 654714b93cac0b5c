"""Tables of the shipped models, from their cards alone."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

from srgan_gp import ModelCard, list_models
from srgan_gp.models.cards import FACES, headline

_DAMAGE = {
    "matlab": "MATLAB's bicubic",
    "cv2": "OpenCV's cubic",
    "area-jpeg75": "area, JPEG 75",
    "real": "blur, noise, JPEG 60",
}


_DETAIL = re.compile(r"SqueezeNet|YuNet|mean over|\d+ (faces|against)")
"""Parts of protocols that are left out of the tables: how many faces, which network."""
_BICUBIC = json.loads(Path(__file__).with_name("bicubic.json").read_text(encoding="utf-8"))
"""What `srgan-gp evaluate bicubic` printed, as mean scores by set and way to downscale."""


def shipped_cards() -> list[ModelCard]:
    """Read the cards of the shipped models, and none of the user who runs this."""
    with patch.dict(os.environ, {"SRGAN_GP_MODELS": os.devnull}):
        return list_models()


def model_rows() -> Iterator[str]:
    """List the upscalers, one row each."""
    yield "| model | purpose | scale | size | PSNR-Y in dB | licence |"
    yield "|---|---|---|---|---|---|"
    baseline = ", ".join(
        f"{name} {ways['matlab']['PSNR-Y']:.2f}" for name, ways in _BICUBIC.items()
    )
    about = "Not a model: the baseline, which `srgan-gp evaluate bicubic` scores."
    yield f"| bicubic | {about} | any | | {baseline} | |"
    for card in shipped_cards():
        if card.task == FACES:
            continue
        published = f"x{card.scale}, low-res by matlab"
        scores = ", ".join(
            f"{s.set} {s.value:.2f}"
            for s in card.scores
            if s.metric == "PSNR-Y" and s.protocol.startswith(published)
        )
        yield (
            f"| `{card.name}` | {card.summary} | x{card.scale} | {_megabytes(card)} "
            f"| {scores} | {card.licence} |"
        )


def face_rows() -> Iterator[str]:
    """List the models of faces in the same way."""
    yield "| model | purpose | pixels | size | scores | licence |"
    yield "|---|---|---|---|---|---|"
    for card in shipped_cards():
        if card.task == FACES:
            scores = ", ".join(f"{s.metric} {s.value:.3g}" for s in headline(card))
            yield (
                f"| `{card.name}` | {card.summary} | {card.image_size} x {card.image_size} "
                f"| {_megabytes(card)} | {scores} | {card.licence} |"
            )


def damage_rows() -> Iterator[str]:
    """Compare the upscalers on Set14, downscaled in four ways: PSNR-Y and squeeze distance."""
    yield from _four_ways("PSNR-Y", "squeeze distance", digits=(2, 2))


def texture_rows() -> Iterator[str]:
    """Compare them in the same way by pattern and grain."""
    yield from _four_ways("pattern", "grain", digits=(3, 2))


def _four_ways(*metrics: str, digits: tuple[int, int]) -> Iterator[str]:
    def pair(scores: Mapping[str, float]) -> str:
        if not set(metrics) <= set(scores):
            return "-"
        return " / ".join(f"{scores[m]:.{d}f}" for m, d in zip(metrics, digits, strict=True))

    yield f"| model | {' | '.join(_DAMAGE.values())} |"
    yield "|---" * (1 + len(_DAMAGE)) + "|"
    yield f"| bicubic | {' | '.join(pair(_BICUBIC['Set14'][way]) for way in _DAMAGE)} |"
    for card in shipped_cards():
        cells = [pair(_scores_on_set14(card, way)) for way in _DAMAGE]
        if any(cell != "-" for cell in cells):
            yield f"| `{card.name}` | {' | '.join(cells)} |"


def _scores_on_set14(card: ModelCard, way: str) -> dict[str, float]:
    start = f"x4, low-res by {way},"
    return {
        score.metric: score.value
        for score in card.scores
        if score.set == "Set14" and score.protocol.startswith(start)
    }


def card_sections() -> Iterator[str]:
    """Write a section a model: what its card says."""
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
        yield from (f"- {s.what}. Licence: {s.licence}. By {s.attribution}." for s in card.data)
        if card.scores:
            yield from ("", "Scores:", "")
            yield from _score_rows(card)
    yield ""


def _score_rows(card: ModelCard) -> Iterator[str]:
    """Lay out scores with a column a metric; each row is one way to measure."""
    metrics = list(dict.fromkeys(score.metric for score in card.scores))
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for score in card.scores:
        rows.setdefault((score.set, _condition(score.protocol)), {})[score.metric] = score.value
    yield f"| set | measured on | {' | '.join(metrics)} |"
    yield "|---" * (2 + len(metrics)) + "|"
    for (name, condition), found in rows.items():
        values = (f"{found[metric]:g}" if metric in found else "" for metric in metrics)
        yield f"| {name} | {condition} | {' | '.join(values)} |"


def _condition(protocol: str) -> str:
    """Keep of a protocol what tells one row from another; the page on metrics has the rest."""
    parts = protocol.partition(", uint8 output")[0].split(", ")
    return ", ".join(part for part in parts if not _DETAIL.match(part))


def _megabytes(card: ModelCard) -> str:
    return f"{card.files['onnx'].bytes / 1e6:.1f} MB"
