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
from srgan_gp.serving.decoding.decode_process import Decoder
from srgan_gp.serving.decoding.decode_worker import READY
from srgan_gp.serving.jobs.job_cancellation import Cancellation


@pytest.fixture(scope="module")
def pool():
    """Share one decoder process between all tests; some of them kill it."""
    pool = DecodePool(1, 1_000_000)
    yield pool
    pool.close()


def process_of(pool):
    [decoder] = pool._idle.queue
    return decoder._process


def hang(pool):
    """Stop the pool's process, which simulates a hanging decoder."""
    os.kill(process_of(pool).pid, signal.SIGSTOP)


def encoded(picture, format):
    file = io.BytesIO()
    encode_image(picture, file, format=format)
    return file.getvalue()


def png_bomb(width, height):
    """Return a small PNG file that decodes to width * height * 3 bytes."""

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
def test_decoded_image_equals_that_of_read_image(pool, rng, tmp_path, format, kind):
    values = rng.integers(0, np.iinfo(kind).max, (5, 7, 3), kind, endpoint=True)
    data = encoded(Picture(values, values[..., 0], dpi=(96.0, 96.0)), format)
    path = tmp_path / "image.png"
    path.write_bytes(data)
    expected = read_image(path)
    for source in (data, path):
        decoded = pool.decode(source, "image.png", Cancellation())
        assert decoded.pixels.dtype == expected.pixels.dtype
        for name, value in vars(expected).items():
            np.testing.assert_array_equal(getattr(decoded, name), value)


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
def test_undecodable_file_is_refused_with_its_code(pool, data, code):
    with pytest.raises(PictureError) as raised:
        pool.decode(data, "t.png", Cancellation())
    assert raised.value.code == code


def test_decompression_bomb_is_refused_by_its_header(pool):
    data = png_bomb(13_000, 1_000)
    pool.decode(encoded(Picture(np.zeros((1, 1, 3), np.uint8)), "png"), "a.png", Cancellation())
    before = peak_memory(pool)
    with pytest.raises(PictureError, match="13,000,000 pixels") as raised:
        pool.decode(data, "a.png", Cancellation())
    assert raised.value.code == "E_TOO_MANY_PIXELS"
    assert peak_memory(pool) - before < 2 * len(data) + (1 << 22)  # 39 MB if decoded


def peak_memory(pool):
    """Return the peak resident set size of the decoder, in bytes."""
    status = Path(f"/proc/{process_of(pool).pid}/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_crash_of_a_decoder_fails_its_image_only(pool, png):
    hang(pool)
    process = process_of(pool)
    threading.Timer(0.2, process.kill).start()
    with pytest.raises(PictureError) as raised:
        pool.decode(png, "a.png", Cancellation())
    assert raised.value.code == "E_DECODER_CRASH"
    assert pool.decode(png, "a.png", Cancellation()).pixels.shape == (12, 16, 3)
    assert process_of(pool).pid != process.pid


def test_decoder_that_died_while_idle_is_replaced(pool, png):
    pool.decode(png, "a.png", Cancellation())
    process = process_of(pool)
    process.kill()
    process.join(60)
    assert pool.decode(png, "a.png", Cancellation()).width == 16


def test_a_process_that_ended_normally_did_not_time_out_on_windows(monkeypatch):
    monkeypatch.delattr(signal, "SIGXCPU")  # a name that Windows does not have
    decoder = Decoder(1_000_000)
    assert decoder._pipe.recv_bytes() == READY
    decoder._pipe.close()
    decoder._process.join(60)
    assert decoder._process.exitcode == 0
    decoder.kill_and_close()
    assert decoder.failure().code == "E_DECODER_CRASH"


def test_a_process_whose_first_message_is_another_gets_no_image(png, monkeypatch):
    monkeypatch.setattr("srgan_gp.serving.decoding.decode_process.READY", b"other")
    decoder = Decoder(1_000_000)
    with pytest.raises(ValueError, match="first message"):
        decoder.decode(png, ".png", 10.0)
    decoder.kill_and_close()


def test_a_decoder_that_starts_too_slowly_is_replaced_and_named(png, monkeypatch):
    pool = DecodePool(1, 1_000_000)
    hang(pool)
    with monkeypatch.context() as slow:
        slow.setattr("srgan_gp.serving.decoding.decode_process._START_SECONDS", 0.2)
        with pytest.raises(BusyError, match=r"did not start within 0\.2 s\. Try") as raised:
            pool.decode(png, "a.png", Cancellation())
    assert raised.value.retry_seconds == 60
    assert pool.decode(png, "a.png", Cancellation()).width == 16
    pool.close()


def test_pool_recovers_when_processes_can_be_started_again(pool, png, monkeypatch):
    def refuse(max_pixels):
        raise OSError("Too many open files")

    process_of(pool).kill()
    process_of(pool).join(60)
    with monkeypatch.context() as full:
        full.setattr("srgan_gp.serving.decoding.decode_pool.Decoder", refuse)
        for _ in range(3):
            with pytest.raises(BusyError, match="overloaded"):
                pool.decode(png, "a.png", Cancellation())
    assert pool.decode(png, "a.png", Cancellation()).width == 16


def test_decoder_that_is_being_killed_gets_no_image(pool, png, monkeypatch):
    process = process_of(pool)

    class LateCancellation(Cancellation):
        """Is cancelled after the image was received and before the decoder is returned."""

        @contextmanager
        def interrupting(self, interrupt):
            with super().interrupting(interrupt):
                yield
                self.cancel()

    kill = process.kill
    monkeypatch.setattr(process, "kill", lambda: threading.Timer(0.3, kill).start())
    assert pool.decode(png, "a.png", LateCancellation()).width == 16
    assert pool.decode(png, "b.png", Cancellation()).width == 16
    assert process_of(pool).pid != process.pid


def test_hanging_decoder_is_replaced(pool, png, monkeypatch):
    pool.decode(png, "a.png", Cancellation())
    hang(pool)
    monkeypatch.setattr(pool, "_max_seconds", 0.2)
    with pytest.raises(PictureError, match=r"more than 0\.2 s") as raised:
        pool.decode(png, "a.png", Cancellation())
    assert raised.value.code == "E_DECODER_TIMEOUT"
    monkeypatch.undo()
    assert pool.decode(png, "a.png", Cancellation()).width == 16


def test_decoder_that_exceeds_its_cpu_time_names_that_limit():
    decoder = Decoder(1)
    os.kill(decoder._process.pid, signal.SIGXCPU)
    decoder._process.join(60)
    decoder.kill_and_close()
    assert "more than 20 s of CPU time" in str(decoder.failure())


def test_job_is_cancelled_during_decoding(pool, png):
    pool.decode(png, "a.png", Cancellation())
    hang(pool)
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.cancel).start()
    with pytest.raises(Cancelled):
        pool.decode(png, "a.png", cancellation)
    assert pool.decode(png, "a.png", Cancellation()).width == 16


