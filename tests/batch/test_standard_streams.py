"""Temporary files that stand for standard input and output."""

import io

import pytest

from srgan_gp.batch import standard_streams
from srgan_gp.batch.standard_streams import temporary_files
from srgan_gp.errors import PictureError


def test_a_standard_input_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(standard_streams, "MAX_INPUT_BYTES", 100)
    data = b"\x89PNG\r\n\x1a\n" + bytes(1 << 16)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    with (
        pytest.raises(PictureError, match="more than 4 GiB") as caught,
        temporary_files(["-"], "b"),
    ):
        pass
    assert caught.value.code == "E_TOO_LARGE"
