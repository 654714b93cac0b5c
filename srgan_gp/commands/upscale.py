"""`srgan-gp upscale`: upscales image files, folders and patterns.

`run` starts a run of `srgan_gp.batch`. Heavy modules are imported inside functions, so that
`--help` is fast.
"""

import argparse
import json
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp.commands.options.upscale_checks import check_options, devices_of, non_default_quality
from srgan_gp.commands.options.upscale_options import add_options
from srgan_gp.commands.terminal import print_message, print_result, printable, progress_bar
from srgan_gp.errors import NothingToDoError, PictureError, UsageError
from srgan_gp.models.cards import UPSCALING
from srgan_gp.models.catalog import DEFAULT_MODELS

if TYPE_CHECKING:
    from srgan_gp.batch.engines.engine_interface import UpscaleSettings
    from srgan_gp.batch.run import RunRequest
    from srgan_gp.inference.face_enhancement.face_options import FaceOptions

# What `verb_parser` needs; `add_options` is imported.
__all__ = ["EXAMPLES", "MODEL_TASKS", "add_options", "run"]

MODEL_TASKS = (UPSCALING,)  # `--help` lists the models of these tasks
# Command line and purpose of each example in `--help`.
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


_OPTIONS_OF_RESULTS = (
    "format", "quality", "frames", "strip_metadata", "suffix", "name_template",
)  # fmt: skip
"""Options that, with model and scale, determine a result and its name. The journal records them."""


def run(options: argparse.Namespace) -> int:
    """Upscale every valid input; return 0, or 3 if some failed."""
    from srgan_gp.batch import run as batch_run
    from srgan_gp.batch.engines.engine_interface import UpscaleSettings
    from srgan_gp.batch.engines.open_engine import open_engine
    from srgan_gp.batch.inputs.missing_inputs import check_existence
    from srgan_gp.batch.inputs.skipped_files import no_image_message
    from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES, walk
    from srgan_gp.batch.naming.destination import Destination
    from srgan_gp.batch.results.work import Work, work_key

    arguments = options.inputs + options.input  # positional arguments, and values of -i
    if "-" in (*arguments, options.output):
        return _run_with_streams(options, arguments)
    if not arguments:
        raise UsageError("No input: give an image, a folder or a pattern.")
    devices = devices_of(options)
    destination = Destination(
        options.output,
        format=options.format,
        suffix=options.suffix,
        name_template=options.name_template,
        exist=options.exist,
        width=options.width,
        first_frame_only=options.frames == "first",
    )
    if len(arguments) > 1:  # A single input that does not exist is reported by the run.
        check_existence(
            arguments,
            PICTURE_SUFFIXES,
            has_folder=destination.folder is not None,
            # `--faces 0.5` is a mistake for `--faces --face-strength 0.5`.
            number_may_be_strength=options.faces and options.face_strength is None,
        )
    inputs = walk(arguments, recursive=options.recursive, output_folder=destination.folder)
    first_input = next(iter(inputs), None)  # the run reads the folders again
    if first_input is None and not options.watch:
        raise NothingToDoError(no_image_message(arguments, inputs.skipped_files))
    single = None  # the image, if the user named exactly one file
    if first_input is not None and first_input.is_named and len(arguments) == 1:
        single = first_input.path
    # Checked before the model loads. Its name and scale are not known yet, and make no difference
    # to these checks: `model` and `scale` are placeholders.
    check_options(options, arguments, destination.output(single, model="", scale=1))
    values = vars(options)
    # Each field of `UpscaleSettings` has the name of an option.
    settings_values = {field.name: values[field.name] for field in fields(UpscaleSettings)}
    settings = UpscaleSettings(**settings_values)
    with open_engine(
        devices,
        settings,
        model=options.model,
        threads=options.threads,
        fidelity=options.fidelity if options.look is None else _fidelity_of_look(options),
        precision=options.precision,
        faces=_face_options(options) if options.faces else None,
        tta=options.tta,
        engine="local" if options.dry_run else options.engine,  # a dry run needs no cluster
        address=options.address,
        # With `--width`, the width of a single image gives the scale, and thus the default model.
        image_width=_width_of(single, settings) if single and options.width else None,
    ) as opened:
        about = opened.about  # facts about the loaded model
        scale = options.scale or about.scale
        # First the options that determine a result: the journal finds a result by their hash.
        options_of_results = {name: values[name] for name in _OPTIONS_OF_RESULTS}
        # In an output folder, which alone has a journal, an empty suffix is the same as none.
        options_of_results |= {"scale": scale, "suffix": options.suffix or None}
        if options.width is not None:  # Each image has its own scale.
            options_of_results |= {"scale": None, "width": options.width}
        options_of_results |= about.face_work  # options of face enhancement, if it is on
        if options.quality is not None:  # `--quality` with the defaults is the same as without.
            options_of_results["quality"] = non_default_quality(options.quality)
        key = work_key(about.sha256, **options_of_results)
        # Then options for messages only. The key needs none of them: it has the hash of the model.
        options_of_results |= {
            "model": options.model or DEFAULT_MODELS[UPSCALING],
            "look": options.look,
            "fidelity": about.fidelity,
            # `auto` is float32 on every device.
            "precision": "float32" if options.precision == "auto" else options.precision,
            "tta": options.tta,
        }
        reporting = batch_run.Reporting(
            partial(progress_bar, unit="image", is_silent=options.json),
            _print_line,
            wants_json=options.json,
            report_path=options.report,
            streams_folder=options.streams_folder,
        )
        request = batch_run.RunRequest(
            opened,
            settings,
            inputs,
            destination.output(single, about.name, scale),
            Work(key, about.name, about.sha256, json.dumps(options_of_results)),
            reporting,
            keeps_journal=destination.folder is not None and not options.streams_folder,
        )
        return _start(options, request)


