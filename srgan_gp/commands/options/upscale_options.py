"""Options of `srgan-gp upscale`, in groups, with their help.

In a help text the default is in brackets. An option without `default` is None if the user does not
type the option; then `commands.upscale` applies the default.
"""

import argparse
from pathlib import Path
from typing import Any

from srgan_gp.commands.options import option_types as types
from srgan_gp.models.cards import LOOKS

_INPUTS = "image, folder of images, or pattern; - is standard input"
_OUTPUT = (
    "folder of the results or, for one image, a file, or - for standard output [one image: next to "
    "it, as NAME_x4; several images: required]"
)
_MODEL = (
    "name of a model, see `srgan-gp models`, or path of an .onnx file, used at any scale "
    "[photo-x4; for scales up to 2 photo-x2]"
)
_FIDELITY = (
    "0: crisp, the weights of photo-x4; 1: faithful, those of photo-x4-psnr; between: an "
    "average [0]"
)
_LOOK = (
    "crisp: with invented texture; faithful: as close to the input as possible, and better for "
    "drawings and screenshots; natural: between; "
    f"names for --fidelity {LOOKS['crisp']:g}, {LOOKS['faithful']:g} and {LOOKS['natural']:g} "
    "[crisp]"
)
_FACES = (
    "detect faces, and upscale the small ones with a model for faces; other pixels do not change"
)
_FACE_STRENGTH = "weight of the face model inside a face [1]"
_FACE_MODEL = "name of a model for super-resolution, or path of an .onnx file [face-x4]"
_WIDTH = (
    "width of each result in pixels, in place of a scale; for one image, the default model is that "
    "for the scale from the image to this width"
)
_SCALE = (
    "scale of both sides, such as 2 or 2x; the result of the model is resampled to it; up to 2, "
    "photo-x2 is the default model [the model's]"
)
_TILE = (
    "largest side of the tiles without the overlap around each; tiles limit the memory, and do not "
    "change the result [auto]"
)
_PRECISION = (
    "int8 is faster on a CPU; the run reports how far its results are from float32. float16 is for "
    "GPUs [auto, which is float32]"
)
_GPU = (
    "the same as --device cuda:N; with several, such as 0,1, each GPU takes a share of the images"
)
_ENGINE = "local: this machine; ray: the machines of a Ray cluster with a shared disk [local]"
_TEMPLATE = (
    "name of each result without extension; may contain {stem}, {name}, {extension}, {parent}, "
    "{model}, {scale} and {suffix} [{stem}{suffix}]"
)
_FORMAT = (
    "png, jpeg, webp, tiff, bmp, avif, gif or auto: that of the input's suffix, or PNG where it "
    "cannot hold the result [auto]"
)
_QUALITY = "quality of JPEG, WebP and AVIF, or one for each, such as jpeg=90,webp=80 [95]"
_FRAMES = "frames of an animation or pages of a document to upscale [all]"
_EXIST = (
    "what to do if a result exists; one that the journal of the folder lists with the same input "
    "and options is skipped in any case [error]"
)
_MAX_PIXELS = "refuse images with more pixels [100000000]"
_WATCH = "keep running and upscale every image that arrives in the folders, until a signal"
_DETECTOR = "an ONNX file of YuNet [that of `srgan-gp fetch face-detector`]"
_ADDRESS = "address of the Ray cluster [start Ray locally]"
_REPORT = "write one JSON line for each input to FILE"
_SUFFIX = (
    "text added to each file name [beside the input: _x4, or _w1920 with --width; in the folder of "
    "-o: none, so the name of the input]"
)
_TTA = (
    "average the results of the eight flips and rotations of an image (test-time augmentation): "
    "closer to the original and smoother, in eight times the time"
)
_FLAG: dict[str, Any] = {"action": "store_true"}
_GROUPS: dict[str, list[tuple[tuple[str, ...], dict[str, Any]]]] = {
    "Common options": [
        (("inputs",), {"nargs": "*", "metavar": "INPUT", "help": _INPUTS}),
        (
            ("-i", "--input"),
            {"action": "append", "default": [], "metavar": "INPUT", "help": "another input"},
        ),
        (("-o", "--output"), {"metavar": "PATH", "help": _OUTPUT}),
        (("-r", "--recursive"), _FLAG | {"help": "include the images of subfolders"}),
        (("-n", "--model"), {"metavar": "NAME", "help": _MODEL}),
        (("-s", "--scale"), {"type": types.scale, "metavar": "S", "help": _SCALE}),
        (("--width",), {"type": types.width, "metavar": "PIXELS", "help": _WIDTH}),
        (("--look",), {"choices": LOOKS, "help": _LOOK}),
        (("--fidelity",), {"type": types.fidelity, "metavar": "0..1", "help": _FIDELITY}),
        (("-x", "--tta"), _FLAG | {"help": _TTA}),
    ],
    "Faces": [
        (("--faces",), _FLAG | {"help": _FACES}),
        (
            ("--face-strength",),
            {"type": types.face_strength, "metavar": "0..1", "help": _FACE_STRENGTH},
        ),
        (("--face-model",), {"metavar": "NAME", "help": _FACE_MODEL}),
        (("--detector",), {"type": Path, "metavar": "FILE", "help": _DETECTOR}),
    ],
    "Output": [
        (("-f", "--format", "--ext"), {"default": "auto", "metavar": "NAME", "help": _FORMAT}),
        (("-q", "--quality"), {"type": types.quality, "metavar": "1-100", "help": _QUALITY}),
        (("--suffix",), {"type": types.suffix, "metavar": "TEXT", "help": _SUFFIX}),
        (("--name-template",), {"metavar": "TEXT", "help": _TEMPLATE}),
        (("--exist",), {"choices": ("error", "skip", "overwrite", "rename"), "help": _EXIST}),
        (("--frames",), {"choices": ("all", "first"), "default": "all", "help": _FRAMES}),
        (("--strip-metadata",), _FLAG | {"help": "write no EXIF, XMP and resolution"}),
    ],
    "Speed and memory": [
        (
            ("-t", "--tile"),
            {"type": types.tile, "default": "auto", "metavar": "auto|none|N", "help": _TILE},
        ),
        (
            ("--max-pixels",),
            {"type": types.count, "default": 100_000_000, "metavar": "N", "help": _MAX_PIXELS},
        ),
        (
            ("--device",),
            {
                "type": str.lower,
                "metavar": "auto|cpu|cuda[:N]|tensorrt[:N]",
                "help": "device to compute on [auto]",
            },
        ),
        (("-g", "--gpu-id"), {"type": types.gpu_ids, "metavar": "N[,N...]", "help": _GPU}),
        (
            ("--precision",),
            {"choices": types.PRECISIONS, "default": "auto", "help": _PRECISION},
        ),
        (
            ("--threads",),
            {"type": types.count, "metavar": "N", "help": "CPU threads [one per core]"},
        ),
        (("--engine",), {"choices": ("local", "ray"), "default": "local", "help": _ENGINE}),
        (("--address",), {"metavar": "HOST:PORT", "help": _ADDRESS}),
    ],
    "Automation": [
        (("--watch",), _FLAG | {"help": _WATCH}),
        (("--dry-run",), _FLAG | {"help": "print the plan and write nothing"}),
        (("--report",), {"type": Path, "metavar": "FILE", "help": _REPORT}),
        (("--json",), _FLAG | {"help": "print one JSON object on stdout instead of lines"}),
    ],
}
"""By title of a group: for each option, its names and the arguments of `add_argument`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `srgan-gp upscale` to its parser."""
    for title, options in _GROUPS.items():
        group = parser.add_argument_group(title)
        for names, arguments in options:
            group.add_argument(*names, **arguments)
    # Not an option. If an image comes from standard input or goes to standard output,
    # `commands.upscale` sets it to the path of a temporary folder. Messages omit this path.
    parser.set_defaults(streams_folder="")
