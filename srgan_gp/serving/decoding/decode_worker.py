"""Decoder process: decodes images of clients with little memory and time.

It is told what to read, and answers with the picture or with an error.
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
from srgan_gp.serving.decoding.process_limits import limit_more_memory, limit_more_seconds
from srgan_gp.system.signals import ENDING

if TYPE_CHECKING:  # It takes as long to load as decoding a picture does.
    from multiprocessing.connection import Connection

CPU_SECONDS = 20
"""For one picture; one of 25 megapixels takes 1 to 3."""
READY = b"ready"

_BYTES_PER_PIXEL = 48  # 25 megapixels of 16-bit RGB with alpha took 31 (measured)
_MORE_BYTES = 1 << 30  # OpenCV, loaded for 16-bit colour, maps 0.3 GB and more with every core


def serve(pipe: "Connection[bytes, bytes]", max_pixels: int) -> None:
    """Be a worker: decode one picture after the other, until the pipe ends.

    Args:
        pipe: each question is a head `{"suffix": ..., "path": ...}` in JSON, and the file's bytes
            where it has no path. The answer is what `send_picture` sends, or a head with `error`.
        max_pixels: pictures with more are refused by their header.
    """
    for number in ENDING:  # Terminals and services send them to all; the other process decides.
        signal.signal(number, signal.SIG_IGN)
    limit_more_memory(_MORE_BYTES + _BYTES_PER_PIXEL * max_pixels)
    pipe.send_bytes(READY)
    with suppress(EOFError, OSError):
        while True:
            question = json.loads(pipe.recv_bytes())
            data = None if question["path"] else pipe.recv_bytes()
            limit_more_seconds(CPU_SECONDS)
            try:
                picture = _decode(question, data, max_pixels)
            except PictureError as error:
                pipe.send_bytes(json.dumps({"error": [error.code, str(error)]}).encode())
            else:
                send_picture(pipe, picture)


def _decode(question: Mapping[str, Any], data: bytes | None, max_pixels: int) -> Picture:
    suffix = question["suffix"]
    try:
        if data is not None:
            return decode_picture(BytesIO(data), max_pixels=max_pixels, suffix=suffix)
        with regular_file(Path(question["path"])) as file:
            return decode_picture(file, max_pixels=max_pixels, suffix=suffix)
    except MemoryError as error:
        raise PictureError(
            "E_OUT_OF_MEMORY", "there is not enough memory to read this picture; make it smaller"
        ) from error
