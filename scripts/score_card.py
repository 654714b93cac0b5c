"""Measure a model on the benchmark sets and write the scores into its card.

python scripts/score_card.py weights/classic-x4.toml --benchmarks bench_sr.zip
"""

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from srgan_gp.files import atomic_write
from srgan_gp.training.evaluate import evaluate
from srgan_gp.training.low_res import LOW_RES
from srgan_gp.training.scores import Scores

METRICS = {
    "psnr_y": ("PSNR-Y", 2),
    "ssim_y": ("SSIM-Y", 4),
    "squeeze_distance": ("squeeze distance", 3),
    "grid": ("grid", 2),
    "consistency": ("consistency", 2),
    "patch_distance": ("patch distance", 1),
}


def main() -> None:
    """Score the model of a card on every set, print each line, then write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("card", type=Path, help="the model's .toml")
    parser.add_argument(
        "--benchmarks", required=True, help="a zip or folder with Set5/HR, Set14/HR and B100/HR"
    )
    parser.add_argument("--feature-weights", type=Path, help="SqueezeNet 1.1 as .safetensors")
    options = parser.parse_args()
    card = tomllib.loads(options.card.read_text())
    model = options.card.parent / card["files"]["onnx"]["name"]
    found: list[dict[str, Any]] = []
    for name, low_res, scale in work(card["scale"]):
        separator = ":" if str(options.benchmarks).endswith(".zip") else "/"
        data = f"{options.benchmarks}{separator}{name}/HR"
        scores = evaluate(
            str(model), data, low_res=low_res, scale=scale, feature_weights=options.feature_weights
        )
        for row in rows(name, scores):
            print(*row.values(), sep=" | ", flush=True)
            found.append(row)
    with atomic_write(options.card) as file:
        file.write(tomli_w.dumps(card | {"scores": found}).encode())


def work(scale: int) -> Iterator[tuple[str, str, int]]:
    """List (set, low-res way, scale): every set as published, Set14 in every way and at x2."""
    for name in ("Set5", "Set14", "B100"):
        yield name, "matlab", scale
    for low_res in LOW_RES:
        if low_res != "matlab":
            yield "Set14", low_res, scale
    if scale != 2:
        yield "Set14", "matlab", 2


def rows(name: str, scores: Scores) -> Iterator[dict[str, Any]]:
    """Turn the means into a card's rows; the protocol says how to measure each again."""
    values = scores.mean()
    if scores.patch_distance is not None:
        values["patch_distance"] = scores.patch_distance
    details = {
        "psnr_y": f", border {scores.border}",
        "ssim_y": f", border {scores.border}",
        "squeeze_distance": f", SqueezeNet 1.1 {str(scores.feature_network)[:12]}",
        "consistency": ", border 1 pixel of the input",
        "patch_distance": ", RGB, seed 0",
    }
    for key, value in values.items():
        metric, digits = METRICS[key]
        protocol = f"x{scores.scale}, low-res by {scores.low_res}, uint8 output"
        protocol += details.get(key, "")
        yield {
            "metric": metric, "set": name, "value": round(value, digits), "protocol": protocol
        }  # fmt: skip


if __name__ == "__main__":
    main()
