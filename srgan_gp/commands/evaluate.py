"""`srgan-gp evaluate`: the scores of a model on pictures whose large versions are known."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from srgan_gp import option_types as types
from srgan_gp.terminal import tell

LOW_RES = {
    "matlab": "MATLAB's antialiased bicubic, as the published benchmarks",
    "cv2": "OpenCV's bicubic, which does not antialias",
    "area-jpeg75": "area average, then JPEG at quality 75",
    "real": "blur, area average, noise, then JPEG at quality 60",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a model's name, the path of an .onnx, or bicubic for the baseline",
    )
    parser.add_argument(
        "--data", required=True, metavar="DIR_OR_ZIP[:FOLDER]", help="the large pictures"
    )
    ways = "; ".join(f"{name}: {text}" for name, text in LOW_RES.items())
    parser.add_argument(
        "--low-res", choices=LOW_RES, default="matlab",
        help=f"how the small pictures are made [matlab]. {ways}",
    )  # fmt: skip
    parser.add_argument(
        "-s", "--scale", type=int, metavar="N", help="enlargement [the model's own]"
    )
    parser.add_argument(
        "--fidelity", type=types.fidelity, metavar="0..1",
        help="from the model, 0, to its partner on the card, 1 [the model as it is]",
    )  # fmt: skip
    parser.add_argument(
        "--feature-weights", type=Path, metavar="FILE",
        help="SqueezeNet 1.1 (.safetensors) for the squeeze distance, or none [torchvision's]",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout; infinity is null"
    )


def run(options: argparse.Namespace) -> int:
    """Score a model and print the means, or everything as JSON."""
    from srgan_gp.training.evaluate import evaluate

    scores = evaluate(
        options.model,
        options.data,
        low_res=options.low_res,
        scale=options.scale,
        feature_weights=options.feature_weights,
        fidelity=options.fidelity,
    )
    if options.json:
        tell(json.dumps(scores.as_dict(), indent=2, allow_nan=False))
        return 0
    at = "" if scores.fidelity is None else f" at fidelity {scores.fidelity:g}"
    tell(f"{scores.model}{at} on {scores.data}, x{scores.scale}, low-res by {scores.low_res}")
    if scores.feature_network:
        tell(f"squeeze distance by the network {scores.feature_network}")
    for picture in scores.pictures:
        tell(_row(picture.name, picture.values()))
    mean = scores.mean()
    tell(_row(f"mean of {len(scores.pictures)} pictures", mean))
    if scores.patch_distance is not None:  # no distance without the grid beside it
        whole = {"patch_distance": scores.patch_distance, "grid": mean.get("grid")}
        tell(_row("the whole set", whole))
    return 0


def _row(name: str, scores: Mapping[str, float | None]) -> str:
    """Write one line of scores; one that could not be measured is left out."""
    parts = [f"{key} {value:.4f}" for key, value in scores.items() if value is not None]
    return f"{name}: {', '.join(parts)}"
