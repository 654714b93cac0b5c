"""`write_webm`: VP9 video in WebM, encoded by the FFmpeg of OpenCV."""

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

_CODEC = "VP90"  # four-letter code of VP9
_STDERR = 2  # file descriptor
_SEGMENT_ID = b"\x18\x53\x80\x67"  # of the element that contains the whole video
_LENGTH_BYTES = 8  # of the length that follows the ID
_HEAD_BYTES = 64  # first bytes of a file; they contain the start of the segment


def write_webm(file: BinaryIO, frames: Iterator[Array], frames_per_second: float) -> None:
    """Write a video without sound, compressed with loss.

    OpenCV needs a path, so the video is written to a temporary file first.

    Args:
        file: binary file, open for writing, empty.
        frames: at least one, all (H, W, 3), uint8 RGB, of equal and even height and width. OpenCV
            subsamples the chroma, and would crop an odd side silently.
        frames_per_second: frame rate.

    Raises:
        PictureError: E_FRAMES if the sizes of the frames differ; E_ENCODER_LIMIT if a side is odd
            or OpenCV cannot write VP9; E_MISSING_LIBRARY if OpenCV cannot be imported.
        OSError: the file or the temporary file cannot be written completely.
    """
    opencv = import_opencv("writing WebM")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sequence.webm"
        first = next(frames)
        height, width = _check_size(first)
        video = _open_video(opencv, path, frames_per_second, (width, height))
        try:
            _write_frame(video, first)
            for frame in frames:
                if frame.shape != first.shape:
                    raise PictureError("E_FRAMES", "the frames of a video must have the same size")
                _write_frame(video, frame)
        finally:
            video.release()
        with path.open("rb") as written:
            if not _is_complete(written.read(_HEAD_BYTES), path.stat().st_size):
                # The caller puts "cannot write NAME" before this message, so "it" is the video.
                raise OSError(
                    f"there is no room for it in the temporary folder {Path(folder).parent}; free "
                    "some space there, or set TMPDIR to another folder"
                )
            written.seek(0)
            shutil.copyfileobj(written, file)


def _is_complete(head: bytes, size: int) -> bool:
    """Return whether a WebM file is complete, because OpenCV does not report a full disk.

    The segment extends to the end of the file. FFmpeg writes its length last, and does not write it
    after an error.

    Args:
        head: the first `_HEAD_BYTES` bytes of the file.
        size: size of the file in bytes.
    """
    segment = head.find(_SEGMENT_ID)
    if segment < 0:
        return False
    length_start = segment + len(_SEGMENT_ID)
    content_start = length_start + _LENGTH_BYTES
    # The first byte only tells that the length has eight bytes.
    length = int.from_bytes(head[length_start + 1 : content_start])
    return content_start + length == size


def _check_size(frame: Array) -> tuple[int, int]:
    """Return (height, width) of a frame; E_ENCODER_LIMIT if one of them is odd."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        raise PictureError(
            "E_ENCODER_LIMIT",
            f"WebM needs even sides, not {width} x {height} pixels; write WebP instead",
        )
    return height, width


def _open_video(opencv: Any, path: Path, rate: float, size: tuple[int, int]) -> Any:  # noqa: ANN401
    """Return a `VideoWriter` of OpenCV.

    Args:
        opencv: the module.
        path: the file to write.
        rate: frames per second.
        size: (width, height) in pixels.
    """
    with _silent_stderr():
        codec = opencv.VideoWriter.fourcc(*_CODEC)
        video = opencv.VideoWriter(os.fspath(path), opencv.CAP_FFMPEG, codec, rate, size)
    if not video.isOpened():
        raise PictureError(
            "E_ENCODER_LIMIT",
            f"OpenCV {opencv.__version__} cannot write VP9; write WebP instead",
        )
    return video


def _write_frame(video: Any, frame: Array) -> None:  # noqa: ANN401 - OpenCV's stubs
    """Write an RGB frame to a `VideoWriter` of OpenCV."""
    video.write(np.ascontiguousarray(frame[..., ::-1]))  # RGB to BGR


@contextmanager
def _silent_stderr() -> Generator[None]:
    """Suppress a message of FFmpeg about the codec tag, printed when a video is opened.

    FFmpeg writes to the file descriptor of stderr, which Python's `sys.stderr` does not control. So
    the descriptor is redirected to the null device during the block.
    """
    try:
        saved_descriptor = os.dup(_STDERR)
    except OSError:  # It is closed, as after `2>&-` in a shell.
        yield
        return
    try:
        with suppress(OSError):  # Without a null device, the message is printed.
            null_device = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null_device, _STDERR)
            os.close(null_device)
        yield
    finally:
        os.dup2(saved_descriptor, _STDERR)
        os.close(saved_descriptor)
