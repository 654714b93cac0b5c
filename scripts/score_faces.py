"""Measure a model of faces beside its baselines and write the scores into its card.

python scripts/score_faces.py weights/faces-64.toml --data faces_val.zip --train-data faces-0.zip
"""

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from srgan_gp.files import atomic_write
from srgan_gp.terminal import say
from srgan_gp.training.evaluate_faces import evaluate_faces
from srgan_gp.training.face_scores import DETECTOR_SIDE, LOOKED_AT, FaceScores

METRICS = {
    "fd_squeeze": ("FD-squeeze", 1),
    "kid_squeeze": ("KID-squeeze", 4),
    "swd": ("SWD", 1),
    "pairwise_distance": ("pairwise squeeze distance", 3),
    "one_face": ("share with one face", 3),
}
RELATIVE = {
    "diversity": "pairwise squeeze distance, over that of real faces",
    "one_face": "share with one face, over that of real faces",
}


def main() -> None:
    """Score the model of a card, print each line, then write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("card", type=Path, help="the model's .toml")
    parser.add_argument("--data", required=True, help="aligned faces that it never saw")
    parser.add_argument("--train-data", nargs="+", required=True, help="those it learned from")
    parser.add_argument("--feature-weights", type=Path, help="SqueezeNet 1.1 as .safetensors")
    parser.add_argument("--detector", type=Path, help="YuNet as .onnx")
    options = parser.parse_args()
    card = tomllib.loads(options.card.read_text())
    scores = evaluate_faces(
        str(options.card.parent / card["files"]["onnx"]["name"]),
        options.data,
        train_data=options.train_data,
        feature_weights=options.feature_weights,
        detector=options.detector,
        tell=say,
    )
    found = list(rows(Path(options.data).stem, scores))
    for row in found:
        print(*row.values(), sep=" | ", flush=True)
    with atomic_write(options.card) as file:
        file.write(tomli_w.dumps(card | {"scores": found}, multiline_strings=False).encode())


def rows(name: str, scores: FaceScores) -> Iterator[dict[str, Any]]:
    """Turn the scores of the model and of its baselines into a card's rows."""
    network = f", SqueezeNet 1.1 {str(scores.feature_network)[:12]}"
    details = {
        "swd": ", mean over the levels",
        "one_face": f", YuNet at {DETECTOR_SIDE} px",
    }
    seen = min(scores.count, LOOKED_AT)  # by the detector
    for each in (scores.model, *scores.baselines, scores.held_out):
        what = "seeds from 0" if each is scores.model else each.name
        for key, value in each.values().items():
            if value is not None:
                metric, digits = METRICS[key]
                count = seen if key == "one_face" else scores.count
                protocol = f"{what}, {count} faces a set{details.get(key, network)}"
                yield row(metric, name, round(value, digits), protocol)
    for key, value in scores.relative().items():
        if value is not None:
            count = seen if key == "one_face" else scores.count
            yield row(RELATIVE[key], name, round(value, 3), f"{count} faces a set")
    if scores.memorisation is not None:
        protocol = "median distance of layouts to the nearest training face, over held-out faces'"
        yield row("novelty", name, round(scores.memorisation, 3), protocol)


def row(metric: str, data: str, value: float, protocol: str) -> dict[str, Any]:
    """Make one row of a card."""
    return {"metric": metric, "set": data, "value": value, "protocol": protocol}


if __name__ == "__main__":
    main()
