"""`srgan-gp import`: installs an upscaler of another project, for `upscale` and the app.

Heavy modules are imported inside functions, so that `--help` is fast.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

from srgan_gp.commands.terminal import print_message, print_result, printable
from srgan_gp.errors import MissingExtraError
from srgan_gp.models.new_names import EXIST, EXIST_ERROR, EXIST_HELP

# Command line and purpose of each example in `--help`.
EXAMPLES = (
    (
        "srgan-gp import 4x-photo.safetensors --name community-x4",
        "Convert a model of spandrel to ONNX, check it, and install it.",
    ),
    (
        'srgan-gp import 1x-denoise.pth --name denoise --licence "CC-BY-4.0"',
        "State the licence, which a .pth file does not contain.",
    ),
    (
        "srgan-gp import 2x.onnx --name community-x2 --photos photos",
        "Install an ONNX model, with an int8 network that is calibrated on photos.",
    ),
)
_PACKAGES = ("onnxscript", "spandrel", "tomli_w", "torch")
"""Packages that this verb imports and a plain installation lacks; the extra `import` has them."""

# Help texts of the options; the default is in brackets.
_FILE = "a .pth, .pt, .ckpt, .safetensors or .onnx; OpenModelDB's .json beside it is read"
_LICENCE = "licence for the card [that in the .json or the file, else unknown]"
_PHOTOS = "folders or zip files of photos that an int8 network is calibrated on [no int8 network]"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.description = (
        "Install an upscaler or restorer of another project: weights of an architecture that "
        "spandrel knows, or an ONNX file. No code in a file is run. Refused are models that fill "
        "masks or restore aligned faces, and networks without a graph for images of any size."
    )
    add = parser.add_argument_group("Common options").add_argument
    add("file", metavar="FILE", type=Path, help=_FILE)
    add("--name", required=True, help="name of the new model")
    add("--exist", choices=EXIST, default=EXIST_ERROR, help=EXIST_HELP)
    add("--licence", metavar="TEXT", help=_LICENCE)
    add("--photos", nargs="+", metavar="PLACE", help=_PHOTOS)


def run(options: argparse.Namespace) -> int:
    """Import the file; print the path of the model's card, and what was measured; return 0."""
    _require_packages()
    from srgan_gp.importing.import_model import import_model
    from srgan_gp.models.cards import read_card

    card_path = import_model(
        options.file,
        options.name,
        licence=options.licence,
        photos=options.photos,
        say=print_message,
        exist=options.exist,
    )
    print_result(printable(card_path))
    card = read_card(card_path)
    print_message(f"{card.summary} Licence: {card.licence}.")
    for line in card.imported.lines if card.imported else ():
        print_message(f"  {line}")
    print_message(f"Next: srgan-gp upscale photo.jpg --model {card.name}")
    print_message(f"The app offers it after: srgan-gp app --offer {card.name}")
    return 0


def _require_packages() -> None:
    """Check that the packages of this verb are installed.

    Raises:
        MissingExtraError: a package is missing; the message names the extra to install.
    """
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise MissingExtraError(
                f"This command needs the package {package}, which is not installed: "
                'pip install "srgan-gp[import]" (in a clone: pip install ".[import]").'
            )
