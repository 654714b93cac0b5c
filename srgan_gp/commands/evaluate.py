"""`srgan-gp evaluate`: scores of a model on a validation set."""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan_gp.commands import option_types as types
from srgan_gp.commands.terminal import say, tell
from srgan_gp.data.validation_halves import FEWEST_TO_SPLIT, HALVES, REPORT
from srgan_gp.errors import UsageError

if TYPE_CHECKING:
    from srgan_gp.evaluation.face_scores import FaceScores
    from srgan_gp.evaluation.image_scores import Scores

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
        "--data", required=True, metavar="DIR_OR_ZIP[:FOLDER]",
        help="the large pictures; for a model of faces, aligned faces",
    )  # fmt: skip
    parser.add_argument(
        "--feature-weights", type=Path, metavar="FILE",
        help="SqueezeNet 1.1 (.safetensors) for squeeze distances, or none [torchvision's]",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout; infinity is null"
    )
    _add_upscaler_options(parser)
    _add_face_options(parser)


def _add_upscaler_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for a model that enlarges pictures")
    ways = "; ".join(f"{name}: {text}" for name, text in LOW_RES.items())
    group.add_argument(
        "--low-res", choices=LOW_RES, help=f"how the small pictures are made [matlab]. {ways}"
    )
    group.add_argument("-s", "--scale", type=int, metavar="N", help="enlargement [the model's own]")
    group.add_argument(
        "--fidelity", type=types.fidelity, metavar="0..1",
        help="from the model, 0, to its partner on the card, 1 [the model as it is]",
    )  # fmt: skip


def _add_face_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for a model of faces")
    halves = "; ".join(f"{name}: {text}" for name, text in HALVES.items())
    group.add_argument(
        "--train-data", nargs="+", metavar="DIR_OR_ZIP",
        help="the faces it learned from: a baseline, and to see whether it repeats them",
    )  # fmt: skip
    group.add_argument(
        "--count", type=types.count, metavar="N",
        help="faces to draw, and training faces beside them [1024, or as many as --train-data has]",
    )  # fmt: skip
    group.add_argument(
        "--validation-half", choices=HALVES,
        help=f"part of --data, where it has {FEWEST_TO_SPLIT} faces or more [report]. {halves}",
    )  # fmt: skip
    group.add_argument(
        "--trunc", type=types.truncation, metavar="PSI", help="truncation of the latents [1]"
    )
    group.add_argument(
        "--detector", type=Path, metavar="FILE",
        help="YuNet (.onnx) for FD-yunet and the share of images with one face, or none "
        "[yunet.onnx in the folder of models]",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Score a model and print the scores, or everything as JSON."""
    from srgan_gp.evaluation.evaluate import BASELINE
    from srgan_gp.evaluation.evaluate_faces import is_face_model

    makes_faces = options.model != BASELINE and is_face_model(options.model)
    _require_options_of(options, makes_faces)
    print_scores = _print_face_scores if makes_faces else _print_scores
    print_scores(options)
    return 0


_UPSCALER_OPTIONS = ("low_res", "scale", "fidelity")
_FACE_OPTIONS = ("train_data", "count", "validation_half", "trunc", "detector")


def _require_options_of(options: argparse.Namespace, makes_faces: bool) -> None:
    """Refuse what would have no effect."""
    others = _UPSCALER_OPTIONS if makes_faces else _FACE_OPTIONS
    for name in others:
        if getattr(options, name) is not None:
            kind = "makes faces" if makes_faces else "enlarges pictures"
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{options.model} {kind}, and {option} is not for such a model.")


def _print_scores(options: argparse.Namespace) -> None:
    from srgan_gp.evaluation.evaluate import evaluate

    scores = evaluate(
        options.model,
        options.data,
        low_res=options.low_res or "matlab",
        scale=options.scale,
        feature_weights=options.feature_weights,
        fidelity=options.fidelity,
    )
    _tell(scores.as_dict(), _lines(scores), options.json)


def _print_face_scores(options: argparse.Namespace) -> None:
    from srgan_gp.evaluation.evaluate_faces import evaluate_faces

    scores = evaluate_faces(
        options.model,
        options.data,
        train_data=options.train_data or (),
        count=options.count,
        half=options.validation_half or REPORT,
        truncation=1.0 if options.trunc is None else options.trunc,
        feature_weights=options.feature_weights,
        detector=options.detector,
        report=say,
    )
    _tell(scores.as_dict(), _face_lines(scores), options.json)


def _tell(values: Mapping[str, Any], lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        lines = [json.dumps(values, indent=2, allow_nan=False)]
    for line in lines:
        tell(line)


def _lines(scores: "Scores") -> Iterator[str]:
    at = "" if scores.fidelity is None else f" at fidelity {scores.fidelity:g}"
    yield f"{scores.model}{at} on {scores.data}, x{scores.scale}, low-res by {scores.low_res}"
    if scores.feature_network:
        yield f"squeeze distance by the network {scores.feature_network}"
    for picture in scores.pictures:
        yield _row(picture.name, picture.values())
    yield _row(f"mean of {len(scores.pictures)} pictures", scores.mean())
    if of_set := scores.of_set():
        yield _row("the whole set", of_set)
    if original := scores.original_texture:
        yield _row(f"the originals, {original.windows} flat windows", original.values())


def _face_lines(scores: "FaceScores") -> Iterator[str]:
    from srgan_gp.evaluation.face_scores import METRICS, RELATIVE_METRICS

    side = scores.image_size
    real = f"{scores.validation.count} validation faces ({scores.half})"
    yield (
        f"{scores.name} on {scores.data}: {scores.count} faces of {side} x {side}, truncation "
        f"{scores.truncation:g}, against {real}; squeeze and SWD: {scores.paired_count} of each"
    )
    if scores.feature_network:
        yield f"squeeze distances by the network {scores.feature_network}"
    if scores.detector:
        yield f"FD-yunet by the network {scores.detector}"
    for one in (scores.model, *scores.baselines, scores.validation):
        if set(one.values().values()) != {None}:
            yield _row(one.name, {METRICS[key][0]: value for key, value in one.values().items()})
    if any(value is not None for value in scores.relative().values()):
        relative = {RELATIVE_METRICS[key]: value for key, value in scores.relative().items()}
        yield _row(f"{scores.name} over real, validation", relative)
    if scores.memorisation is not None:
        verdict = "it repeats training faces" if scores.is_memorising else "no sign of memorisation"
        yield f"novelty {scores.memorisation:.4f}: {verdict}"


def _row(name: str, scores: Mapping[str, float | None]) -> str:
    """Write one line of scores; one that could not be measured is left out."""
    parts = [f"{key} {value:.4f}" for key, value in scores.items() if value is not None]
    return f"{name}: {', '.join(parts)}"
