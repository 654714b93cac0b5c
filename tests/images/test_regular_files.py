import io
import os
import signal
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from srgan_gp.errors import PictureError
from srgan_gp.images import read_image, reading
from srgan_gp.images.file_types import silenced_pillow
from srgan_gp.images.reading import decode_picture


@pytest.fixture
def picture_file(tmp_path, make):
    """A file with a small image."""
    path = tmp_path / "picture.png"
    path.write_bytes(make.png(np.zeros((4, 5, 3), np.uint8)))
    return path


def test_a_missing_file_a_folder_and_a_pipe_have_error_codes(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path, code in [
        (tmp_path / "none.png", "E_NOT_FOUND"), (tmp_path, "E_NOT_A_FILE"),
        (tmp_path / "pipe.png", "E_NOT_A_FILE"), (Path("/dev/null"), "E_NOT_A_FILE"),
        (tmp_path / ("x" * 300), "E_UNREADABLE"), (tmp_path / "a\0b", "E_UNREADABLE"),
    ]:  # fmt: skip
        with pytest.raises(PictureError) as caught:
            read_image(path)
        assert caught.value.code == code


def test_a_pipe_that_replaces_the_file_does_not_block(picture_file, monkeypatch):
    system_open = os.open

    def swap_and_open(name, flags):
        picture_file.unlink()
        os.mkfifo(picture_file)
        return system_open(name, flags)

    def give_up(number, frame):
        raise AssertionError("waited for the pipe")

    monkeypatch.setattr(os, "open", swap_and_open)
    old = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 5)
    try:
        with pytest.raises(PictureError) as caught:
            read_image(picture_file)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert caught.value.code == "E_NOT_A_FILE"


def test_a_file_without_permission_has_an_error_code(picture_file, monkeypatch):

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # the super-user of a container may open everything
    with pytest.raises(PictureError) as caught:
        read_image(picture_file)
    assert caught.value.code == "E_NO_PERMISSION"


def test_a_disk_error_while_reading_is_reported():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(PictureError, match="Input/output") as caught:
        decode_picture(Broken(), max_pixels=100)
    assert caught.value.code == "E_UNREADABLE"


def test_a_file_that_changes_while_it_is_read_is_refused(picture_file, monkeypatch):
    decode = reading.decode_picture

    def decode_and_append(file, **options):
        picture_file.write_bytes(picture_file.read_bytes() + b"more")
        return decode(file, **options)

    monkeypatch.setattr(reading, "decode_picture", decode_and_append)
    with pytest.raises(PictureError) as caught:
        read_image(picture_file)
    assert caught.value.code == "E_CHANGED"


def test_warnings_are_silenced_until_the_last_reader_is_done():
    before = list(warnings.filters)
    entered, leave = threading.Event(), threading.Event()

    def read_for_long():
        with silenced_pillow():
            entered.set()
            leave.wait(60)

    reader = threading.Thread(target=read_for_long)
    with silenced_pillow():
        reader.start()
        assert entered.wait(60)
    assert list(warnings.filters) != before  # the other thread still reads
    leave.set()
    reader.join()
    assert list(warnings.filters) == before
