"""Serialises images for a pipe: a JSON header, then raw bytes.

Nothing is unpickled, so a compromised decoder process cannot run code in the server. A field of
`Picture` that is not named in both functions is not transferred.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture

if TYPE_CHECKING:  # Slow to import.
    from multiprocessing.connection import Connection

Array = NDArray[Any]

_ARRAYS = ("pixels", "alpha")
_BLOCKS = ("icc_profile", "exif", "xmp")
_MAX_HEADER_BYTES = 1 << 20
_MAX_BLOCK_BYTES = 1 << 26  # for each of three blocks


def send_picture(pipe: "Connection[bytes, bytes]", picture: Picture) -> None:
    """Send an image: a header, then the arrays and metadata blocks that it lists.

    Args:
        pipe: connection to the other process.
        picture: image with metadata.
    """
    arrays = {"pixels": picture.pixels, "alpha": picture.alpha}
    present = {name: array for name, array in arrays.items() if array is not None}
    blocks = {name: value for name in _BLOCKS if (value := getattr(picture, name)) is not None}
    header = {
        "arrays": {name: [array.shape, array.dtype.name] for name, array in present.items()},
        "blocks": list(blocks),
        "dpi": picture.dpi,
        "source_format": picture.source_format,
        "notes": picture.notes,
    }
    pipe.send_bytes(json.dumps(header).encode())
    for array in present.values():
        pipe.send_bytes(np.ascontiguousarray(array).data.cast("B"))
    for block in blocks.values():
        pipe.send_bytes(block)


def receive_picture(pipe: "Connection[bytes, bytes]", max_pixels: int) -> Picture:
    """Receive an image from `send_picture`, and validate it.

    Args:
        pipe: connection to the other process.
        max_pixels: maximum number of pixels.

    Raises:
        PictureError: the other process sent an error.
        EOFError: the other process has ended.
        Exception: of any class, for an invalid reply.
    """
    header: dict[str, Any] = json.loads(pipe.recv_bytes(_MAX_HEADER_BYTES))
    if "error" in header:
        code, message = header["error"]
        raise PictureError(str(code), str(message))
    listed: dict[str, tuple[list[int], str]] = header["arrays"]
    arrays: dict[str, Array] = {
        name: _receive_array(pipe, *listed[name], max_pixels) for name in _ARRAYS if name in listed
    }
    present = [name for name in _BLOCKS if name in header["blocks"]]
    blocks = {name: pipe.recv_bytes(_MAX_BLOCK_BYTES) for name in present}
    return Picture(
        pixels=arrays["pixels"],
        alpha=arrays.get("alpha"),
        icc_profile=blocks.get("icc_profile"),
        exif=blocks.get("exif"),
        xmp=blocks.get("xmp"),
        dpi=tuple(header["dpi"]) if header["dpi"] else None,
        source_format=header["source_format"],
        notes=tuple(map(str, header["notes"])),
    )


def _receive_array(
    pipe: "Connection[bytes, bytes]", shape: list[int], dtype: str, max_pixels: int
) -> Array:
    if dtype not in ("uint8", "uint16", "float32") or not 2 <= len(shape) <= 3 or min(shape) < 1:
        raise ValueError(f"not an image array: {shape}, {dtype}")
    if shape[0] * shape[1] > max_pixels or shape[2:] not in ([], [1], [3]):
        raise ValueError(f"image array too large or with wrong channels: {shape}")
    array = np.empty(shape, dtype)
    if pipe.recv_bytes_into(array.data.cast("B")) != array.nbytes:
        raise ValueError(f"too few bytes for {shape}, {dtype}")
    return array
