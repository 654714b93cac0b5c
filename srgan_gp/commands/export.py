"""`srgan-gp export`: exports a training run as a model for `upscale` or `generate`.

Heavy modules are imported inside functions, so that `--help` is fast.
"""

import argparse
from pathlib import Path

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.terminal import print_message, print_result
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import read_card
from srgan_gp.models.catalog import model_folders
from srgan_gp.models.new_names import EXIST, EXIST_ERROR, EXIST_HELP

# Command line and purpose of each example in `--help`.
EXAMPLES = (
    (
        "srgan-gp export runs/photos --name my-photos",
        "Export the best checkpoint of a run to my-photos.onnx and its card.",
    ),
    (
        "srgan-gp export runs/photos --name my-photos -o ~/.local/share/srgan-gp/models",
        "Install the model, so that `srgan-gp upscale -n my-photos` finds it.",
    ),
    (
        "srgan-gp export runs/faces --name my-faces -o models",
        "Export a run of faces for `srgan-gp generate -n models/my-faces.onnx`.",
    ),
)

# Help texts of the options; the default is in brackets.
_OUTPUT = "folder for the files of the model [the current folder]"
_PHOTOS = (
    "folders or zip files of photos that the int8 network of an upscaler is calibrated on [the "
    "training images of the run]"
)
_BLEND = "average the weights with those of a model of the same network"
_DEFAULT_SHARE = 0.5
_SHARE = f"share of that model in the average [{_DEFAULT_SHARE}]"
_SMOOTHING = (
    "share a of each neighbour, 0 to 0.25, in the filter [a, 1 - 2 a, a] that smooths the faces of "
    "a style_resnet, against thin lines; 0.12 leaves half of the highest frequency [that of the "
    "model that the run started from, or 0: no filter]"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument_group("Common options").add_argument
    add("run_dir", metavar="RUN", type=Path, help="folder of a training run")
    add("--name", required=True, help="name of the model")
    add("-o", "--output", type=Path, default=Path(), metavar="DIR", help=_OUTPUT)
    add("--exist", choices=EXIST, default=EXIST_ERROR, help=EXIST_HELP)
    add("--photos", nargs="+", metavar="PLACE", help=_PHOTOS)
    add = parser.add_argument_group("Weights").add_argument
    add("--blend", metavar="MODEL.onnx", type=Path, help=_BLEND)
    add("--blend-share", metavar="0..1", type=types.real_number, help=_SHARE)
    add("--smoothing", metavar="0..0.25", type=types.real_number, help=_SMOOTHING)


def run(options: argparse.Namespace) -> int:
    """Write the files of the model and print the path of its card; return 0.

    The files are the ONNX file; the critic, if the run has one; for an upscaler also its int8
    network, which has weights of 8 bits and is faster on a CPU; and the card, the description of
    the model.

    Raises:
        UsageError: an option is not valid, or `--blend-share` was passed without `--blend`.
    """
    if options.blend_share is not None and options.blend is None:
        raise UsageError(f"--blend-share {options.blend_share:g} needs --blend MODEL.onnx.")
    # Imported after the check, since importing torch takes seconds.
    from srgan_gp.exporting.export import export
    from srgan_gp.exporting.export_changes import Blend
    from srgan_gp.exporting.next_commands import next_command_for_model

    share = _DEFAULT_SHARE if options.blend_share is None else options.blend_share
    blend = None if options.blend is None else Blend(options.blend, share)
    card_path = export(
        options.run_dir,
        options.name,
        options.output,
        blend,
        options.photos,
        say=print_message,
        smoothing=options.smoothing,
        exist=options.exist,
    )
    print_result(str(card_path))
    user_folder = model_folders()[-1]  # the last one is the user's
    is_installed = card_path.parent.resolve() == user_folder.resolve()
    # Other commands find an installed model by its name, and any other model by its path.
    model = options.name if is_installed else str(card_path.with_suffix(".onnx"))
    print_message(next_command_for_model(read_card(card_path).task, model))
    return 0
