"""`srgan-gp upscale`: upscales image files, folders and patterns."""

import argparse
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp.commands import option_types as types
from srgan_gp.commands.terminal import print_message, print_result, printable, progress_bar
from srgan_gp.errors import NothingToDoError, PictureError, UsageError
from srgan_gp.system.paths import is_folder

if TYPE_CHECKING:
    from srgan_gp.batch.inputs.walk import Walk
    from srgan_gp.batch.naming.output_options import Output
    from srgan_gp.batch.run import RunRequest

MODEL_TASKS = ("super-resolution",)
EXAMPLES = (
    ("srgan-gp upscale photo.jpg", "Upscale one photo; the result is photo_x4.jpg next to it."),
    (
        "srgan-gp upscale holiday -r -o large --scale 2 --format webp",
        "Upscale a folder and its subfolders to twice the size, as WebP files in large.",
    ),
    (
        "srgan-gp upscale inbox -o outbox --watch --report report.jsonl",
        "Upscale every image that arrives in a folder, and report on each.",
    ),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    _add_common_options(parser)
    _add_output_options(parser)
    add = parser.add_argument_group("Speed and memory").add_argument
    add("-t", "--tile", type=types.tile, default="auto", metavar="auto|none|N", help=_TILE)
    add("--max-pixels", type=types.count, default=100_000_000, metavar="N", help=_MAX_PIXELS)
    add("--device", metavar="auto|cpu|cuda[:N]", help="device to compute on [auto]")
    add("-g", "--gpu-id", type=types.gpu_ids, metavar="N[,N...]", help=_GPU)
    add("--threads", type=types.count, metavar="N", help="CPU threads [one per core]")
    add("--engine", choices=("local", "ray"), default="local", help=_ENGINE)
    add("--address", metavar="HOST:PORT", help="address of the Ray cluster [start Ray locally]")
    add = parser.add_argument_group("Automation").add_argument
    add("--watch", action="store_true", help=_WATCH)
    add("--dry-run", action="store_true", help="print the plan and write nothing")
    add("--report", type=Path, metavar="FILE", help="write one JSON line for each input to FILE")
    add("--json", action="store_true", help="print one JSON object on stdout instead of lines")


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("Common options").add_argument
    add("inputs", nargs="*", metavar="INPUT", help="image, folder of images, or pattern")
    add("-i", "--input", action="append", default=[], metavar="INPUT", help="another input")
    add("-o", "--output", metavar="PATH", help=_OUTPUT)
    add("-r", "--recursive", action="store_true", help="include the images of subfolders")
    add("-n", "--model", metavar="NAME", help=_MODEL)
    add("-s", "--scale", type=types.scale, metavar="S", help=_SCALE)
    add("--fidelity", type=types.fidelity, metavar="0..1", help=_FIDELITY)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("Output").add_argument
    add("-f", "--format", "--ext", default="auto", metavar="NAME", help=_FORMAT)
    add("-q", "--quality", type=types.quality, metavar="1-100", help=_QUALITY)
    add("--suffix", type=types.suffix, metavar="TEXT", help="text added to each file name")
    add("--name-template", metavar="TEXT", help=_TEMPLATE)
    add("--exist", choices=("error", "skip", "overwrite", "rename"), help=_EXIST)
    add("--frames", choices=("all", "first"), default="all", help=_FRAMES)
    add("--strip-metadata", action="store_true", help="write no EXIF, XMP and resolution")


_OUTPUT = (
    "folder of the results or, for one image, a file [one image: next to it, as NAME_x4; several "
    "images: required]"
)
_MODEL = "name of a model, see `srgan-gp models`, or path of an .onnx file [photo-x4]"
_FIDELITY = (
    "mix the weights of the model, 0, with those of its fidelity partner, 1 [the model alone]"
)
_SCALE = "scale of both sides; the result of the model is resampled to it [the model's]"
_TILE = "side of the tiles, which limit the memory; the result does not depend on it [auto]"
_GPU = (
    "the same as --device cuda:N; with several, such as 0,1, each GPU takes a share of the images"
)
_ENGINE = "local: this machine; ray: the machines of a Ray cluster with a shared disk [local]"
_TEMPLATE = (
    "name of each result without extension; may contain {stem}, {name}, {extension}, {parent}, "
    "{model}, {scale} and {suffix} [{stem}{suffix}]"
)
_FORMAT = (
    "png, jpeg, webp, tiff, bmp, avif, gif or auto: that of the input, or PNG where it cannot hold "
    "the result [auto]"
)
_QUALITY = "quality of JPEG, WebP and AVIF, or one for each, such as jpeg=90,webp=80 [95]"
_FRAMES = "frames of an animation or pages of a document to upscale [all]"
_EXIST = (
    "what to do if a result exists [skip it where the journal of the folder shows that it is the "
    "same, else error]"
)
_MAX_PIXELS = "refuse images with more pixels [100000000]"
_WATCH = "keep running and upscale every image that arrives in the folders, until a signal"


_DECISIVE_OPTIONS = (
    "format", "quality", "frames", "strip_metadata", "suffix", "name_template",
)  # fmt: skip
"""Options that, with model and scale, determine a result and its name."""


def run(options: argparse.Namespace) -> int:
    """Upscale every valid input; return 0, or 3 if some failed."""
    from srgan_gp.batch import run as batch_run
    from srgan_gp.batch.engines.engine_interface import UpscaleSettings
    from srgan_gp.batch.engines.open_engine import open_engine
    from srgan_gp.batch.inputs.walk import walk
    from srgan_gp.batch.naming.destination import Destination
    from srgan_gp.batch.results.journal import work_key

    arguments = options.inputs + options.input
    if not arguments:
        raise UsageError("No input: give an image, a folder or a pattern.")
    devices = _devices(options)
    destination = Destination(
        options.output, options.format, options.suffix, options.name_template, options.exist
    )
    inputs = walk(arguments, recursive=options.recursive, output_folder=destination.folder)
    first = next(iter(inputs), None)
    if first is None and not options.watch:
        raise NothingToDoError(_no_image_message(arguments, inputs))
    single = None
    if first is not None and first.is_named and len(arguments) == 1:
        single = first.path
    # Errors about -o come before the model loads; only the suffix needs the scale.
    _check(options, arguments, destination.output(single, model="", scale=1))
    values = vars(options)
    settings = UpscaleSettings(
        **{field.name: values[field.name] for field in fields(UpscaleSettings)}
    )
    with open_engine(
        devices,
        settings,
        model=options.model,
        threads=options.threads,
        fidelity=options.fidelity,
        engine="local" if options.dry_run else options.engine,
        address=options.address,
    ) as opened:
        scale = options.scale or opened.about.scale
        output = destination.output(single, opened.about.name, scale)
        decisive = {name: values[name] for name in _DECISIVE_OPTIONS}
        key = work_key(opened.about.sha256, **decisive | {"scale": scale})
        reporting = batch_run.Reporting(
            partial(progress_bar, is_silent=options.json), _print_line, options.json, options.report
        )
        keeps_journal = destination.folder is not None
        return _start(
            options,
            batch_run.RunRequest(opened, settings, inputs, output, key, reporting, keeps_journal),
        )


def _start(options: argparse.Namespace, request: "RunRequest") -> int:
    """Plan, watch or run; return the exit code."""
    from srgan_gp.batch import run as batch_run
    from srgan_gp.batch.naming.output_options import prepare_folder

    folder = request.output.folder
    if options.dry_run:
        totals = batch_run.dry_run(request)
        print_message(totals.line(folder))
        return PictureError.exit_code if totals.refused else 0
    prepare_folder(folder)
    if options.report is not None:
        prepare_folder(options.report.parent)
    return batch_run.watch(request) if options.watch else batch_run.run_once(request)


def _print_line(line: str) -> None:
    print_result(printable(line))


def _check(options: argparse.Namespace, arguments: list[str], output: "Output") -> None:
    """Refuse options that exclude each other.

    Raises:
        UsageError: they do.
    """
    from srgan_gp.batch.report import check_report

    naming = output.naming()
    if options.report is not None:
        check_report(options.report)
    if not options.watch:
        return
    if options.dry_run:
        raise UsageError("--watch waits for images and --dry-run writes nothing; drop one of them.")
    for argument in arguments:
        if not is_folder(Path(argument)):
            raise UsageError(f"--watch needs folders, and {argument} is not a folder.")
        if naming.adds_to_the_stem or not output.folder.exists():
            continue
        if output.folder.samefile(argument):
            raise UsageError(f"The results would be new inputs in {argument}; pass --suffix.")


def _no_image_message(arguments: list[str], inputs: "Walk") -> str:
    names, skipped_files = ", ".join(arguments), inputs.skipped_files
    if skipped_files.ignored or skipped_files.folders or skipped_files.links:
        return (
            f"No image in {names}: {skipped_files.ignored} other files and "
            f"{skipped_files.folders + skipped_files.links} folders were skipped."
        )
    return f"No image in {names}: nothing is there, or nothing matches."


def _devices(options: argparse.Namespace) -> list[str]:
    if options.address is not None and options.engine != "ray":
        raise UsageError(f"--address {options.address} needs --engine ray.")
    if options.engine == "ray" and (options.gpu_id or "cuda:" in (options.device or "")):
        raise UsageError("Ray chooses the GPUs; pass --device cuda, cpu or auto.")
    if options.gpu_id is None:
        return [options.device or "auto"]
    devices = [f"cuda:{number}" for number in options.gpu_id]
    if options.device not in (None, "auto", "cuda") and [options.device] != devices:
        numbers = ",".join(map(str, options.gpu_id))
        raise UsageError(f"--gpu-id {numbers} and --device {options.device} disagree.")
    return devices
