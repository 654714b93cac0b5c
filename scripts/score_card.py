"""Score an upscaler on the benchmark sets or on its own set, and write the scores to its card.

python scripts/score_card.py weights/classic-x4.toml --benchmarks bench_sr.zip
python scripts/score_card.py weights/face-x4.toml --set faces_synth256_val=faces_synth256_val.zip

A card is the TOML file that describes a model. The benchmark sets are Set5, Set14 and B100. Scores
that the card has are replaced.
"""

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from srgan_gp.data.benchmark_downscalers import LOW_RES
from srgan_gp.evaluation.evaluate import evaluate
from srgan_gp.evaluation.image_scores import Scores
from srgan_gp.evaluation.readable_images import require_all_read
from srgan_gp.system.files import atomic_write

METRICS = {
    "psnr_y": ("PSNR-Y", 2),
    "ssim_y": ("SSIM-Y", 4),
    "squeeze_distance": ("squeeze distance", 3),
    "pattern": ("pattern", 3),
    "grain": ("grain", 2),
    "consistency": ("consistency", 2),
    "patch_distance": ("patch distance", 1),
}
"""Name on the card and digits after the point, by the name of the score in `Scores`."""


def main() -> None:
    """Score the model of a card on every set, print the scores, and update the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("card", type=Path, help="card of the model, a .toml file")
    sets = parser.add_mutually_exclusive_group(required=True)
    sets.add_argument("--benchmarks", help="folder or zip file with Set5/HR, Set14/HR and B100/HR")
    # For a model of special images, such as faces.
    sets.add_argument("--set", metavar="NAME=PATH", help="validation images of a special model")
    parser.add_argument("--feature-weights", type=Path, help="SqueezeNet 1.1 as .safetensors")
    options = parser.parse_args()
    card = tomllib.loads(options.card.read_text())
    model = options.card.parent / card["files"]["onnx"]["name"]
    if options.set:
        set_name, _, path = options.set.partition("=")
        planned = [(set_name, low_res, card["scale"]) for low_res in LOW_RES]
    else:
        path = ""  # each benchmark set has its own, below `options.benchmarks`
        planned = list(evaluations(card["scale"]))
    card_rows: list[dict[str, Any]] = []
    for name, low_res, scale in planned:
        # A folder in a zip file is named FILE.zip:FOLDER.
        separator = ":" if str(options.benchmarks).endswith(".zip") else "/"
        data = path or f"{options.benchmarks}{separator}{name}/HR"
        scores = evaluate(
            str(model), data, low_res=low_res, scale=scale, feature_weights=options.feature_weights
        )
        require_all_read(scores.skipped)
        for row in rows(name, scores):
            print(*row.values(), sep=" | ", flush=True)
            card_rows.append(row)
    with atomic_write(options.card) as file:
        file.write(tomli_w.dumps(card | {"scores": card_rows}).encode())


def evaluations(scale: int) -> Iterator[tuple[str, str, int]]:
    """Yield (set, downscaler, scale) of each evaluation on the benchmark sets.

    These are all sets with MATLAB's bicubic, as in papers; Set14 with all other downscalers; and
    Set14 at scale 2.
    """
    for name in ("Set5", "Set14", "B100"):
        yield name, "matlab", scale
    for low_res in LOW_RES:
        if low_res != "matlab":
            yield "Set14", low_res, scale
    if scale != 2:
        yield "Set14", "matlab", 2


def rows(name: str, scores: Scores) -> Iterator[dict[str, Any]]:
    """Convert the scores on a set to rows of a card.

    Args:
        name: name of the set.
        scores: result of an evaluation.

    Yields:
        `metric`, `set`, `value` and `protocol`, which says how the value was measured.
    """
    values = scores.mean() | scores.of_set()
    # Number of flat parts of the images, in which pattern and grain are measured.
    windows = scores.texture.windows if scores.texture else 0
    details = {  # `feature_network` is a SHA-256, of which the protocol has the first 12 digits
        "psnr_y": f", border {scores.border}",
        "ssim_y": f", border {scores.border}",
        "squeeze_distance": f", SqueezeNet 1.1 {str(scores.feature_network)[:12]}",
        "consistency": ", border 1 pixel of the input",
        "patch_distance": ", RGB, seed 0",
        "pattern": f", levels in {windows} flat windows",
        "grain": f", levels in {windows} flat windows",
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
