"""`srgan-gp upscale`: files, patterns and flat folders of pictures, enlarged."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp import option_types as types
from srgan_gp.errors import (
    NothingToDoError,
    OutputError,
    PictureError,
    SrganGpError,
    UsageError,
)
from srgan_gp.files import is_folder
from srgan_gp.terminal import bar, tell

if TYPE_CHECKING:
    from srgan_gp.batch.inputs import Inputs
    from srgan_gp.batch.plan import Output, Plan
    from srgan_gp.batch.runner import Settings
    from srgan_gp.inference.upscaler import Upscaler


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument
    add("inputs", nargs="*", metavar="INPUT", help="a picture, a folder of pictures or a pattern")
    add("-i", "--input", action="append", default=[], metavar="INPUT", help="the same, by option")
    add("-o", "--output", metavar="PATH", help=_OUTPUT)
    add("-n", "--model", metavar="NAME", help=_MODEL)
    add("--fidelity", type=types.fidelity, metavar="0..1", help=_FIDELITY)
    add("-s", "--scale", type=types.scale, metavar="S", help=_SCALE)
    add("-t", "--tile", type=types.tile, default="auto", metavar="auto|none|N", help=_TILE)
    add("--device", metavar="auto|cpu|cuda[:N]", help="what to compute on [auto]")
    add("-g", "--gpu-id", type=types.whole_number, metavar="N", help="short for --device cuda:N")
    add("--threads", type=types.count, metavar="N", help="CPU threads [one for each core]")
    add("--suffix", type=types.suffix, metavar="TEXT", help="added to the name of each result")
    add("-f", "--format", "--ext", default="auto", metavar="NAME", help=_FORMAT)
    add("-q", "--quality", type=types.quality, metavar="1-100", help="of JPEG and WebP [95]")
    add("--exist", choices=_EXIST, default="error", help="what to do about a result that exists")
    add("--max-pixels", type=types.count, default=100_000_000, metavar="N", help=_MAX_PIXELS)
    add("--strip-metadata", action="store_true", help="leave out EXIF, XMP and resolution")
    add("--json", action="store_true", help="print one JSON object on stdout instead of lines")


_UNWRITABLE_SUFFIXES = {".avif", ".heic", ".jp2", ".jxl"}
_EXIST = ("error", "skip", "overwrite", "rename")
_OUTPUT = (
    "folder for the results or, for one picture, a file [one picture: beside it, as NAME_x4; "
    "several: needed]"
)
_MODEL = "a name that `srgan-gp models` lists, or the path of an .onnx file [classic-x4]"
_FIDELITY = (
    "slide from the model, 0, to its partner on the card, 1, by averaging the weights of the two "
    "[the model as it is]"
)
_SCALE = "enlargement of both sides; any other than the model's is reached by resampling [model's]"
_TILE = "side of the tiles that bound the memory; the result does not depend on it [auto]"
_FORMAT = (
    "png, jpeg, webp, tiff or bmp [auto: the input's, or PNG where that cannot hold the result]"
)
_MAX_PIXELS = "largest picture to read, in pixels [100000000]"


def run(options: argparse.Namespace) -> int:
    """Upscale every input that can be; return 0, or 3 when some could not."""
    from srgan_gp.batch.inputs import gather
    from srgan_gp.batch.plan import make_plan, prepare_folder, without_results
    from srgan_gp.batch.runner import Settings
    from srgan_gp.inference.upscaler import Upscaler

    arguments = options.inputs + options.input
    if not arguments:
        raise UsageError("No input: give a picture, a folder or a pattern.")
    device = _device(options)
    inputs = gather(arguments)
    if not inputs.named + inputs.found:
        raise NothingToDoError(_why_nothing(arguments, inputs))
    # What is wrong with -o is said before the model loads; only the suffix needs the scale.
    _output(options, arguments, inputs, scale=1)
    model = {} if options.model is None else {"model": options.model}
    upscaler = Upscaler.load(
        **model, device=device, threads=options.threads, fidelity=options.fidelity
    )
    scale = options.scale or upscaler.scale
    output = _output(options, arguments, inputs, scale)
    plan = make_plan(without_results(inputs, output), output)
    prepare_folder(output.folder)
    settings = Settings(
        scale=options.scale,
        tile=options.tile,
        quality=options.quality,
        max_pixels=options.max_pixels,
        strip_metadata=options.strip_metadata,
    )
    return _run_and_report(plan, upscaler, settings, inputs, wants_json=options.json)


def _run_and_report(
    plan: "Plan", upscaler: "Upscaler", settings: "Settings", inputs: "Inputs", *, wants_json: bool
) -> int:
    """Run the plan and tell of every picture, also when the run is cut short."""
    from srgan_gp.batch.report import as_object, outcome_line, summary_line
    from srgan_gp.batch.runner import Outcome, failed, not_tried, run

    outcomes = [Outcome(job.source, "skipped", target=job.target) for job in plan.skipped]
    outcomes += [failed(source, error) for source, error in plan.failures]
    with bar(len(plan.jobs), is_silent=wants_json) as narrator:
        narrator.line(upscaler.choice)
        for outcome in outcomes:
            narrator.line(outcome_line(outcome))
        before = len(outcomes)

        def show_progress(done: int, tiles: int) -> None:
            position = len(outcomes) - before
            narrator.move(position + done / tiles, str(plan.jobs[position].source))

        try:
            for outcome in run(plan, upscaler, settings, on_progress=show_progress):
                outcomes.append(outcome)
                narrator.line(outcome_line(outcome))
        finally:
            outcomes += map(not_tried, plan.jobs[len(outcomes) - before :])
            narrator.line(summary_line(outcomes, inputs.ignored, inputs.folders_not_entered))
            if wants_json:
                about = {"ignored": inputs.ignored, "model": upscaler.name}
                report = as_object(outcomes, **about, fidelity=upscaler.fidelity)
                tell(json.dumps(report, indent=2))
    if any(outcome.code == SrganGpError.code for outcome in outcomes):
        return SrganGpError.exit_code
    return PictureError.exit_code if any(o.status == "failed" for o in outcomes) else 0


def _output(
    options: argparse.Namespace, arguments: list[str], inputs: "Inputs", scale: float
) -> "Output":
    """Decide where the results go and what they are called.

    Raises:
        UsageError: -o is missing, or a file's name for several pictures.
        OutputError: -o is a file where a folder is needed.
    """
    from srgan_gp.batch.plan import Output
    from srgan_gp.images import FORMATS, find_format

    extension = None
    if options.format != "auto":
        extension = FORMATS[find_format(options.format)].suffixes[0]
    is_single = len(inputs.named) == len(arguments) == 1
    if options.output == "":
        raise UsageError("The text after -o is empty; name a folder or, for one picture, a file.")
    if options.output is None:
        if not is_single:
            raise UsageError("Several pictures need a folder for the results: pass -o FOLDER.")
        suffix = f"_x{scale:g}" if options.suffix is None else options.suffix
        return Output(inputs.named[0].parent, None, suffix, extension, options.exist)
    path = Path(options.output)
    if is_folder(path) or not _names_a_picture(path):
        if os.path.lexists(path) and not is_folder(path):
            raise OutputError(f"{path} is a file; give a folder for the results, or a new name.")
        return Output(path, None, options.suffix or "", extension, options.exist)
    if not is_single:
        raise UsageError(f"{path} is the name of one picture; give a folder for several results.")
    if extension is not None and find_format(extension) != find_format(path.suffix):
        raise UsageError(f"{path} does not end like a {options.format} file; drop one of the two.")
    return Output(path.parent, path.name, "", path.suffix, options.exist)


def _names_a_picture(path: Path) -> bool:
    """Say whether a path ends like a picture, and not like a folder.

    Raises:
        UsageError: like a picture that cannot be written.
    """
    from srgan_gp.batch.inputs import PICTURE_SUFFIXES
    from srgan_gp.images import FORMATS, find_format

    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES | _UNWRITABLE_SUFFIXES:
        find_format(suffix)
    return any(suffix in row.suffixes for row in FORMATS.values())


def _why_nothing(arguments: list[str], inputs: "Inputs") -> str:
    names = ", ".join(arguments)
    if inputs.ignored or inputs.folders_not_entered:
        return (
            f"No picture in {names}: {inputs.ignored} other files and "
            f"{inputs.folders_not_entered} folders were passed over."
        )
    return f"No picture in {names}: nothing is there, or nothing matches."


def _device(options: argparse.Namespace) -> str:
    if options.gpu_id is None:
        return options.device or "auto"
    device = f"cuda:{options.gpu_id}"
    if options.device not in (None, "auto", "cuda", device):
        raise UsageError(f"--gpu-id {options.gpu_id} and --device {options.device} disagree.")
    return device
