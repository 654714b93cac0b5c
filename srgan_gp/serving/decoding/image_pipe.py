"""Images through a pipe: a JSON head, then bytes.

Neither side unpickles what the other sends, so that a decoder taken over by a picture gains nothing
of the server.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture

if TYPE_CHECKING:  # It takes as long to load as decoding a picture does.
    from multiprocessing.connection import Connection

Array = NDArray[Any]

_ARRAYS = ("pixels", "alpha")
_BLOCKS = ("icc_profile", "exif", "xmp")
_MOST_BYTES_OF_HEAD = 1 << 20
_MOST_BYTES_OF_BLOCK = 1 << 26  # all three stay below what a server can spare


def send_picture(pipe: "Connection[bytes, bytes]", picture: Picture) -> None:
    """Send a picture: a head, then each array and each block of metadata that the head announces.

    Args:
        pipe: to the other process.
        picture: any.
    """
    arrays = {"pixels": picture.pixels, "alpha": picture.alpha}
    present = {name: array for name, array in arrays.items() if array is not None}
    blocks = {name: value for name in _BLOCKS if (value := getattr(picture, name)) is not None}
    head = {
        "arrays": {name: [array.shape, array.dtype.name] for name, array in present.items()},
        "blocks": list(blocks),
        "dpi": picture.dpi,
        "source_format": picture.source_format,
        "notes": picture.notes,
    }
    pipe.send_bytes(json.dumps(head).encode())
    for array in present.values():
        pipe.send_bytes(np.ascontiguousarray(array).data.cast("B"))
    for block in blocks.values():
        pipe.send_bytes(block)


def receive_picture(pipe: "Connection[bytes, bytes]", max_pixels: int) -> Picture:
    """Receive what `send_picture` sent, and believe none of it.

    Args:
        pipe: from the other process.
        max_pixels: most pixels that can be right.

    Raises:
        PictureError: what the other process said of the file.
        EOFError: the process has ended.
        Exception: of any kind: the answer is not as it should be.
    """
    head: dict[str, Any] = json.loads(pipe.recv_bytes(_MOST_BYTES_OF_HEAD))
    if "error" in head:
        code, message = head["error"]
        raise PictureError(str(code), str(message))
    kinds: dict[str, tuple[list[int], str]] = head["arrays"]
    arrays: dict[str, Array] = {
        name: _receive_array(pipe, *kinds[name], max_pixels) for name in _ARRAYS if name in kinds
    }
    named = [name for name in _BLOCKS if name in head["blocks"]]
    blocks = {name: pipe.recv_bytes(_MOST_BYTES_OF_BLOCK) for name in named}
    return Picture(
        pixels=arrays["pixels"],
        alpha=arrays.get("alpha"),
        icc_profile=blocks.get("icc_profile"),
        exif=blocks.get("exif"),
        xmp=blocks.get("xmp"),
        dpi=tuple(head["dpi"]) if head["dpi"] else None,
        source_format=head["source_format"],
        notes=tuple(map(str, head["notes"])),
    )


def _receive_array(
    pipe: "Connection[bytes, bytes]", shape: list[int], kind: str, max_pixels: int
) -> Array:
    if kind not in ("uint8", "uint16", "float32") or not 2 <= len(shape) <= 3 or min(shape) < 1:
        raise ValueError(f"not the array of a picture: {shape}, {kind}")
    if shape[0] * shape[1] > max_pixels or shape[2:] not in ([], [1], [3]):
        raise ValueError(f"too large for an array of a picture: {shape}")
    array = np.empty(shape, kind)
    if pipe.recv_bytes_into(array.data.cast("B")) != array.nbytes:
        raise ValueError(f"too few bytes for {shape}, {kind}")
    return array
