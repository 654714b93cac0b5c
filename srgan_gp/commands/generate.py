"""`srgan-gp generate`: faces of people who do not exist: files, a sheet or an animation."""

import argparse
import json
import os
import time
from typing import TYPE_CHECKING, Any

from srgan_gp.commands import option_types as types
from srgan_gp.commands.terminal import bar, counted, say, shown, tell
from srgan_gp.errors import UsageError

if TYPE_CHECKING:
    from srgan_gp.faces.face_requests import FaceRequest
    from srgan_gp.inference.face_generator import FaceGenerator
    from srgan_gp.inference.upscaler import Upscaler


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument
    add("--seeds", type=types.seeds, metavar="0,1,4-6", help=_SEEDS)
    add("--trunc", type=types.truncation, default=1.0, metavar="PSI", help=_TRUNC)
    add("--grid", type=types.grid, metavar="CxR", help="one picture of C columns and R rows")
    add("--interpolate", type=types.seed_pair, metavar="A-B", help=_INTERPOLATE)
    add("--frames", type=types.frames, metavar="N", help="of --interpolate [60]")
    add("--upscale", nargs="?", const="face-x4", metavar="MODEL", help=_UPSCALE)
    add("-o", "--output", type=types.place, required=True, metavar="PATH", help=_OUTPUT)
    add("-n", "--model", default="faces-64", metavar="NAME", help=_MODEL)
    add("--device", default="auto", metavar="auto|cpu|cuda[:N]", help="what to compute on [auto]")
    add("--threads", type=types.count, metavar="N", help="CPU threads [one for each core]")
    add("--exist", choices=("error", "overwrite"), default="error", help=_EXIST)
    add("--json", action="store_true", help="print one JSON object on stdout instead of lines")


_SEEDS = "the faces; a seed is always the same one [0; with --grid as many as it holds]"
_TRUNC = "below 1 faces are more usual and more alike, above 1 stranger [1]"
_INTERPOLATE = "an animation from the face of seed A to that of seed B, 25 frames a second"
_UPSCALE = "enlarge the faces by a model that `srgan-gp models` lists [face-x4]"
_OUTPUT = (
    "an image, for one face or a grid; a .gif, .webp, .png or .webm, for an animation; a folder "
    "for files such as seed0007.png"
)
_MODEL = "a name that `srgan-gp models` lists, or the path of an .onnx file [faces-64]"
_EXIST = "what to do about a result that exists [error]"


def run(options: argparse.Namespace) -> int:
    """Draw what was asked for, and print the files."""
    from srgan_gp.batch.naming.output_options import prepare_folder
    from srgan_gp.faces.face_files import draw_faces, write_faces
    from srgan_gp.system.files import sweep

    started = time.monotonic()
    request = _request(options)
    generator, upscaler = _load(options)
    side = generator.image_size * (upscaler.scale if upscaler else 1)
    request.check(side, may_replace=options.exist == "overwrite")
    prepare_folder(request.files[0].parent)
    sweep(request.files[0].parent)
    if not options.json:
        for model in filter(None, (generator, upscaler)):
            say(model.choice)
    pictures = draw_faces(request, generator, upscaler, options.trunc)
    with bar(request.count, is_silent=options.json) as progress:
        notes = write_faces(request, counted(pictures, progress))
    if options.json:
        report = _report(request, generator, upscaler)
        report |= {"truncation": options.trunc, "side": side, "notes": notes}
        report["seconds"] = round(time.monotonic() - started, 3)
        tell(json.dumps(report, indent=2))
        return 0
    for note in notes:
        say(f"note: {note}")
    for file in request.files:
        tell(shown(file))
    return 0


def _request(options: argparse.Namespace) -> "FaceRequest":
    """Plan what is to be drawn.

    Raises:
        UsageError: options do not go together.
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
            return request_sheet(options.seeds or (), options.grid, options.output)
        return request_faces(options.seeds or [0], options.output)
    for name in ("seeds", "grid"):
        if getattr(options, name) is not None:
            raise UsageError(f"--interpolate and --{name} do not go together; drop one of them.")
    return request_animation(options.interpolate, options.frames or DEFAULT_FRAMES, options.output)


def _load(options: argparse.Namespace) -> "tuple[FaceGenerator, Upscaler | None]":
    from srgan_gp.inference.face_generator import FaceGenerator
    from srgan_gp.inference.upscaler import Upscaler

    where: dict[str, Any] = {"device": options.device, "threads": options.threads}
    generator = FaceGenerator.load(options.model, **where)
    if options.upscale is None:
        return generator, None
    return generator, Upscaler.load(options.upscale, **where)


def _report(
    request: "FaceRequest", generator: "FaceGenerator", upscaler: "Upscaler | None"
) -> dict[str, Any]:
    """Say what was drawn by what, for a program."""
    return {
        "model": generator.name,
        "model_sha256": generator.sha256,
        "upscaler": upscaler.name if upscaler else None,
        "device": generator.device,
        "seeds": request.seeds,
        "frames": request.frames,
        "files": [os.fspath(file) for file in request.files],
    }
