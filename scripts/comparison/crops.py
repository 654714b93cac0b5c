"""The 24 crops of `side_by_side.py`: inputs, results of the peers and of our models.

A crop is a square part of a demo image. The peers are two upscalers of other projects, whose
results are in `peers_on_demo.zip`.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan_gp.errors import UsageError
from srgan_gp.inference.session import Session
from srgan_gp.inference.tiling.tiles import Span, round_up
from srgan_gp.inference.upscaler import Upscaler

Pixels = NDArray[np.uint8]
"""(H, W, 3), uint8 RGB."""

SCALE = 4
"""Scale of the peers' results."""
RESAMPLING_RADIUS = 4
"""Pixels of the input on each side of a crop that are added to the overlap of the network if the
result is downscaled. The Lanczos filter of the downscaling reaches only 3 pixels of the result."""
PEERS = ("real-esrgan-general", "lsdir-compact-c3")
"""Names of the peers, as in the archive."""


@dataclass(frozen=True)
class Crop:
    """A square crop of a demo image.

    Attributes:
        number: number of the crop, from 0.
        file: name of the image in `demo_inputs.zip`.
        x: left column, in pixels of the image.
        y: top row.
        size: side in pixels.
    """

    number: int
    file: str
    x: int
    y: int
    size: int


@dataclass(frozen=True)
class Source:
    """A crop and its complete image."""

    crop: Crop
    image: Pixels
    """The image without its alpha and colour profile, as the peers got it."""
    is_grey: bool
    """Whether the file is grey; all results are then converted to grey."""

    @property
    def pixels(self) -> Pixels:
        """The pixels of the crop, (size, size, 3), uint8 RGB."""
        crop = self.crop
        return self.image[crop.y : crop.y + crop.size, crop.x : crop.x + crop.size]


class Collection:
    """The demo images and the results of the peers, read from two archives.

    Args:
        shared: folder with `data/demo_inputs.zip` and `reference/peers_on_demo.zip`.

    Attributes:
        crops: the crops by number.

    Raises:
        UsageError: an archive cannot be read.
    """

    def __init__(self, shared: Path) -> None:
        self._inputs = _open(shared / "data" / "demo_inputs.zip")
        self._peers = _open(shared / "reference" / "peers_on_demo.zip")
        crops = json.loads(self._peers.read("spots.json"))  # dicts of the fields of `Crop`
        self.crops = {crop["number"]: Crop(**crop) for crop in crops}

    def source(self, number: int) -> Source:
        """Read the image of a crop."""
        crop = self.crops[number]
        with Image.open(io.BytesIO(self._inputs.read(crop.file))) as image:
            is_grey = image.mode in ("1", "L", "LA")
            return Source(crop, np.asarray(image.convert("RGB")), is_grey)

    def peer(self, name: str, number: int) -> Pixels:
        """Read the result of a peer for a crop, (size * 4, size * 4, 3), uint8 RGB."""
        member = f"{number:02d}/{name}.webp"
        with Image.open(io.BytesIO(self._peers.read(member))) as image:
            return np.asarray(image.convert("RGB"))


