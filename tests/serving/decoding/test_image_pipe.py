import json
from multiprocessing import BufferTooShort, Pipe

import numpy as np
import pytest

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.decoding.image_pipe import receive_picture, send_picture


@pytest.fixture
def pipe():
    ends = Pipe()
    yield ends
    for end in ends:
        end.close()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_all_fields_of_an_image_are_transferred(pipe, rng, kind):
    pixels, alpha = rng.random((2, 3, 1)).astype(kind), rng.random((2, 3)).astype(kind)
    sent = Picture(pixels, alpha, b"profile", b"exif", b"xmp", (72.0, 96.0), "PNG", ("a note",))
    send_picture(pipe[0], sent)
    received = receive_picture(pipe[1], 6)
    assert received.pixels.dtype == kind
    for name, value in vars(sent).items():
        np.testing.assert_array_equal(getattr(received, name), value)


def test_missing_fields_stay_missing(pipe):
    send_picture(pipe[0], Picture(np.zeros((1, 1, 3), np.uint8)))
    received = receive_picture(pipe[1], 1)
    assert (received.alpha, received.icc_profile, received.exif, received.dpi) == (None,) * 4


def test_error_keeps_its_code_and_message(pipe):
    pipe[0].send_bytes(json.dumps({"error": ["E_DAMAGED", "it is damaged"]}).encode())
    with pytest.raises(PictureError, match=r"^it is damaged$") as raised:
        receive_picture(pipe[1], 1)
    assert raised.value.code == "E_DAMAGED"


@pytest.mark.parametrize(
    ("shape", "kind", "data"),
    [
        ([1 << 20, 1 << 20, 3], "uint8", b""),
        ([2, 2, 4], "uint8", bytes(16)),
        ([2, 2, 3], "object", bytes(12)),
        ([-2, -2, 3], "uint8", bytes(12)),
        ([2, 2, 3], "uint8", bytes(11)),
        ([4], "uint8", bytes(4)),
        ([2, 2], "uint8", bytes(4)),
    ],
    ids=["huge", "four channels", "objects", "negative", "short", "flat", "no channels"],
)
def test_invalid_array_header_is_refused(pipe, shape, kind, data):
    head = {"arrays": {"pixels": [shape, kind]}, "blocks": [], "dpi": None}
    head |= {"source_format": "PNG", "notes": []}
    pipe[0].send_bytes(json.dumps(head).encode())
    pipe[0].send_bytes(data)
    with pytest.raises(ValueError, match=r"image array|bytes|pixels"):
        receive_picture(pipe[1], 100)


def test_more_bytes_than_declared_are_refused(pipe):
    head = {"arrays": {"pixels": [[1, 1, 3], "uint8"]}, "blocks": []}
    pipe[0].send_bytes(json.dumps(head).encode())
    pipe[0].send_bytes(bytes(1000))
    with pytest.raises(BufferTooShort):
        receive_picture(pipe[1], 100)


@pytest.mark.parametrize("part", ["header", "block"])
def test_size_of_header_and_blocks_is_limited(pipe, monkeypatch, part):
    monkeypatch.setattr(f"srgan_gp.serving.decoding.image_pipe._MAX_{part.upper()}_BYTES", 300)
    xmp = bytes(301 if part == "block" else 1)
    notes = ("a" * 301,) if part == "header" else ()
    send_picture(pipe[0], Picture(np.zeros((1, 1, 3), np.uint8), xmp=xmp, notes=notes))
    with pytest.raises(OSError, match="bad message length"):
        receive_picture(pipe[1], 1)
