"""WebM: frames as a VP9 video, encoded by the FFmpeg inside OpenCV."""

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import PictureError
from srgan_gp.images.codecs.sixteen_bit import import_opencv

Array = NDArray[Any]

_CODEC = "VP90"
_STDERR = 2
_SEGMENT, _LENGTH = b"\x18\x53\x80\x67", 8  # its sign, and the bytes of its length
_HEAD = 64  # bytes in which the segment has begun


def write_webm(file: BinaryIO, frames: Iterator[Array], frames_per_second: float) -> None:
    """Write a video without sound; colours are compressed with loss.

    OpenCV writes to a name and not to an open file, so the video lies in a temporary file first.

    Args:
        file: open for writing, empty.
        frames: at least one, all (H, W, 3), uint8 RGB of one size with even sides; VP9 as OpenCV
            writes it halves the resolution of colours, and would cut an odd side without a word.
        frames_per_second: how fast they are shown.

    Raises:
        PictureError: E_FRAMES; the sizes of the frames differ. E_ENCODER_LIMIT; a side is odd, or
            this OpenCV cannot write VP9. E_MISSING_LIBRARY; OpenCV cannot be imported.
        OSError: the file, or the temporary one, cannot be written in full.
    """
    opencv = import_opencv("writing WebM")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sequence.webm"
        first = next(frames)
        height, width = _checked_size(first)
        video = _opened(opencv, path, frames_per_second, (width, height))
        try:
            _add(video, first)
            for frame in frames:
                if frame.shape != first.shape:
                    raise PictureError("E_FRAMES", "the frames of a sequence must have one size")
                _add(video, frame)
        finally:
            video.release()
        with path.open("rb") as written:
            if not _is_whole(written.read(_HEAD), path.stat().st_size):
                raise OSError(
                    f"there is no room for it in the temporary folder {path.parents[1]}; free "
                    "some space there, or name another folder in TMPDIR"
                )
            written.seek(0)
            shutil.copyfileobj(written, file)


def _is_whole(head: bytes, size: int) -> bool:
    """Say whether a WebM file was written to its end, by its first bytes and its size in bytes.

    OpenCV is silent about a disk that filled up. FFmpeg fills in the length of the segment, which
    is all that follows the head, as the very last thing, and not at all after an error.
    """
    _, sign, rest = head.partition(_SEGMENT)
    start = len(head) - len(rest) + _LENGTH
    # The first bit of eight bytes says that they are eight.
    return sign != b"" and start + int.from_bytes(rest[1:_LENGTH]) == size


def _checked_size(frame: Array) -> tuple[int, int]:
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        raise PictureError(
            "E_ENCODER_LIMIT",
            f"WebM needs even sides, not {width} x {height} pixels; write WebP instead",
        )
    return height, width


def _opened(opencv: Any, path: Path, rate: float, size: tuple[int, int]) -> Any:  # noqa: ANN401
    with _silent_stderr():
        codec = opencv.VideoWriter.fourcc(*_CODEC)
        video = opencv.VideoWriter(os.fspath(path), opencv.CAP_FFMPEG, codec, rate, size)
    if not video.isOpened():
        raise PictureError(
            "E_ENCODER_LIMIT",
            f"this OpenCV, {opencv.__version__}, cannot write VP9; write WebP instead",
        )
    return video


def _add(video: Any, frame: Array) -> None:  # noqa: ANN401 - OpenCV's stubs
    video.write(np.ascontiguousarray(frame[..., ::-1]))  # OpenCV's order is blue, green, red


@contextmanager
def _silent_stderr() -> Generator[None]:
    """Keep FFmpeg from printing: it remarks that WebM has no such thing as the name of a codec.

    It writes past Python to the descriptor, and only while a video is opened.
    """
    try:
        kept = os.dup(_STDERR)
    except OSError:  # closed, as after `2>&-`
        yield
        return
    try:
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, _STDERR)
            os.close(nowhere)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
