"""`srgan-gp upscale`: upscales files, patterns, folders and whole trees."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp.commands import option_types as types
from srgan_gp.commands.terminal import bar, say, shown, tell
from srgan_gp.errors import NothingToDoError, PictureError, UsageError
from srgan_gp.system.paths import is_folder

if TYPE_CHECKING:
    from srgan_gp.batch.engines.engine_interface import UpscaleSettings
    from srgan_gp.batch.inputs.walk import Walk
    from srgan_gp.batch.naming.output_options import Output


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument
    add("inputs", nargs="*", metavar="INPUT", help="a picture, a folder of pictures or a pattern")
    add("-i", "--input", action="append", default=[], metavar="INPUT", help="the same, by option")
    add("-o", "--output", metavar="PATH", help=_OUTPUT)
    add("-r", "--recursive", action="store_true", help="enter folders inside folders")
    add("-n", "--model", metavar="NAME", help=_MODEL)
    add("--fidelity", type=types.fidelity, metavar="0..1", help=_FIDELITY)
    add("-s", "--scale", type=types.scale, metavar="S", help=_SCALE)
    add("-t", "--tile", type=types.tile, default="auto", metavar="auto|none|N", help=_TILE)
    add("--device", metavar="auto|cpu|cuda[:N]", help="what to compute on [auto]")
    add("-g", "--gpu-id", type=types.gpu_ids, metavar="N[,N...]", help=_GPU)
    add("--threads", type=types.count, metavar="N", help="CPU threads [one for each core]")
    add("--engine", choices=("local", "ray"), default="local", help=_ENGINE)
    add("--address", metavar="HOST:PORT", help="of the Ray cluster [a Ray on this machine]")
    add("--suffix", type=types.suffix, metavar="TEXT", help="added to the name of each result")
    add("--name-template", metavar="TEXT", help=_TEMPLATE)
    add("-f", "--format", "--ext", default="auto", metavar="NAME", help=_FORMAT)
    add("-q", "--quality", type=types.quality, metavar="1-100", help=_QUALITY)
    add("--frames", choices=("all", "first"), default="all", help=_FRAMES)
    add("--exist", choices=("error", "skip", "overwrite", "rename"), help=_EXIST)
    add("--max-pixels", type=types.count, default=100_000_000, metavar="N", help=_MAX_PIXELS)
    add("--strip-metadata", action="store_true", help="leave out EXIF, XMP and resolution")
    add("--watch", action="store_true", help=_WATCH)
    add("--dry-run", action="store_true", help="print what would be done, and do nothing")
    add("--report", type=Path, metavar="FILE", help="write one JSON object a line for each input")
    add("--json", action="store_true", help="print one JSON object on stdout instead of lines")


_OUTPUT = (
    "folder for the results or, for one picture, a file [one picture: beside it, as NAME_x4; "
    "several: needed]"
)
_MODEL = "a name that `srgan-gp models` lists, or the path of an .onnx file [photo-x4]"
_FIDELITY = (
    "slide from the model, 0, to its partner on the card, 1, by averaging the weights of the two "
    "[the model as it is]"
)
_SCALE = "enlargement of both sides; any other than the model's is reached by resampling [model's]"
_TILE = "side of the tiles that bound the memory; the result does not depend on it [auto]"
_GPU = "short for --device cuda:N; several, such as 0,1, share the pictures"
_ENGINE = "local: this machine; ray: all machines of a Ray cluster, which share a disk [local]"
_TEMPLATE = (
    "the name of each result without its extension, with {stem}, {name}, {extension}, {parent}, "
    "{model}, {scale} or {suffix} in it [{stem}{suffix}]"
)
_FORMAT = "png, jpeg, webp, ... [auto: the input's, or PNG where that cannot hold the result]"
_QUALITY = "of JPEG, WebP and AVIF; or one for each, such as jpeg=90,webp=80 [95]"
_FRAMES = "of an animation or a document of several pages [all]"
_EXIST = (
    "what to do about a result that exists [skip what the journal knows to be the same, refuse "
    "everything else]"
)
_MAX_PIXELS = "largest picture to read, in pixels [100000000]"
_WATCH = "go on and take every picture that comes into the folders, until a signal ends it"


def run(options: argparse.Namespace) -> int:
    """Upscale every input that can be; return 0, or 3 when some could not."""
    from srgan_gp.batch import run as orders
    from srgan_gp.batch.engines.open_engine import open_engine
    from srgan_gp.batch.inputs.walk import walk
    from srgan_gp.batch.naming.destination import Destination
    from srgan_gp.batch.naming.output_options import prepare_folder

    arguments = options.inputs + options.input
    if not arguments:
        raise UsageError("No input: give a picture, a folder or a pattern.")
    devices = _devices(options)
    destination = Destination(
        options.output, options.format, options.suffix, options.name_template, options.exist
    )
    inputs = walk(arguments, recursive=options.recursive, output_folder=destination.folder)
    first = next(iter(inputs), None)
    if first is None and not options.watch:
        raise NothingToDoError(_why_nothing(arguments, inputs))
    single = None
    if first is not None and first.is_named and len(arguments) == 1:
        single = first.path
    # What is wrong with -o is said before the model loads; only the suffix needs the scale.
    _check(options, arguments, destination.output(single, model="", scale=1))
    settings = _settings(options)
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
        key = _work_key(options, opened.about.sha256, scale)
        reporting = orders.Reporting(
            partial(bar, is_silent=options.json), _tell_shown, options.json, options.report
        )
        keeps_journal = destination.folder is not None
        request = orders.RunRequest(opened, settings, inputs, output, key, reporting, keeps_journal)
        if options.dry_run:
            totals = orders.dry_run(request)
            say(totals.line(output.folder))
            return PictureError.exit_code if totals.refused else 0
        for folder in (output.folder, options.report and options.report.parent):
            if folder is not None:
                prepare_folder(folder)
        return orders.watch(request) if options.watch else orders.run_once(request)


def _tell_shown(line: str) -> None:
    tell(shown(line))


def _check(options: argparse.Namespace, arguments: list[str], output: "Output") -> None:
    """Refuse words that make no sense together.

    Raises:
        UsageError: they do not.
    """
    from srgan_gp.batch.report import check_report

    naming = output.naming()
    if options.report is not None:
        check_report(options.report)
    if not options.watch:
        return
    if options.dry_run:
        raise UsageError("--watch waits for pictures and --dry-run does nothing; drop one of them.")
    for argument in arguments:
        if not is_folder(Path(argument)):
            raise UsageError(f"--watch needs folders to look into, and {argument} is none.")
        if naming.adds_to_the_stem or not output.folder.exists():
            continue
        if output.folder.samefile(argument):
            raise UsageError(f"The results would be new pictures in {argument}; pass --suffix.")


def _settings(options: argparse.Namespace) -> "UpscaleSettings":
    from srgan_gp.batch.engines.engine_interface import UpscaleSettings

    return UpscaleSettings(
        scale=options.scale,
        tile=options.tile,
        quality=options.quality,
        max_pixels=options.max_pixels,
        strip_metadata=options.strip_metadata,
        frames=options.frames,
    )


def _work_key(options: argparse.Namespace, model_sha256: str, scale: float) -> str:
    """Name everything that decides a result and what it is called, apart from the picture."""
    from srgan_gp.batch.results.journal import work_key

    return work_key(
        model_sha256,
        scale=scale,
        format=options.format,
        quality=options.quality,
        frames=options.frames,
        strip_metadata=options.strip_metadata,
        suffix=options.suffix,
        name_template=options.name_template,
    )


def _why_nothing(arguments: list[str], inputs: "Walk") -> str:
    names, skipped_files = ", ".join(arguments), inputs.skipped_files
    if skipped_files.ignored or skipped_files.folders or skipped_files.links:
        return (
            f"No picture in {names}: {skipped_files.ignored} other files and "
            f"{skipped_files.folders + skipped_files.links} folders were passed over."
        )
    return f"No picture in {names}: nothing is there, or nothing matches."


def _devices(options: argparse.Namespace) -> list[str]:
    if options.address is not None and options.engine != "ray":
        raise UsageError(f"--address {options.address} needs --engine ray.")
    if options.engine == "ray" and (options.gpu_id or "cuda:" in (options.device or "")):
        raise UsageError("Ray chooses the GPUs itself; pass --device cuda, cpu or auto.")
    if options.gpu_id is None:
        return [options.device or "auto"]
    devices = [f"cuda:{number}" for number in options.gpu_id]
    if options.device not in (None, "auto", "cuda") and [options.device] != devices:
        numbers = ",".join(map(str, options.gpu_id))
        raise UsageError(f"--gpu-id {numbers} and --device {options.device} disagree.")
    return devices
