import io
import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import BusyError, Cancelled, PictureError
from srgan_gp.images import Picture, encode_image, read_image
from srgan_gp.serving.decoding.decode_pool import DecodePool
from srgan_gp.serving.jobs.job_cancellation import Stopper


@pytest.fixture(scope="module")
def pool():
    """One process for all tests, which some of them kill."""
    pool = DecodePool(1, 1_000_000)
    yield pool
    pool.close()


def process_of(pool):
    [decoder] = pool._idle.queue
    return decoder._process


def hang(pool):
    """Stop the pool's process, as a decoder that never ends would."""
    os.kill(process_of(pool).pid, signal.SIGSTOP)


def encoded(picture, format):
    file = io.BytesIO()
    encode_image(picture, file, format=format)
    return file.getvalue()


def png_bomb(width, height):
    """A PNG of few bytes that would fill width * height * 3 bytes."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compressobj(9)
    data = b"".join(row.compress(bytes(width * 3 + 1)) for _ in range(height)) + row.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tif", "bmp", "gif"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_comes_back_is_what_this_process_would_have_read(pool, rng, tmp_path, format, kind):
    values = rng.integers(0, np.iinfo(kind).max, (5, 7, 3), kind, endpoint=True)
    data = encoded(Picture(values, values[..., 0], dpi=(96.0, 96.0)), format)
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    here = read_image(path)
    for source in (data, path):
        there = pool.decode(source, "picture.png", Stopper())
        assert there.pixels.dtype == here.pixels.dtype
        for name, value in vars(here).items():
            np.testing.assert_array_equal(getattr(there, name), value)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "E_NOT_AN_IMAGE"),
        (b"<html>", "E_NOT_AN_IMAGE"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "E_FORMAT_NOT_ALLOWED"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "E_FORMAT_NOT_ALLOWED"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "E_NO_PIXELS"),
        (b"GIF89a" + bytes(range(1, 100)), "E_DAMAGED"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_code(pool, data, code):
    with pytest.raises(PictureError) as raised:
        pool.decode(data, "t.png", Stopper())
    assert raised.value.code == code


def test_a_bomb_is_refused_by_its_header_without_memory_or_time(pool):
    data = png_bomb(13_000, 1_000)
    pool.decode(encoded(Picture(np.zeros((1, 1, 3), np.uint8)), "png"), "a.png", Stopper())
    before = peak_memory(pool)
    with pytest.raises(PictureError, match="13,000,000 pixels") as raised:
        pool.decode(data, "a.png", Stopper())
    assert raised.value.code == "E_TOO_MANY_PIXELS"
    assert peak_memory(pool) - before < 2 * len(data) + (1 << 22)  # its 39 MB were not decoded


def peak_memory(pool):
    """Bytes of the decoder's largest resident set so far."""
    status = Path(f"/proc/{process_of(pool).pid}/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_a_decoder_that_dies_costs_its_picture_alone(pool, png):
    hang(pool)
    process = process_of(pool)
    threading.Timer(0.2, process.kill).start()
    with pytest.raises(PictureError) as raised:
        pool.decode(png, "a.png", Stopper())
    assert raised.value.code == "E_DECODER_CRASH"
    assert pool.decode(png, "a.png", Stopper()).pixels.shape == (12, 16, 3)
    assert process_of(pool).pid != process.pid


def test_a_decoder_that_dies_while_it_is_idle_costs_nothing(pool, png):
    pool.decode(png, "a.png", Stopper())
    process = process_of(pool)
    process.kill()
    process.join(60)
    assert pool.decode(png, "a.png", Stopper()).width == 16


def test_a_system_without_room_for_a_process_costs_no_decoder(pool, png, monkeypatch):
    def refuse(max_pixels):
        raise OSError("Too many open files")

    process_of(pool).kill()
    process_of(pool).join(60)
    with monkeypatch.context() as full:
        full.setattr("srgan_gp.serving.decoding.decode_pool.Decoder", refuse)
        for _ in range(3):
            with pytest.raises(BusyError, match="too much to do"):
                pool.decode(png, "a.png", Stopper())
    assert pool.decode(png, "a.png", Stopper()).width == 16


def test_a_decoder_that_is_being_killed_gets_no_other_picture(pool, png, monkeypatch):
    process = process_of(pool)

    class LateStopper(Stopper):
        """Is stopped when the picture has come, and before the decoder is given back."""

        @contextmanager
        def interrupting(self, end):
            with super().interrupting(end):
                yield
                self.stop()

    kill = process.kill
    monkeypatch.setattr(process, "kill", lambda: threading.Timer(0.3, kill).start())
    assert pool.decode(png, "a.png", LateStopper()).width == 16
    assert pool.decode(png, "b.png", Stopper()).width == 16
    assert process_of(pool).pid != process.pid


def test_a_decoder_that_hangs_is_replaced(pool, png, monkeypatch):
    pool.decode(png, "a.png", Stopper())
    hang(pool)
    monkeypatch.setattr(pool, "_most_seconds", 0.2)
    with pytest.raises(PictureError, match=r"more than 0\.2 s") as raised:
        pool.decode(png, "a.png", Stopper())
    assert raised.value.code == "E_DECODER_TIMEOUT"
    monkeypatch.undo()
    assert pool.decode(png, "a.png", Stopper()).width == 16


def test_a_job_is_cancelled_while_its_picture_is_decoded(pool, png):
    pool.decode(png, "a.png", Stopper())
    hang(pool)
    stopper = Stopper()
    threading.Timer(0.2, stopper.stop).start()
    with pytest.raises(Cancelled):
        pool.decode(png, "a.png", stopper)
    assert pool.decode(png, "a.png", Stopper()).width == 16


def test_a_job_is_cancelled_while_it_waits_for_a_decoder(png):
    pool, stopper = DecodePool(0, 1), Stopper()
    threading.Timer(0.2, stopper.stop).start()
    with pytest.raises(Cancelled):
        pool.decode(png, "a.png", stopper)


def test_a_closed_pool_leaves_no_process_and_decodes_nothing(png):
    pool = DecodePool(1, 1)
    process = process_of(pool)
    pool.close()
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises(Cancelled):
        pool.decode(png, "a.png", Stopper())


def test_a_decoder_may_neither_write_files_nor_take_all_memory(pool, png):
    pool.decode(png, "a.png", Stopper())
    lines = Path(f"/proc/{process_of(pool).pid}/limits").read_text().splitlines()
    soft = {line[:25].strip(): line[26:].split()[0] for line in lines}
    assert soft["Max file size"] == soft["Max core file size"] == "0"
    assert int(soft["Max address space"]) < 4 << 30
    assert 0 < int(soft["Max cpu time"]) < 60


def test_a_decoder_leaves_it_to_its_server_when_to_end(pool, png):
    pool.decode(png, "a.png", Stopper())
    process = process_of(pool)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process.pid, number)
    pool.decode(png, "a.png", Stopper())
    assert process_of(pool).pid == process.pid


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGBA", "CMYK", "F", "LAB"])
def test_the_largest_pictures_fit_into_the_memory_of_a_decoder(mode, tmp_path):
    Image.new(mode, (5000, 5000)).save(tmp_path / "large.tif")
    pool = DecodePool(1, 25_000_000)
    assert pool.decode(tmp_path / "large.tif", "a.tif", Stopper()).width == 5000
    deep = Picture(np.zeros((5000, 5000, 3), np.uint16), np.zeros((5000, 5000), np.uint16))
    for format in ("png", "tif"):
        assert pool.decode(encoded(deep, format), "a", Stopper()).height == 5000
    pool.close()


def test_a_process_that_ends_without_closing_its_pool_does_not_wait_for_it():
    code = (
        "from srgan_gp.serving.decoding.decode_pool import DecodePool\n"
        "if __name__ == '__main__': pool = DecodePool(1, 1)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_a_decoder_ends_with_its_server(pool, png):
    pool.decode(png, "a.png", Stopper())
    [decoder] = pool._idle.queue
    decoder._pipe.close()
    decoder._process.join(60)
    assert decoder._process.exitcode == 0
    assert pool.decode(png, "a.png", Stopper()).width == 16