def _run_with_streams(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run with temporary files in place of standard input and standard output."""
    from srgan_gp.batch.standard_streams import temporary_files

    for name in ("watch", "dry_run", "recursive"):
        if getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} and - do not go together.")
    for name in ("json", "report"):
        # `--json` would print on standard output too, and the report is written before the result
        # is copied there.
        if options.output == "-" and getattr(options, name):
            raise UsageError(f"--{name} and -o - do not go together; pass -o FILE.")
    for name in ("suffix", "name_template"):
        if options.output == "-" and getattr(options, name) is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} names a file, and -o - writes none; drop it."
            )
    with temporary_files(arguments, options.output) as streams:
        options.inputs = list(streams.inputs)
        options.input = []
        options.output = streams.output
        options.streams_folder = streams.folder  # removed from messages; the folder gets no journal
        return run(options)


def _start(options: argparse.Namespace, request: "RunRequest") -> int:
    """Run, watch, or print the plan of a dry run, as the options say; return the exit code."""
    from srgan_gp.batch import run as batch_run
    from srgan_gp.batch.inputs.skipped_files import dry_run_lines
    from srgan_gp.batch.naming.output_options import folder_kept_if_used

    folder, choices = request.output.folder, request.opened.choices
    if options.look is not None:
        # `choices` are the lines about model and device; the list of `request` is changed.
        choices[:] = [f"--look {options.look}: {choice}" for choice in choices]
    if options.dry_run:
        # The speed of this machine says nothing about that of a Ray cluster.
        totals = batch_run.dry_run(request, has_estimate=options.engine == "local")
        for line in dry_run_lines(request.inputs.skipped_files):
            print_message(line)
        print_message(totals.summary_line(folder))
        if totals.to_do:
            print_message("Only headers were read: a damaged file is found when it is upscaled.")
        return PictureError.exit_code if totals.refused else 0
    report_folder = options.report.parent if options.report else folder
    with folder_kept_if_used(folder), folder_kept_if_used(report_folder):
        return batch_run.watch(request) if options.watch else batch_run.run_once(request)


def _print_line(line: str) -> None:
    """Print a line about an image on stdout; names of files cannot break the line."""
    print_result(printable(line))


def _width_of(image: Path, settings: "UpscaleSettings") -> int | None:
    """Read the width of an image in pixels; None: the image is refused later."""
    from srgan_gp.images.image_header import read_header

    try:
        return read_header(image, max_pixels=settings.max_pixels).width
    except PictureError:
        return None


def _fidelity_of_look(options: argparse.Namespace) -> float:
    """Return the fidelity, 0 to 1, that the value of `--look` names."""
    from srgan_gp.models.looks import fidelity_of_look

    model = options.model or DEFAULT_MODELS[UPSCALING]
    return fidelity_of_look(options.look, fidelity=None, model=model)


def _face_options(options: argparse.Namespace) -> "FaceOptions":
    """Collect the options of `--faces`; options that were not passed keep their defaults."""
    from srgan_gp.inference.face_enhancement.face_options import FaceOptions

    values = {
        "strength": options.face_strength,
        "model": options.face_model,
        "detector": options.detector,
    }
    return FaceOptions(**{name: value for name, value in values.items() if value is not None})
