"""Main loop of a decoder process, with limited memory and CPU time.

The loop receives image files through a pipe, and replies with the decoded image or an error.
`decode_process.Decoder` is at the other end of the pipe.
"""

import json
import signal
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.images.reading import decode_picture, regular_file
from srgan_gp.serving.decoding.image_pipe import send_picture
from srgan_gp.serving.decoding.process_limits import (
    forbid_writing_files,
    limit_additional_memory,
    limit_additional_seconds,
)
from srgan_gp.system.signals import ENDING

if TYPE_CHECKING:  # Slow to import.
    from multiprocessing.connection import Connection

CPU_SECONDS = 20
"""Limit of the CPU time for one image, in seconds; 25 megapixels take 1 to 3 s. A lower limit would
refuse large images on a slow CPU, a higher one lets a malicious image occupy a core for longer."""
READY = b"ready"
"""First message of the process, sent when its imports are done and its limits are set."""

# Limit of the memory in bytes per pixel; 25 megapixels of 16-bit RGB with alpha took 31. The rest
# is a reserve.
_BYTES_PER_PIXEL = 48
# 1 GiB: OpenCV, imported for 16-bit colour, maps 0.3 GB, and additional memory for each core.
_BASE_BYTES = 1 << 30


def run_decoder(pipe: "Connection[bytes, bytes]", max_pixels: int) -> None:
    """Decode images until the pipe is closed.

    Args:
        pipe: each request is a JSON header `{"suffix": ..., "path": ...}`, followed by the bytes of
            the file if `path` is null. The reply is sent by `send_picture`, or is a JSON header
            `{"error": [code, message]}`.
        max_pixels: images with more pixels are refused by their header.
    """
    # A terminal or a service manager sends these signals to all processes. The server decides when
    # its decoders end.
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    limit_additional_memory(_BASE_BYTES + _BYTES_PER_PIXEL * max_pixels)
    forbid_writing_files()
    pipe.send_bytes(READY)
    with suppress(EOFError, OSError):  # the server has closed the pipe
        while True:
            request = json.loads(pipe.recv_bytes())
            data = None if request["path"] else pipe.recv_bytes()
            limit_additional_seconds(CPU_SECONDS)  # from here, for this image
            try:
                picture = _decode(request, data, max_pixels)
            except PictureError as error:
                pipe.send_bytes(json.dumps({"error": [error.code, str(error)]}).encode())
            else:
                send_picture(pipe, picture)


def _decode(request: Mapping[str, Any], data: bytes | None, max_pixels: int) -> Picture:
    """Decode the image of a request.

    Args:
        request: header with `suffix` and `path`.
        data: bytes of the file; None: it is read from `path`.
        max_pixels: images with more pixels are refused.

    Raises:
        PictureError: the image cannot be decoded, or the memory is not enough.
    """
    suffix = request["suffix"]
    try:
        if data is not None:
            return decode_picture(BytesIO(data), max_pixels=max_pixels, suffix=suffix)
        with regular_file(Path(request["path"])) as file:
            return decode_picture(file, max_pixels=max_pixels, suffix=suffix)
    except MemoryError as error:
        raise PictureError(
            "E_OUT_OF_MEMORY", "there is not enough memory to decode it; use a smaller image"
        ) from error
