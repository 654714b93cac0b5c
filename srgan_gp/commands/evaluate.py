"""`srgan-gp evaluate`: prints the scores of a model on a validation set."""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.terminal import print_message, print_result, stage_progress
from srgan_gp.data.validation_halves import FEWEST_TO_SPLIT, HALVES, REPORT
from srgan_gp.errors import UsageError
from srgan_gp.metrics.score_directions import legend

if TYPE_CHECKING:
    from srgan_gp.evaluation.face_scores import FaceScores
    from srgan_gp.evaluation.image_scores import Scores
    from srgan_gp.metrics.torchmetrics_scores import TorchmetricsScores

LOW_RES = {
    "matlab": "MATLAB's antialiased bicubic, as the published benchmarks",
    "cv2": "OpenCV's bicubic, which does not antialias",
    "area-jpeg75": "area average, then JPEG at quality 75",
    "real": "blur, area average, noise, then JPEG at quality 60",
}
"""The downscalers of `data.benchmark_downscalers`, which would be slow to import for the help."""


MODEL_TASKS = ("super-resolution", "face-generation")  # `verb_parser` lists their models
EXAMPLES = (
    (
        "srgan-gp evaluate photo-x4 --data photos --low-res real",
        "Score photo-x4 on a folder of large photos, which are downscaled like camera images.",
    ),
    (
        "srgan-gp evaluate bicubic --data photos --scale 4 --json",
        "Print the scores of bicubic resampling, the baseline, as JSON.",
    ),
    (
        "srgan-gp evaluate faces-64 --data faces.zip:val --train-data faces.zip:train",
        "Score a face model, with the training faces as a baseline.",
    ),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument_group("Common options").add_argument
    add("model", metavar="MODEL", help=_MODEL)
    add("--data", required=True, metavar="DIR_OR_ZIP[:FOLDER]", help=_DATA)
    add("--feature-weights", type=Path, metavar="FILE", help=_FEATURE_WEIGHTS)
    add("--metrics", type=_metrics, default=(), metavar="lpips,fid,kid", help=_METRICS)
    add = parser.add_argument_group("Upscaling models").add_argument
    add("--low-res", choices=LOW_RES, help=f"how the LR images are made [matlab]. {_list(LOW_RES)}")
    add("-s", "--scale", type=int, metavar="N", help="scale [the model's]")
    add("--fidelity", type=types.fidelity, metavar="0..1", help=_FIDELITY)
    add = parser.add_argument_group("Face models").add_argument
    add("--train-data", nargs="+", metavar="DIR_OR_ZIP", help=_TRAIN_DATA)
    add("--count", type=types.count, metavar="N", help=_COUNT)
    add("--validation-half", choices=HALVES, help=f"{_HALF}. {_list(HALVES)}")
    add(
        "--trunc",
        type=types.truncation,
        metavar="PSI",
        help="truncation of the latents [the model's]",
    )
    add("--detector", type=Path, metavar="FILE", help=_DETECTOR)
    add = parser.add_argument_group("Automation").add_argument
    add("--json", action="store_true", help="print one JSON object on stdout; infinity is null")


def _list(choices: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in choices.items())


_MODEL = "name of a model, path of an .onnx file, or bicubic for the baseline"
_DATA = (
    "validation images in full size; for a face model, aligned faces; of a zip of `srgan-gp "
    "prepare` its folder val"
)
_FEATURE_WEIGHTS = (
    "SqueezeNet 1.1 (.safetensors or .pth) for squeeze distances, or none to skip them [that of "
    "`srgan-gp fetch feature-network`]"
)
_METRICS = (
    "also print these scores of torchmetrics, apart from the others; needs the extra metrics, and "
    "downloads their weights once. lpips: for models that upscale"
)
_FIDELITY = (
    "0: the weights of photo-x4; 1: those of photo-x4-psnr; between: an average [the model alone]"
)
_TRAIN_DATA = "training faces of the model: a baseline, and to detect memorisation"
_COUNT = "number of faces to generate, and of training faces [1024, or all of --train-data]"
_HALF = f"part of --data to use, where it has {FEWEST_TO_SPLIT} faces or more [report]"
_DETECTOR = (
    "YuNet (.onnx) for FD-yunet and the share of images with one face, or none to skip them "
    "[that of `srgan-gp fetch face-detector`]"
)


def run(options: argparse.Namespace) -> int:
    """Score a model and print the scores, or everything as JSON."""
    from srgan_gp.evaluation.evaluate import BASELINE
    from srgan_gp.evaluation.evaluate_faces import is_face_model

    makes_faces = options.model != BASELINE and is_face_model(options.model)
    _check(options, makes_faces)
    print_scores = _print_face_scores if makes_faces else _print_scores
    print_scores(options)
    return 0


_UPSCALER_OPTIONS = ("low_res", "scale", "fidelity")
_FACE_OPTIONS = ("train_data", "count", "validation_half", "trunc", "detector")


def _check(options: argparse.Namespace, makes_faces: bool) -> None:
    """Refuse options that would have no effect.

    Raises:
        UsageError: an option is for the other kind of model.
    """
    others = _UPSCALER_OPTIONS if makes_faces else _FACE_OPTIONS
    for name in others:
        if getattr(options, name) is not None:
            kind = "generates faces" if makes_faces else "upscales images"
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{options.model} {kind}, and {option} is not for such a model.")


def _print_scores(options: argparse.Namespace) -> None:
    from srgan_gp.evaluation.evaluate import evaluate

    with stage_progress(is_silent=options.json) as move:
        scores = evaluate(
            options.model,
            options.data,
            low_res=options.low_res or "matlab",
            scale=options.scale,
            feature_weights=options.feature_weights,
            fidelity=options.fidelity,
            metrics=options.metrics,
            on_scored=partial(move, "scoring"),
        )
    _print(scores.as_dict(), _lines(scores), options.json)


def _print_face_scores(options: argparse.Namespace) -> None:
    from srgan_gp.evaluation.evaluate_faces import evaluate_faces

    scores = evaluate_faces(
        options.model,
        options.data,
        train_data=options.train_data or (),
        count=options.count,
        half=options.validation_half or REPORT,
        truncation=options.trunc,
        feature_weights=options.feature_weights,
        detector=options.detector,
        metrics=options.metrics,
        report=print_message,
    )
    _print(scores.as_dict(), _face_lines(scores), options.json)


def _print(values: Mapping[str, Any], lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        lines = [json.dumps(values, indent=2, allow_nan=False)]
    for line in lines:
        print_result(line)


def _lines(scores: "Scores") -> Iterator[str]:
    at = "" if scores.fidelity is None else f" at fidelity {scores.fidelity:g}"
    yield f"{scores.model}{at} on {scores.data}, x{scores.scale}, low-res by {scores.low_res}"
    yield legend([*scores.mean(), *scores.of_set()])
    yield from _feature_lines("squeeze distance", scores.feature_network)
    for image in scores.pictures:
        yield _row(image.name, image.values())
    yield _row(f"mean of {len(scores.pictures)} images", scores.mean())
    if of_set := scores.of_set():
        yield _row("the whole set", of_set)
    if original := scores.original_texture:
        yield _row(f"the originals, {original.windows} flat windows", original.values())
    yield from _torchmetrics_lines(scores.torchmetrics)


def _face_lines(scores: "FaceScores") -> Iterator[str]:
    from srgan_gp.evaluation.face_scores import METRICS, NOVELTY, RELATIVE_METRICS

    side = scores.image_size
    real = f"{scores.validation.count} validation faces ({scores.half})"
    yield (
        f"{scores.name} on {scores.data}: {scores.count} faces of {side} x {side}, truncation "
        f"{scores.truncation:g}, against {real}; squeeze and SWD: {scores.paired_count} of each"
    )
    titles = {key: title for key, (title, _) in METRICS.items()}
    relative_only = [key for key in RELATIVE_METRICS if key not in METRICS]
    yield legend([*METRICS, *relative_only, NOVELTY], titles)
    yield from _feature_lines("squeeze distances", scores.feature_network)
    if scores.detector:
        yield f"FD-yunet by the network {scores.detector}"
    for one in (scores.model, *scores.baselines, scores.validation):
        if set(one.values().values()) != {None}:  # none of the scores could be measured
            yield _row(one.name, {METRICS[key][0]: value for key, value in one.values().items()})
    if any(value is not None for value in scores.relative().values()):
        relative = {RELATIVE_METRICS[key]: value for key, value in scores.relative().items()}
        yield _row(f"{scores.name} over real, validation", relative)
    if scores.memorisation is not None:
        verdict = "it repeats training faces" if scores.is_memorising else "no sign of memorisation"
        yield f"novelty {scores.memorisation:.4f}: {verdict}"
    yield from _torchmetrics_lines(scores.torchmetrics)


def _torchmetrics_lines(scores: "TorchmetricsScores | None") -> Iterator[str]:
    if scores:
        yield f"torchmetrics {scores.version}, {scores.images} images, better if lower:"
        for name, value in scores.values.items():
            arguments = scores.arguments[name.partition(" ")[0]]
            yield f"  {name}{f' ({arguments})' if arguments else ''} {value:.4f}"


def _feature_lines(scores: str, sha256: str | None) -> Iterator[str]:
    """Name the feature network, and warn where it is not that of the model cards."""
    from srgan_gp.models.helper_networks import CARD_FEATURES

    if sha256:
        other = "" if sha256 == CARD_FEATURES else "; those of the model cards are by another one"
        yield f"{scores} by the network {sha256}{other}"


def _row(name: str, scores: Mapping[str, float | None]) -> str:
    """Format one line of scores; a score that could not be measured is omitted."""
    parts = [f"{key} {value:.4f}" for key, value in scores.items() if value is not None]
    return f"{name}: {', '.join(parts)}"


def _metrics(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.lower().split(",")))
    if not set(names) <= {"lpips", "fid", "kid"}:
        raise argparse.ArgumentTypeError(f"write some of lpips,fid,kid, not {text!r}")
    return names
