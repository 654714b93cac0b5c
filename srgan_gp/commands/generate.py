"""`srgan-gp generate`: writes generated faces as files, a sheet or an animation.

A sheet is one image with the faces in columns and rows. Heavy modules are imported inside
functions, so that `--help` is fast.
"""

import argparse
import json
import os
import time
from typing import TYPE_CHECKING, Any

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.terminal import (
    count_progress,
    print_message,
    print_result,
    printable,
    progress_bar,
)
from srgan_gp.errors import UsageError

if TYPE_CHECKING:
    from srgan_gp.faces.face_requests import FaceRequest
    from srgan_gp.inference.face_generator import FaceGenerator
    from srgan_gp.inference.upscaler import Upscaler

MODEL_TASKS = ("face-generation",)  # `--help` lists the models of these tasks
# Command line and purpose of each example in `--help`.
EXAMPLES = (
    (
        "srgan-gp generate --seeds 0-7 -o faces/",
        "Generate eight faces, each in a file such as faces/seed0000.png.",
    ),
    (
        "srgan-gp generate --grid 6x4 --trunc 0.7 --upscale -o sheet.png",
        "Generate a sheet of 24 faces, each upscaled four times.",
    ),
    (
        "srgan-gp generate --interpolate 3-8 --frames 100 -o walk.webm",
        "Generate an animation from the face of seed 3 to that of seed 8.",
    ),
)

# Help texts of the options; the default is in brackets.
_SEEDS = "seeds of the faces; a seed always gives the same face [0; with --grid: 0, 1, 2, ...]"
_TRUNC = "factor of the latents: below 1 faces are more usual and less diverse [the model's]"
_INTERPOLATE = "animation from the face of seed A to that of seed B, 25 frames a second"
_UPSCALE = "upscale the faces with a model, see `srgan-gp models` [face-x4]"
_OUTPUT = (
    "image file for one face or a grid; .gif, .webp, .png or .webm for an animation; folder for "
    "files such as seed0007.png"
)
_MODEL = "name of a model, see `srgan-gp models`, or path of an .onnx file [faces-64]"
_EXIST = "what to do if a result exists [error]"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument_group("Common options").add_argument
    add("-o", "--output", type=types.output_path, required=True, metavar="PATH", help=_OUTPUT)
    add("-n", "--model", default="faces-64", metavar="NAME", help=_MODEL)
    add("--seeds", "--seed", type=types.seeds, metavar="0,1,4-6", help=_SEEDS)
    add("--trunc", type=types.truncation, metavar="PSI", help=_TRUNC)
    add("--upscale", nargs="?", const="face-x4", metavar="MODEL", help=_UPSCALE)
    add = parser.add_argument_group("Output").add_argument
    add("--grid", type=types.grid, metavar="CxR", help="one image of C columns and R rows")
    add("--interpolate", type=types.seed_pair, metavar="A-B", help=_INTERPOLATE)
    add("--frames", type=types.frames, metavar="N", help="number of frames of --interpolate [60]")
    add("--exist", choices=("error", "overwrite"), default="error", help=_EXIST)
    add = parser.add_argument_group("Speed").add_argument
    add(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda[:N]|tensorrt[:N]",
        help="device to compute on [auto]",
    )
    add("--threads", type=types.count, metavar="N", help="CPU threads [one per core]")
    add = parser.add_argument_group("Automation").add_argument
    add("--json", action="store_true", help="print one JSON object on stdout instead of lines")


def run(options: argparse.Namespace) -> int:
    """Generate the faces and print the paths of the files; return 0."""
    from srgan_gp.batch.naming.output_options import prepare_folder
    from srgan_gp.faces.face_files import generate_faces, write_faces
    from srgan_gp.faces.face_metadata import face_xmp
    from srgan_gp.system.files import remove_abandoned_files

    started = time.monotonic()
    request = _request(options)
    generator, upscaler = _load(options)
    side = generator.image_size * (upscaler.scale if upscaler else 1)  # of a face, in pixels
    # Refuses a result that exists, and a sheet that would be too large with faces of this side.
    request.check_output(side, may_replace=options.exist == "overwrite")
    prepare_folder(request.files[0].parent)
    remove_abandoned_files(request.files[0].parent)
    if not options.json:
        print_message(generator.choice)  # a sentence: model and device
        if upscaler is not None:
            print_message(upscaler.choice)
        if generator.card is not None:
            print_message(f"Licence of {generator.name}: {generator.card.licence}.")
    truncation = generator.default_truncation if options.trunc is None else options.trunc
    # Yields each face when `write_faces` asks for it.
    faces = generate_faces(request, generator, upscaler, truncation)
    with progress_bar(request.count, is_silent=options.json) as progress:
        notes = write_faces(request, count_progress(faces, progress), face_xmp(generator))
    if options.json:
        report = _report(request, generator, upscaler)
        report |= {"truncation": truncation, "side": side, "notes": notes}
        report["seconds"] = round(time.monotonic() - started, 3)
        print_result(json.dumps(report, indent=2))
        return 0
    for note in notes:
        print_message(f"note: {note}")
    for file in request.files:
        print_result(printable(file))
    return 0


def _request(options: argparse.Namespace) -> "FaceRequest":
    """Turn the options into a request: the seeds of the faces, and the files to write.

    Raises:
        UsageError: options exclude each other, or one needs another.
    """
    from srgan_gp.faces.face_requests import (
        DEFAULT_FRAMES,
        request_animation,
        request_faces,
        request_sheet,
    )

    if options.interpolate is None:
        if options.frames is not None:
            raise UsageError(f"--frames {options.frames} needs --interpolate A-B.")
        if options.grid is not None:
            seeds = options.seeds or ()  # without --seeds, a sheet has the seeds 0, 1, 2 and so on
            return request_sheet(seeds, options.grid, options.output)
        return request_faces(options.seeds or [0], options.output)
    for name in ("seeds", "grid"):
        if getattr(options, name) is not None:
            raise UsageError(f"--interpolate and --{name} do not go together; drop one of them.")
    return request_animation(options.interpolate, options.frames or DEFAULT_FRAMES, options.output)


def _load(options: argparse.Namespace) -> "tuple[FaceGenerator, Upscaler | None]":
    """Load the face generator, and the upscaler of `--upscale`; None: there is no --upscale."""
    from srgan_gp.inference.face_generator import FaceGenerator
    from srgan_gp.inference.upscaler import Upscaler

    device, threads = options.device, options.threads
    generator = FaceGenerator.load(options.model, device=device, threads=threads)
    if options.upscale is None:
        return generator, None
    return generator, Upscaler.load(options.upscale, device=device, threads=threads)


def _report(
    request: "FaceRequest", generator: "FaceGenerator", upscaler: "Upscaler | None"
) -> dict[str, Any]:
    """Return the object of `--json`; `run` adds `truncation`, `side`, `notes` and `seconds`."""
    return {
        "model": generator.name,
        "model_sha256": generator.sha256,
        "licence": generator.card.licence if generator.card else None,
        "upscaler": upscaler.name if upscaler else None,
        "device": generator.device,
        "seeds": request.seeds,
        "frames": request.frames,
        "files": [os.fspath(file) for file in request.files],
    }
