"""Score a face generator and its baselines, and write the scores to its card.

python scripts/score_faces.py weights/faces-64.toml --data faces_val.zip --train-data faces-0.zip
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
    found = list(rows(Path(options.data).stem, scores))
    for row in found:
        print(*row.values(), sep=" | ", flush=True)
    with atomic_write(options.card) as file:
        file.write(tomli_w.dumps(card | {"scores": found}, multiline_strings=False).encode())


def rows(name: str, scores: FaceScores) -> Iterator[dict[str, Any]]:
    """Convert the scores of the model and its baselines to rows of a card, the headline first."""
    found: list[dict[str, Any]] = []
    for each in (scores.model, *scores.baselines, scores.validation):
        what = "seeds from 0" if each is scores.model else each.name
        if each is scores.model and scores.truncation != 1:
            what += f", truncation {scores.truncation:g}"
        for key, value in each.values().items():
            if value is not None:
                metric, digits = METRICS[key]
                protocol = f"{what}, {describe(key, each, scores)}"
                found.append(row(metric, name, round(value, digits), protocol))
    found += relative_rows(name, scores)
    first_rows = {each["metric"]: each for each in reversed(found)}  # the first overwrites
    headline = [first_rows[m] for m in HEADLINE_METRICS[FACES] if m in first_rows]
    yield from headline
    yield from (each for each in found if each not in headline)


def relative_rows(name: str, scores: FaceScores) -> Iterator[dict[str, Any]]:
    """Convert the scores relative to real faces to rows."""
    for key, value in scores.relative().items():
        if value is not None:
            real = scores.validation.count
            protocol = f"{min(scores.count, real, DETECTED_FACES)} faces a set"
            if key == "diversity":
                what = "pairwise squeeze distance over that of real faces"
                protocol = f"{what}, {scores.count} against {real}"
            yield row(RELATIVE_METRICS[key], name, round(value, 3), protocol)
    if scores.memorisation is not None:
        protocol = "median distance of layouts to the nearest training face, over held-out faces'"
        yield row(NOVELTY, name, round(scores.memorisation, 3), protocol)


def describe(key: str, found: SetScores, scores: FaceScores) -> str:
    """Describe how a score was measured: the number of faces, the half and the network."""
    if key == "one_face":
        return f"{min(found.count, DETECTED_FACES)} faces, YuNet at {DETECTOR_SIDE} px"
    squeeze = f"SqueezeNet 1.1 {str(scores.feature_network)[:12]}"
    if key == "pairwise_distance":
        return f"{found.count} faces, {squeeze}"
    half = "" if scores.half == ALL else f" ({scores.half} half)"
    if key in PAIRED:
        detail = "mean over the levels" if key == "swd" else squeeze
        return f"{scores.paired_count} faces a set{half}, {detail}"
    network = f", YuNet {str(scores.detector)[:12]}" if key == "fd_yunet" else ""
    return f"{found.count} faces against {scores.validation.count}{half}{network}"


def row(metric: str, data: str, value: float, protocol: str) -> dict[str, Any]:
    """Build a row of a card."""
    return {"metric": metric, "set": data, "value": value, "protocol": protocol}


if __name__ == "__main__":
    main()
