#!/usr/bin/env python3
"""Effect of the critic: scores of a model with and without it, and its estimate against quality.

scripts/critic_report.py WITH WITHOUT --data bench_sr.zip:B100/HR --run runs/photo-x4

WITH and WITHOUT are the models of two runs that differ in the critic only. `--run` correlates the
critic estimate of a training run, the difference of the critic's mean scores of real and generated
images, with the patch distance.

A critic is effective if it lowers the patch distance by 10 % and PSNR-Y by at most 0.5 dB. The
patch distance compares small patches of the results with patches of the originals, and is no
training loss. The squeeze distance is no criterion: a training loss compares the same features.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from srgan_gp.data.benchmark_downscalers import LOW_RES
from srgan_gp.errors import SrganGpError, UsageError
from srgan_gp.evaluation.evaluate import evaluate
from srgan_gp.evaluation.readable_images import require_all_read
from srgan_gp.exporting.export import export

COLUMNS = {
    "psnr_y": ("PSNR-Y", 2),
    "squeeze_distance": ("squeeze distance", 3),
    "patch_distance": ("patch distance", 1),
    "pattern": ("pattern", 3),
    "grain": ("grain", 2),
    "consistency": ("consistency", 2),
}
"""Columns by the name of a score in `evaluation.image_scores`: title and digits after the point."""
WANTED_CHANGE = -10.0  # percent: change of the patch distance by an effective critic, at most
ALLOWED_DECIBELS = -0.5  # change of PSNR-Y by an effective critic, at least
LEAST_POINTS = 4  # validations: fewer are not correlated
ESTIMATE = "validation/critic_estimate"  # names in the `stats.jsonl` of a run
DISTANCE = "validation/patch_distance"

Row = Mapping[str, float]
"""Scores of a model by name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison, the correlation or both; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        if not options.models and not options.run:
            raise UsageError("Pass two models, with and without critic, or --run RUN, or both.")
        if options.models:
            print(*compare(options), sep="\n", flush=True)
        if options.run:
            print(*correlate(options.run, options.from_images), sep="\n")
    except SrganGpError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "models", nargs="*", metavar="MODEL",
        help="with, then without critic: a name, an .onnx file or the folder of a run",
    )  # fmt: skip
    parser.add_argument(
        "--data", metavar="DIR_OR_ZIP[:FOLDER]", help="high-resolution images, such as B100"
    )
    parser.add_argument("--low-res", choices=LOW_RES, default="matlab", help="[matlab]")
    parser.add_argument(
        "--feature-weights", type=Path, metavar="FILE",
        help="SqueezeNet 1.1 (.safetensors), or none [torchvision's]",
    )  # fmt: skip
    parser.add_argument(
        "--run", type=Path, help="correlate the critic estimate of a run with its patch distance"
    )
    parser.add_argument(
        "--from-images", type=int, default=0, metavar="N",
        help="ignore earlier validations, such as those of the critic's warm-up [0]",
    )  # fmt: skip
    return parser


def compare(options: argparse.Namespace) -> Iterator[str]:
    """Score two models on one set; yield the lines of a table and a summary.

    Args:
        options: the command line; see `build_parser`.

    Raises:
        UsageError: the number of models is not two, or there is no data.
    """
    if len(options.models) != 2 or not options.data:
        raise UsageError("Pass two models, with and without critic, and --data.")
    first, second = options.models
    with_critic, without_critic = score(first, options), score(second, options)
    yield f"{options.data}, downscaled by {options.low_res}, uint8 output"
    yield from table({f"{first} (critic)": with_critic, f"{second} (no critic)": without_critic})
    yield summary(with_critic, without_critic)


def score(model: str, options: argparse.Namespace) -> Row:
    """Evaluate a model.

    Args:
        model: name or `.onnx` file of a model, or the folder of a run, whose best checkpoint is
            exported as by `srgan-gp export`.
        options: the command line.

    Returns:
        Mean scores of the images and scores of the set, by name.

    Raises:
        UsageError: every image is too small for a patch.
    """
    with TemporaryDirectory() as folder:
        if Path(model).is_dir():
            model = str(export(Path(model), "model", Path(folder)).with_suffix(".onnx"))
        scores = evaluate(
            model,
            options.data,
            low_res=options.low_res,
            feature_weights=options.feature_weights,
        )
    require_all_read(scores.skipped)
    if scores.patch_distance is None:
        raise UsageError(f"Every image of {options.data} is too small. Pass a benchmark set.")
    return scores.mean() | scores.of_set()


