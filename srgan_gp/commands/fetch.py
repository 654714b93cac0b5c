"""`srgan-gp fetch`: installs a helper network, the face detector or the feature network.

Helper networks are networks of other projects that some commands need: YuNet finds faces,
SqueezeNet compares images. This package does not contain them.
"""

import argparse

from srgan_gp.commands.terminal import print_message, print_result, printable
from srgan_gp.errors import UsageError
from srgan_gp.models.helper_networks import HELPERS, how_to_get, install

# Command line and purpose of each example in `--help`.
EXAMPLES = (
    (
        "srgan-gp fetch feature-network",
        "Download SqueezeNet, which finetune and evaluate compare images with.",
    ),
    (
        "srgan-gp fetch face-detector --from face_detection_yunet_2026may.onnx",
        "Install YuNet, which prepare finds faces with, from a file.",
    ),
    (
        "srgan-gp fetch feature-network --from squeezenet1_1-b8a52dc0.pth",
        "Install SqueezeNet on a machine without a connection.",
    ),
)

# Help texts of the options; the default is in brackets.
_SOURCE = (
    "a file, or an address that begins with https:// [feature-network: its publisher's address; "
    "face-detector: none, a file or an address is required]"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.description = (
        "Put a network that some commands need into your models folder. A file is installed only "
        "if its SHA-256 is known to work."
    )
    add = parser.add_argument_group("Common options").add_argument
    purposes = "; ".join(f"{name}: {network.purpose}" for name, network in HELPERS.items())
    add(
        "network",
        nargs="?",
        choices=sorted(HELPERS),
        metavar="NETWORK",
        help=f"{purposes} [list them]",
    )
    add("--from", dest="source", metavar="FILE|URL", help=_SOURCE)


def run(options: argparse.Namespace) -> int:
    """Install the network; print its path, and its licence. Without a name, list the networks.

    Returns:
        0; failures are raised as errors.
    """
    if options.network is None:
        if options.source is not None:
            raise UsageError(f"--from needs the name of the network: {' or '.join(HELPERS)}.")
        for name, network in HELPERS.items():
            installed = network.installed()
            state = f"Installed: {installed}"
            if installed is None:
                state = f"Not installed. {how_to_get(network)}"
            print_result(printable(f"{name}: {network.purpose}. {state}"))
        return 0
    network = HELPERS[options.network]
    if options.source is None and network.installed():
        print_message(f"{network.title} is installed already.")
    # Without a source, `install` returns the path of an installed file, or downloads the file.
    path = install(network, options.source)
    print_result(printable(path))
    print_message(f"{network.title}. Licence: {network.licence}.")
    return 0
