"""Transfer of images through the pipe from a decoder process to the server.

An image is sent as a JSON header, then raw bytes. Nothing is unpickled, so that a compromised
decoder process cannot run code in the server. A new field of `Picture` is transferred only when it
is added to `send_picture` and `receive_picture`.
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
"""Fields of `Picture` that are arrays; `alpha` may be None."""
_BLOCKS = ("icc_profile", "exif", "xmp")
"""Fields of `Picture` that are bytes or None."""
# Limits of the memory that a compromised decoder process can make the server use. A header has a
# few hundred bytes and the notes. Blocks of photos have kilobytes, large ICC profiles megabytes; an
# image above a limit could not be opened.
_MAX_HEADER_BYTES = 1 << 20  # 1 MiB
_MAX_BLOCK_BYTES = 1 << 26  # 64 MiB, for each of the three blocks


def send_picture(pipe: "Connection[bytes, bytes]", picture: Picture) -> None:
    """Send an image: a header, then the arrays and metadata blocks that it lists.

    Args:
        pipe: connection to the server.
        picture: image with metadata.
    """
    arrays = {"pixels": picture.pixels}
    if picture.alpha is not None:
        arrays["alpha"] = picture.alpha
    blocks: dict[str, bytes] = {}
    for name in _BLOCKS:
        block = getattr(picture, name)
        if block is not None:
            blocks[name] = block
    header = {
        "arrays": {name: [array.shape, array.dtype.name] for name, array in arrays.items()},
        "blocks": list(blocks),
        "dpi": picture.dpi,
        "source_format": picture.source_format,
        "notes": picture.notes,
    }
    pipe.send_bytes(json.dumps(header).encode())
    for array in arrays.values():
        pipe.send_bytes(np.ascontiguousarray(array).data.cast("B"))
    for block in blocks.values():
        pipe.send_bytes(block)


def receive_picture(pipe: "Connection[bytes, bytes]", max_pixels: int) -> Picture:
    """Receive an image that `send_picture` sent, and validate it.

    Args:
        pipe: connection to the decoder process.
        max_pixels: maximum number of pixels, width x height.

    Raises:
        PictureError: the decoder process sent an error: a header with the key `error`.
        EOFError: the decoder process has ended.
        Exception: of any class, for an invalid reply.
    """
    header: dict[str, Any] = json.loads(pipe.recv_bytes(_MAX_HEADER_BYTES))
    if "error" in header:
        code, message = header["error"]
        raise PictureError(str(code), str(message))
    arrays: dict[str, Array] = {}
    for name in _ARRAYS:  # in the order in which they are sent
        if name in header["arrays"]:
            shape, dtype = header["arrays"][name]
            arrays[name] = _receive_array(pipe, shape, dtype, max_pixels)
    blocks: dict[str, bytes] = {}
    for name in _BLOCKS:
        if name in header["blocks"]:
            blocks[name] = pipe.recv_bytes(_MAX_BLOCK_BYTES)
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
    """Receive an array of `shape`: (H, W) of alpha, (H, W, 1) of grey or (H, W, 3) of RGB.

    Raises:
        ValueError: shape or dtype is not one of an image, the image has more than `max_pixels`
            pixels, or the bytes are too few.
    """
    if dtype not in ("uint8", "uint16", "float32") or not 2 <= len(shape) <= 3 or min(shape) < 1:
        raise ValueError(f"not an image array: {shape}, {dtype}")
    height, width, *channels = shape
    if height * width > max_pixels or channels not in ([], [1], [3]):
        raise ValueError(f"image array too large or with wrong channels: {shape}")
    array = np.empty(shape, dtype)
    # More bytes than the array has make `recv_bytes_into` raise.
    if pipe.recv_bytes_into(array.data.cast("B")) != array.nbytes:
        raise ValueError(f"too few bytes for {shape}, {dtype}")
    return array
