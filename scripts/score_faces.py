"""Score a face generator and its baselines, and write the scores to its card.

python scripts/score_faces.py weights/faces-64.toml --data faces_val.zip --train-data faces-0.zip

A card is the TOML file that describes a model. Existing scores on it are replaced. A baseline is a
set of faces with known faults, such as blurred ones, whose scores show what a bad score is.
"""

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from srgan_gp.commands.terminal import print_message
from srgan_gp.data.validation_halves import ALL
from srgan_gp.evaluation.evaluate_faces import evaluate_faces
from srgan_gp.evaluation.face_scores import (
    DETECTED_FACES,
    DETECTOR_SIDE,
    METRICS,
    NOVELTY,
    PAIRED,
    RELATIVE_METRICS,
    FaceScores,
    SetScores,
)
from srgan_gp.evaluation.readable_images import require_all_read
from srgan_gp.models.cards import FACES, HEADLINE_METRICS
from srgan_gp.system.files import atomic_write


def main() -> None:
    """Score the model of a card, print the scores, and update the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("card", type=Path, help="card of the model, a .toml file")
    parser.add_argument("--data", required=True, help="aligned validation faces")
    parser.add_argument("--train-data", nargs="+", required=True, help="its training faces")
    parser.add_argument("--feature-weights", type=Path, help="SqueezeNet 1.1 as .safetensors")
    parser.add_argument("--detector", type=Path, help="YuNet as .onnx")
    parser.add_argument("--trunc", type=float, help="truncation [the model's]")
    options = parser.parse_args()
    card = tomllib.loads(options.card.read_text())
    scores = evaluate_faces(
        str(options.card.parent / card["files"]["onnx"]["name"]),
        options.data,
        train_data=options.train_data,
        feature_weights=options.feature_weights,
        detector=options.detector,
        truncation=options.trunc,
        report=print_message,
    )
    require_all_read(scores.skipped)
    card_rows = list(rows(Path(options.data).stem, scores))
    for card_row in card_rows:
        print(*card_row.values(), sep=" | ", flush=True)
    with atomic_write(options.card) as file:
        file.write(tomli_w.dumps(card | {"scores": card_rows}).encode())


def rows(name: str, scores: FaceScores) -> Iterator[dict[str, Any]]:
    """Convert the scores of the model, its baselines and the real faces to rows of a card.

    Args:
        name: name of the validation set.
        scores: result of an evaluation.

    Yields:
        `metric`, `set`, `value` and `protocol`, which says how the value was measured. The main
        scores of the model come first; the tables of models show them.
    """
    all_rows: list[dict[str, Any]] = []
    for set_scores in (scores.model, *scores.baselines, scores.validation):
        if set_scores is not scores.model:
            scored_set = set_scores.name
        elif scores.truncation == 1:
            scored_set = "seeds from 0"
        else:
            scored_set = f"seeds from 0, truncation {scores.truncation:g}"
        for key, value in set_scores.by_name().items():
            if value is not None:
                metric, digits = METRICS[key]
                protocol = f"{scored_set}, {describe(key, set_scores, scores)}"
                all_rows.append(row(metric, name, round(value, digits), protocol))
    all_rows += relative_rows(name, scores)
    first_by_metric: dict[str, dict[str, Any]] = {}  # the rows of the model precede the others
    for card_row in all_rows:
        first_by_metric.setdefault(card_row["metric"], card_row)
    main_metrics = [metric for metric in HEADLINE_METRICS[FACES] if metric in first_by_metric]
    main_rows = [first_by_metric[metric] for metric in main_metrics]
    yield from main_rows
    yield from (card_row for card_row in all_rows if card_row not in main_rows)


def relative_rows(name: str, scores: FaceScores) -> Iterator[dict[str, Any]]:
    """Convert the scores of the model relative to those of real faces to rows, as `rows` does."""
    for key, value in scores.relative().items():
        if value is not None:
            real_count = scores.validation.count
            if key == "diversity":
                protocol = "pairwise squeeze distance over that of real faces, "
                protocol += f"{scores.count} against {real_count}"
            else:
                protocol = f"{min(scores.count, real_count, DETECTED_FACES)} faces a set"
            yield row(RELATIVE_METRICS[key], name, round(value, 3), protocol)
    if scores.memorisation is not None:  # a novelty: small for a generator that memorises
        protocol = "median distance of layouts to the nearest training face, over held-out faces'"
        yield row(NOVELTY, name, round(scores.memorisation, 3), protocol)


def describe(key: str, set_scores: SetScores, scores: FaceScores) -> str:
    """Describe how a score was measured: number of faces, half of the validation set, and network.

    One half of the set is for the selection of models, the other half for reported scores. The
    scores named in `PAIRED` compare equal numbers of faces of both sets. Networks are named with
    the first 12 digits of their SHA-256.

    Args:
        key: key of `METRICS`.
        set_scores: scores of the set of faces.
        scores: result of the whole evaluation.
    """
    count = set_scores.count
    if key == "one_face":
        return f"{min(count, DETECTED_FACES)} faces, YuNet at {DETECTOR_SIDE} px"
    squeeze = f"SqueezeNet 1.1 {str(scores.feature_network)[:12]}"
    if key == "pairwise_distance":
        return f"{count} faces, {squeeze}"
    half = "" if scores.half == ALL else f" ({scores.half} half)"
    if key in PAIRED:
        detail = "mean over the levels" if key == "swd" else squeeze
        return f"{scores.paired_count} faces a set{half}, {detail}"
    network = f", YuNet {str(scores.detector)[:12]}" if key == "fd_yunet" else ""
    return f"{count} faces against {scores.validation.count}{half}{network}"


def row(metric: str, set_name: str, value: float, protocol: str) -> dict[str, Any]:
    """Build a row of a card."""
    return {"metric": metric, "set": set_name, "value": value, "protocol": protocol}


if __name__ == "__main__":
    main()
