"""WebM, read back by OpenCV."""

import io
import os
import re
import sys
import tempfile

import cv2
import numpy as np
import pytest

from srgan_gp.errors import PictureError
from srgan_gp.images.animation import webm
from srgan_gp.images.animation.webm import write_webm


def greys(count=5, size=(32, 48)):
    """Frames of increasing brightness, with red 40 above blue."""
    for index in range(count):
        yield np.full((*size, 3), (40 * index + 40, 40 * index + 20, 40 * index), np.uint8)


def encoded(frames, rate=25.0):
    buffer = io.BytesIO()
    write_webm(buffer, frames, rate)
    return buffer.getvalue()


def read(path):
    video = cv2.VideoCapture(str(path))
    rate = video.get(cv2.CAP_PROP_FPS)
    codec = int(video.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little")
    frames = []
    while (found := video.read())[0]:
        frames.append(found[1][..., ::-1])
    video.release()
    return np.stack(frames), rate, codec


def test_frames_and_rate_are_read_by_opencv(tmp_path):
    (tmp_path / "sequence.webm").write_bytes(encoded(greys(), rate=12.5))
    frames, rate, codec = read(tmp_path / "sequence.webm")
    assert (frames.shape, rate, codec) == ((5, 32, 48, 3), 12.5, b"VP90")
    # Colours go to 8-bit YUV of a smaller range and back, which costs some levels.
    expected = np.stack(list(greys())).astype(int)
    assert np.abs(frames - expected).max() <= 6


def test_nothing_is_printed(capfd):
    encoded(greys())
    assert capfd.readouterr() == ("", "")


def test_stderr_works_as_before(capfd):
    encoded(greys())
    os.write(2, b"back")
    assert capfd.readouterr().err == "back"


def test_a_closed_stderr_is_accepted():
    kept = os.dup(2)
    os.close(2)
    try:
        assert encoded(greys(2))[:4] == b"\x1aE\xdf\xa3"  # the signature of Matroska
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@pytest.mark.parametrize("size", [(31, 48), (32, 47)])
def test_odd_sides_are_refused_and_not_cropped(size):
    with pytest.raises(PictureError, match=rf"not {size[1]} x {size[0]} pixels") as caught:
        encoded(greys(size=size))
    assert caught.value.code == "E_ENCODER_LIMIT"


def test_frames_of_two_sizes_are_refused():
    frames = iter([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)])
    with pytest.raises(PictureError, match="same size") as caught:
        encoded(frames)
    assert caught.value.code == "E_FRAMES"


def test_a_full_disk_for_the_temporary_file_is_an_error(tmp_path, monkeypatch):
    import resource  # not available on Windows

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    noise = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    size = len(encoded(iter(noise)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(OSError, match=f"temporary folder {re.escape(str(tmp_path))};"):
                encoded(iter(noise))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_an_opencv_without_the_codec_is_an_error(monkeypatch):
    monkeypatch.setattr(webm, "_CODEC", "XXXX")
    with pytest.raises(PictureError, match=f"OpenCV {cv2.__version__} cannot write VP9"):
        encoded(greys())


def test_without_opencv_the_missing_libraries_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(PictureError, match=r"writing WebM needs OpenCV.*apt install libgl1"):
        encoded(greys())
