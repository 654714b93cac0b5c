"""Helper networks, which are not part of the package: YuNet and SqueezeNet, found and installed.

YuNet finds faces in photos, SqueezeNet 1.1 compares images. They measure and prepare images; they
make no image. A file is installed only if its SHA-256 is in `HelperNetwork.name_by_sha256`.
"""

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.models.catalog import model_folders
from srgan_gp.system.downloads import download, read_limited
from srgan_gp.system.files import atomic_write_bytes, hash_file
from srgan_gp.system.paths import is_file
from srgan_gp.system.write_errors import convert_write_errors


@dataclass(frozen=True)
class HelperNetwork:
    """A network that some commands need.

    Attributes:
        name: its name in `srgan-gp fetch`.
        title: its name in messages.
        purpose: what needs it.
        name_by_sha256: the files that are known to work: name in the folder of models, by SHA-256
            in hexadecimal digits. A key of fewer than 64 digits is the beginning of a SHA-256, of
            which the file's source states no more.
        patterns: names under which the file is found, best first; they may contain `*`.
        source: address from which this program downloads the file; None if no address could be
            verified.
        where: where the user finds the file, for messages.
        licence: licence of the weights.
        max_bytes: largest size of the file; a larger one is refused before it fills the memory. The
            default is about three times the size of SqueezeNet 1.1, the largest of them.
    """

    name: str
    title: str
    purpose: str
    name_by_sha256: dict[str, str]
    patterns: tuple[str, ...]
    source: str | None
    where: str
    licence: str
    max_bytes: int = 16_000_000

    def installed(self) -> Path | None:
        """Find the file in the folders of models by its name; None if it is missing.

        Its SHA-256 is not checked: users may put another version of the network there.
        """
        for pattern in self.patterns:
            for folder in model_folders():
                for path in sorted(folder.glob(pattern)):
                    if is_file(path):
                        return path
        return None

    def name_for(self, sha256: str) -> str | None:
        """Return the name for a file of this SHA-256; None: the file is not known to work."""
        for known_sha256, name in self.name_by_sha256.items():
            if sha256.startswith(known_sha256):
                return name
        return None


FACE_DETECTOR = HelperNetwork(
    name="face-detector",
    title="YuNet",
    purpose="finds faces in photos: prepare, upscale --faces, and some scores of faces",
    name_by_sha256={
        "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12": "yunet.onnx"
    },
    patterns=("yunet.onnx", "face_detection_yunet*.onnx"),
    source=None,
    where=(
        "face_detection_yunet_2026may.onnx from the folder models/face_detection_yunet of the "
        "OpenCV model zoo, github.com/opencv/opencv_zoo"
    ),
    licence="Apache-2.0, in the model zoo MIT",
)
SQUEEZENET = HelperNetwork(
    name="feature-network",
    title="SqueezeNet 1.1",
    purpose="compares images: finetune, train with --critic projected_critic, evaluate",
    name_by_sha256={
        "4edd46723a94c347279b18a7ba874f8e451f62039e760c493843e9d3984fc40a": (
            "squeezenet1_1.safetensors"
        ),
        "b8a52dc0": "squeezenet1_1-b8a52dc0.pth",
    },
    patterns=("squeezenet1_1.safetensors", "squeezenet1_1-b8a52dc0.pth"),
    source="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
    where="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
    licence="BSD-3-Clause of torchvision, DeepScale's own weights BSD-2-Clause",
)
HELPERS = {network.name: network for network in (FACE_DETECTOR, SQUEEZENET)}
"""All helper networks by name."""
CARD_FEATURES_SHA256 = next(iter(SQUEEZENET.name_by_sha256))  # the first of the two files
"""SHA-256 of the weights that the squeeze distances on the model cards were measured with."""


def install(network: HelperNetwork, source: str | None = None) -> Path:
    """Put a file whose SHA-256 is known into the user's folder of models.

    Args:
        network: the network.
        source: path or HTTPS address of the file; None: `network.source`.

    Returns:
        Path of the installed file. If `source` is None and a file is installed already, its path.

    Raises:
        UsageError: the file cannot be read or downloaded, is too large, or no source is known; or
            the folder has another file of this name.
        ModelRefusedError: the SHA-256 of the file is not known; nothing is installed.
        OutputError: the folder cannot be written.
    """
    if source is None:
        installed = network.installed()
        if installed is not None:
            return installed
    source = source or network.source
    if source is None:
        raise UsageError(
            f"This program cannot download {network.title} itself. {how_to_get(network)}"
        )
    content = _read(source, network)
    sha256 = hashlib.sha256(content).hexdigest()
    name = network.name_for(sha256)
    if name is None:
        for other in HELPERS.values():
            if other.name_for(sha256) is not None:
                command = f"srgan-gp fetch {other.name} --from {shlex.quote(source)}"
                raise ModelRefusedError(
                    f"{source} is {other.title}, not {network.title}; nothing was installed. To "
                    f"install {other.title}: {command}. To install {network.title}: "
                    f"{how_to_get(network)}"
                )
        raise ModelRefusedError(
            f"{source} has the SHA-256 {sha256}, which is not known to work; nothing was "
            f"installed. {how_to_get(network)}"
        )
    target = model_folders()[-1] / name  # the user's folder
    if is_file(target) and hash_file(target) != sha256:
        raise UsageError(f"{target} exists and is another file; remove or rename it first.")
    with convert_write_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(target, content)
    return target


def how_to_get(network: HelperNetwork) -> str:
    """Return sentences that tell a user how to get a network, with or without a connection."""
    hashes = [key if len(key) == 64 else f"{key}..." for key in network.name_by_sha256]
    verb = "Get"
    if network.source is not None:
        command = f"`srgan-gp fetch {network.name}`"
        verb = f"{command} downloads {network.title}. Without a connection get"
    return (
        f"{verb} {network.where} (licence: "
        f"{network.licence}; SHA-256 {' or '.join(hashes)}), and run `srgan-gp fetch "
        f"{network.name} --from FILE`, which puts it into {model_folders()[-1]}."
    )


def _read(source: str, network: HelperNetwork) -> bytes:
    """Return the content of a file or an address.

    Raises:
        UsageError: it cannot be read or downloaded, or is too large.
    """
    if "://" in source:
        try:
            return download(source, network.max_bytes)
        except UsageError as error:
            if source != network.source:  # an address of the user, who can correct it
                raise
            raise UsageError(f"{error} {how_to_get(network)}") from error
    try:
        with Path(source).open("rb") as file:
            return read_limited(file, network.max_bytes, source)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