def test_job_is_cancelled_while_waiting_for_a_decoder(png):
    pool, cancellation = DecodePool(0, 1), Cancellation()
    threading.Timer(0.2, cancellation.cancel).start()
    with pytest.raises(Cancelled):
        pool.decode(png, "a.png", cancellation)


def test_closed_pool_has_no_process_and_refuses_images(png):
    pool = DecodePool(1, 1)
    process = process_of(pool)
    pool.close()
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises(Cancelled):
        pool.decode(png, "a.png", Cancellation())


def test_resource_limits_of_a_decoder(pool, png):
    pool.decode(png, "a.png", Cancellation())
    lines = Path(f"/proc/{process_of(pool).pid}/limits").read_text().splitlines()
    soft = {line[:25].strip(): line[26:].split()[0] for line in lines}
    assert soft["Max file size"] == soft["Max core file size"] == "0"
    assert int(soft["Max address space"]) < 4 << 30
    assert 0 < int(soft["Max cpu time"]) < 60


def test_decoder_ignores_signals_of_the_terminal(pool, png):
    pool.decode(png, "a.png", Cancellation())
    process = process_of(pool)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process.pid, number)
    pool.decode(png, "a.png", Cancellation())
    assert process_of(pool).pid == process.pid


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGBA", "CMYK", "F", "LAB"])
def test_largest_images_fit_into_the_memory_limit(mode, tmp_path):
    Image.new(mode, (5000, 5000)).save(tmp_path / "large.tif")
    pool = DecodePool(1, 25_000_000)
    assert pool.decode(tmp_path / "large.tif", "a.tif", Cancellation()).width == 5000
    deep = Picture(np.zeros((5000, 5000, 3), np.uint16), np.zeros((5000, 5000), np.uint16))
    for format in ("png", "tif"):
        assert pool.decode(encoded(deep, format), "a", Cancellation()).height == 5000
    pool.close()


def test_process_exits_without_closing_its_pool(png, tmp_path):
    (tmp_path / "a.png").write_bytes(png)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from srgan_gp.serving.decoding.decode_pool import DecodePool\n"
        "from srgan_gp.serving.jobs.job_cancellation import Cancellation\n"
        "if __name__ == '__main__':\n"
        "    pool = DecodePool(1, 1000)\n"
        "    pool.decode(Path(sys.argv[1]), 'a.png', Cancellation())"  # it ignores signals then
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    assert subprocess.run(command, timeout=120, check=False).returncode == 0


def test_decoder_ends_when_its_pipe_is_closed(pool, png):
    pool.decode(png, "a.png", Cancellation())
    [decoder] = pool._idle.queue
    decoder._pipe.close()
    decoder._process.join(60)
    assert decoder._process.exitcode == 0
    assert pool.decode(png, "a.png", Cancellation()).width == 16


def test_a_heic_file_is_decoded_within_the_limits(pool):
    path = Path(__file__).parents[2] / "images" / "files" / "photo.heic"
    expected = read_image(path)
    decoded = pool.decode(path.read_bytes(), "photo.heic", Cancellation())
    assert np.array_equal(decoded.pixels, expected.pixels)
    assert decoded.exif == expected.exif