def table(rows: Mapping[str, Row]) -> Iterator[str]:
    """Yield the lines of a table of two models.

    Args:
        rows: scores of the two models, by the title of their row.

    Yields:
        The titles, the two models, their difference, and the difference in percent of the second
        model.
    """
    first, second = rows.values()
    keys = [key for key in COLUMNS if key in first and key in second]
    difference = {key: first[key] - second[key] for key in keys}
    width = max(len("difference"), *(len(name) for name in rows))  # of the first column
    titles = [f"{COLUMNS[key][0]:>16}" for key in keys]
    yield " ".join([" " * width, *titles])
    for name, row in {**rows, "difference": difference}.items():
        values = [f"{row[key]:16.{COLUMNS[key][1]}f}" for key in keys]
        yield " ".join([f"{name:{width}}", *values])
    percent = []
    for key in keys:
        has_percent = second[key] != 0
        value = f"{100 * difference[key] / second[key]:+.1f}" if has_percent else "-"
        percent.append(f"{value:>16}")
    yield " ".join([f"{'in percent':{width}}", *percent])


def summary(with_critic: Row, without_critic: Row) -> str:
    """Summarise the change of the patch distance and of PSNR-Y by the critic."""
    change = 100 * (with_critic["patch_distance"] / without_critic["patch_distance"] - 1)
    decibels = with_critic["psnr_y"] - without_critic["psnr_y"]
    is_effective = change <= WANTED_CHANGE and decibels >= ALLOWED_DECIBELS
    return (
        f"The critic {'is' if is_effective else 'is not'} effective: it changes the patch "
        f"distance by {change:+.1f} % (wanted: {WANTED_CHANGE:+.0f} or less) and PSNR-Y by "
        f"{decibels:+.2f} dB (allowed: {ALLOWED_DECIBELS:+} or more)."
    )


def correlate(run_dir: Path, from_images: int) -> Iterator[str]:
    """Correlate the critic estimate of a run with its patch distance, on the validation images.

    Args:
        run_dir: folder of the run.
        from_images: earlier validations, by the number of training images seen, are ignored.

    Yields:
        Two lines: the first and last values of the estimates and distances, and their correlation.

    Raises:
        UsageError: there are fewer than `LEAST_POINTS` validations with both values, or the values
            of a series are all equal.
    """
    points = [point for point in read_series(run_dir) if point[0] >= from_images]
    if len(points) < LEAST_POINTS:
        raise UsageError(
            f"{run_dir} has {len(points)} validations with both {ESTIMATE} and {DISTANCE} from "
            f"image {from_images} on; a rank correlation needs at least {LEAST_POINTS}."
        )
    images, estimates, distances = zip(*points, strict=True)
    correlation = spearman(estimates, distances)
    yield (
        f"{run_dir}: {len(points)} validations from image {images[0]} to {images[-1]}; critic "
        f"estimate {estimates[0]:.4f} -> {estimates[-1]:.4f}, patch distance {distances[0]:.1f} -> "
        f"{distances[-1]:.1f}"
    )
    yield f"Spearman's rank correlation of the two: {correlation:.3f}"


def read_series(run_dir: Path) -> list[tuple[int, float, float]]:
    """Read (images seen, critic estimate, patch distance) of each validation that has both.

    Raises:
        UsageError: `run_dir` is not the folder of a run.
    """
    path = run_dir / "stats.jsonl"
    if not path.is_file():
        raise UsageError(f"There is no {path}. Pass the folder of a training run.")
    # Several lines may have the same number of images: the values of a validation are joined.
    values_by_images: dict[int, dict[str, float]] = {}
    for line in path.read_text().splitlines():
        values = json.loads(line)
        values_by_images.setdefault(values["images_seen"], {}).update(values)
    series = []
    for images, values in sorted(values_by_images.items()):
        if ESTIMATE in values and DISTANCE in values:
            series.append((images, values[ESTIMATE], values[DISTANCE]))
    return series


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman correlation: Pearson correlation of the ranks; equal values get their mean rank.

    Raises:
        UsageError: all values of a series are equal.

    Source:
        Spearman 1904, "The proof and measurement of association between two things".
    """
    if min(len(set(first)), len(set(second))) < 2:
        raise UsageError("A series is constant, so it has no rank correlation.")
    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


def ranks(values: Sequence[float]) -> np.ndarray:
    """Return the ranks, from 1 for the smallest value, float64; equal values share their mean."""
    ordered = np.sort(values)
    smaller = np.searchsorted(ordered, values, "left")  # number of smaller values
    smaller_or_equal = np.searchsorted(ordered, values, "right")
    return (smaller + 1 + smaller_or_equal) / 2  # mean of the first and the last rank


if __name__ == "__main__":
    sys.exit(main())