class Model:
    """A model of this project.

    Args:
        text: a name or an `.onnx` path. The suffix `@F` averages the weights of the model and of
            its fidelity partner, a model of higher PSNR, which gets the share F.
        threads: CPU threads; None: one for each CPU.
        scale: scale of the results; the results of a model of a larger scale are downscaled.

    Raises:
        UsageError: F is not a number from 0 to 1, or the model has a smaller scale.
        ModelRefusedError: there is no such model, or it is not valid.
    """

    def __init__(self, text: str, threads: int | None = None, scale: int = SCALE) -> None:
        name, fidelity = split_fidelity(text)
        self._session = Session.open(name, device="cpu", threads=threads, fidelity=fidelity)
        self._upscaler = Upscaler(self._session)
        self._scale = scale
        if self._upscaler.scale < scale:
            raise UsageError(
                f"{text} upscales by {self._upscaler.scale}, but the results are to be larger by "
                f"{scale}: pass --scale."
            )

    @property
    def sha256(self) -> str:
        """SHA-256 of the ONNX bytes that run, in hex."""
        return self._upscaler.sha256

    def upscale_crop(self, image: Pixels, x: int, y: int, size: int) -> Pixels:
        """Upscale a square crop; the result equals that part of the complete upscaled image.

        Args:
            image: (H, W, 3), uint8 RGB.
            x: left column of the crop.
            y: top row of the crop.
            size: side of the crop.

        Returns:
            (size * scale, size * scale, 3), uint8 RGB.
        """
        info, scale = self._session.info, self._scale
        overlap = info.overlap
        if overlap is not None and info.scale != scale:
            overlap += RESAMPLING_RADIUS
        height, width = image.shape[:2]
        rows = with_context((y, y + size), height, overlap, info.size_multiple)
        columns = with_context((x, x + size), width, overlap, info.size_multiple)
        surroundings = image[slice(*rows), slice(*columns)]
        upscaled = self._upscaler.upscale(surroundings, scale=scale)
        top, left = (y - rows[0]) * scale, (x - columns[0]) * scale
        return upscaled[top : top + size * scale, left : left + size * scale]


def split_fidelity(text: str) -> tuple[str, float | None]:
    """Split `MODEL@F` into the model and the fidelity.

    >>> split_fidelity("photo-x4@0.5")
    ('photo-x4', 0.5)
    >>> split_fidelity("photo-x4")
    ('photo-x4', None)

    Raises:
        UsageError: F is not a number from 0 to 1.
    """
    name, sign, value = text.rpartition("@")
    if not sign:
        return text, None
    try:
        fidelity = float(value)
    except ValueError:
        fidelity = -1.0  # refused below
    if not 0 <= fidelity <= 1:
        raise UsageError(f"{text}: the fidelity after @ must be a number from 0 to 1.")
    return name, fidelity


def with_context(crop: Span, length: int, overlap: int | None, multiple: int) -> Span:
    """Extend a crop along one axis by the pixels that its result depends on.

    Args:
        crop: start and stop of the crop along the axis, in pixels.
        length: length of the image along the axis.
        overlap: number of pixels on each side that the result depends on; None: the whole length.
        multiple: the window starts and ends at a multiple of it, or at the end of the image.

    Returns:
        Start and stop of the extended window.
    """
    if overlap is None:
        return 0, length
    start = max(crop[0] - overlap, 0) // multiple * multiple
    return start, min(round_up(crop[1] + overlap, multiple), length)


def to_grey(pixels: Pixels) -> Pixels:
    """Replace the three channels by their mean, rounded; (H, W, 3), uint8."""
    grey = np.rint(pixels.mean(axis=2, keepdims=True)).astype(np.uint8)
    return grey.repeat(3, axis=2)


def labels(models: Sequence[str]) -> list[str]:
    """Return a short label for each model: its name, or its path if names collide.

    >>> labels(["photo-x4", "runs/a/model.onnx", "runs/b/model.onnx"])
    ['photo-x4', 'a/model', 'b/model']

    Raises:
        UsageError: a model is given twice, or has the name of a peer.
    """
    if len(set(models)) < len(models):
        raise UsageError("A model is given twice.")
    paths = [Path(model.removesuffix(".onnx")) for model in models]
    longest = max((len(path.parts) for path in paths), default=1)
    for count in range(1, longest + 1):  # parts of the path in a label
        short_names = ["/".join(path.parts[-count:]) for path in paths]
        if len({*short_names, *PEERS}) == len(short_names) + len(PEERS):  # all are different
            return short_names
    raise UsageError(f"These names cannot be distinguished: {', '.join([*models, *PEERS])}.")


def _open(path: Path) -> zipfile.ZipFile:
    """Open an archive.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} cannot be read: {error}. Pass --shared DIR.") from error
