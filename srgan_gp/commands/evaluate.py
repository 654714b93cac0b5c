"""`srgan-gp evaluate`: prints the scores of a model on a validation set.

Upscaling models and face models have different scores; `run` chooses by the model. Heavy modules
are imported inside functions, so that `--help` is fast.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.terminal import print_message, print_result, stage_progress
from srgan_gp.data.validation_halves import FEWEST_TO_SPLIT, HALVES, REPORT
from srgan_gp.errors import PictureError, UsageError

if TYPE_CHECKING:
    from srgan_gp.evaluation.readable_images import SkippedImage

LOW_RES = {
    "matlab": "MATLAB's antialiased bicubic, as the published benchmarks",
    "cv2": "OpenCV's bicubic, which does not antialias",
    "area-jpeg75": "area average, then JPEG at quality 75",
    "real": "blur, area average, noise, then JPEG at quality 60",
}
"""By value of `--low-res`: how the low-resolution images are made from the validation images.

The functions are in `data.benchmark_downscalers`, which would be slow to import for the help.
"""

# The command line's parser reads these names: `--help` lists the models of `MODEL_TASKS`, and the
# error about a second model, or a second place after `--data`, ends with `TOO_MANY_WORDS`.
MODEL_TASKS = ("super-resolution", "face-generation")
TOO_MANY_WORDS = "one model at a time, and one place of images: run it once for each"
# Command line and purpose of each example in `--help`.
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

_UPSCALER_OPTIONS = ("low_res", "scale", "fidelity")
"""Options for upscaling models only."""
_FACE_OPTIONS = ("train_data", "count", "validation_half", "trunc", "detector")
"""Options for face models only."""

# Help texts of the options; the default is in brackets. The values of `--feature-weights` and
# `--detector` are paths. With the path `none` the network is not used.
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
    "also print these scores of torchmetrics, apart from the others; needs srgan-gp[metrics], and "
    "downloads their weights once. lpips: for models that upscale"
)
_FIDELITY = (
    "0: the weights of photo-x4; 1: those of photo-x4-psnr; between: an average [the model alone]"
)
_TRAIN_DATA = "training faces of the model: a baseline, and to detect memorisation"
_COUNT = (
    "number of faces to generate, and of training faces [1024, or all of --train-data if these are "
    "fewer]. FD and SWD are comparable only at equal numbers"
)
_HALF = f"part of --data to use, where it has {FEWEST_TO_SPLIT} faces or more [report]"
_DETECTOR = (
    "YuNet (.onnx) for FD-yunet and the share of images with one face, or none to skip them "
    "[that of `srgan-gp fetch face-detector`]"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument_group("Common options").add_argument
    add("model", metavar="MODEL", help=_MODEL)
    add("--data", required=True, metavar="DIR_OR_ZIP[:FOLDER]", help=_DATA)
    add("--feature-weights", type=Path, metavar="FILE", help=_FEATURE_WEIGHTS)
    add("--metrics", type=_parse_metrics, default=(), metavar="lpips,fid,kid", help=_METRICS)
    add = parser.add_argument_group("Upscaling models").add_argument
    low_res_help = f"how the LR images are made [matlab]. {_choices_text(LOW_RES)}"
    add("--low-res", choices=LOW_RES, help=low_res_help)
    add("-s", "--scale", type=int, metavar="N", help="scale [the model's]")
    add("--fidelity", type=types.fidelity, metavar="0..1", help=_FIDELITY)
    add = parser.add_argument_group("Face models").add_argument
    add("--train-data", nargs="+", metavar="DIR_OR_ZIP", help=_TRAIN_DATA)
    add("--count", type=types.count, metavar="N", help=_COUNT)
    add("--validation-half", choices=HALVES, help=f"{_HALF}. {_choices_text(HALVES)}")
    add(
        "--trunc",
        type=types.truncation,
        metavar="PSI",
        help="truncation of the latents [the model's]",
    )
    add("--detector", type=Path, metavar="FILE", help=_DETECTOR)
    add = parser.add_argument_group("Automation").add_argument
    add("--json", action="store_true", help="print one JSON object on stdout; infinity is null")


def _choices_text(choices: Mapping[str, str]) -> str:
    """Format choices and their meaning as one text."""
    return "; ".join(f"{name}: {text}" for name, text in choices.items())


def run(options: argparse.Namespace) -> int:
    """Score a model and print the scores, or everything as JSON.

    Returns:
        0, or 3 if some images could not be read.
    """
    from srgan_gp.evaluation.evaluate import BASELINE
    from srgan_gp.evaluation.evaluate_faces import is_face_model

    makes_faces = options.model != BASELINE and is_face_model(options.model)
    _check_options(options, makes_faces)
    print_scores = _print_face_scores if makes_faces else _print_upscaler_scores
    skipped = print_scores(options)
    if not skipped:
        return 0
    _print_skipped(skipped)
    return PictureError.exit_code


def _check_options(options: argparse.Namespace, makes_faces: bool) -> None:
    """Refuse options that would have no effect; `evaluate_faces` checks those of `--metrics`.

    Raises:
        UsageError: an option for upscaling models was passed for a face model, or vice versa.
    """
    # An option that was not passed is None; its default is chosen where the option is used.
    for name in _UPSCALER_OPTIONS if makes_faces else _FACE_OPTIONS:
        if getattr(options, name) is not None:
            kind = "generates faces" if makes_faces else "upscales images"
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{options.model} {kind}, and {option} is not for such a model.")


def _print_upscaler_scores(options: argparse.Namespace) -> "Sequence[SkippedImage]":
    """Score a model that upscales, and print the scores; with `--json` no progress bar is drawn.

    Returns:
        The images that could not be read.
    """
    from srgan_gp.evaluation.evaluate import evaluate
    from srgan_gp.evaluation.score_lines import score_lines

    with stage_progress(is_silent=options.json) as show_stage:
        scores = evaluate(
            options.model,
            options.data,
            low_res=options.low_res or "matlab",
            scale=options.scale,
            feature_weights=options.feature_weights,
            fidelity=options.fidelity,
            metrics=options.metrics,
            on_scored=partial(show_stage, "scoring"),
        )
    _print_values(scores.as_dict(), score_lines(scores), options.json)
    return scores.skipped


def _print_face_scores(options: argparse.Namespace) -> "Sequence[SkippedImage]":
    """Score a model that generates faces, and print the scores.

    The steps are printed on stderr, with `--json` too: some take minutes.

    Returns:
        The faces that could not be read.
    """
    from srgan_gp.evaluation.evaluate_faces import evaluate_faces
    from srgan_gp.evaluation.few_faces import few_faces_warning
    from srgan_gp.evaluation.score_lines import face_score_lines

    scores = evaluate_faces(
        options.model,
        options.data,
        train_data=options.train_data or (),
        count=options.count,
        half=options.validation_half or REPORT,  # the half that training runs do not validate on
        truncation=options.trunc,
        feature_weights=options.feature_weights,
        detector=options.detector,
        metrics=options.metrics,
        report=print_message,
    )
    # Without `--json` the warning is one of the lines.
    if options.json and (warning := few_faces_warning(scores.validation.count)):
        print_message(warning)
    _print_values(scores.as_dict(), face_score_lines(scores), options.json)
    return scores.skipped


def _print_skipped(skipped: "Sequence[SkippedImage]") -> None:
    """Name the images that could not be read, and their number."""
    from srgan_gp.evaluation.score_lines import unreadable_images

    for image in skipped:
        print_message(str(image))
    print_message(f"{unreadable_images(skipped)}, and the scores are without them.")


def _print_values(values: Mapping[str, Any], lines: Iterable[str], as_json: bool) -> None:
    """Print the values as one JSON object, or else the lines; infinity is None in the values."""
    if as_json:
        print_result(json.dumps(values, indent=2, allow_nan=False))
        return
    for line in lines:
        print_result(line)


def _parse_metrics(text: str) -> tuple[str, ...]:
    """Parse the value of `--metrics`: names separated by commas; each name is returned once."""
    names = tuple(dict.fromkeys(text.lower().split(",")))
    if not set(names) <= {"lpips", "fid", "kid"}:
        raise argparse.ArgumentTypeError(f"write some of lpips,fid,kid, not {text!r}")
    return names
