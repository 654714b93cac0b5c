"""The rows of a PNG or TIFF are written while the network computes the next ones."""

import errno
import threading
import time

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch import early_encoding
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.one_image import decode, encode, enlarge, upscale_file
from srgan_gp.errors import DeviceError, OutputError
from srgan_gp.images.codecs import band_threads, row_encoding, tiff_writer
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import commit

PATIENCE = 60  # seconds; only a test that fails waits so long
SETTINGS = UpscaleSettings(tile=16)


@pytest.fixture(autouse=True)
def small_bands(monkeypatch):
    monkeypatch.setattr(row_encoding, "_BAND_BYTES", 2000)
    monkeypatch.setattr(tiff_writer, "_STRIP_SIZE", 500)
    monkeypatch.setattr(band_threads, "_cpus", lambda: 2)


@pytest.fixture
def job(rng, tmp_path):
    def make(name="result.png", channels=3, dtype=np.uint8):
        values = rng.integers(0, 256, (64, 48, channels), dtype)
        Image.fromarray(values[..., 0] if channels == 1 else values).save(tmp_path / "in.png")
        (tmp_path / "out").mkdir(exist_ok=True)
        return UpscaleJob(tmp_path / "in.png", tmp_path / "out" / name, None)

    return make


@pytest.fixture
def rng():
    return np.random.default_rng(3)


class Network:
    """Doubles images; calls a function before each tile."""

    def __init__(self, before=lambda count: None):
        self.before, self.count = before, 0

    def __call__(self, images):
        self.count += 1
        self.before(self.count)
        return images.repeat(2, axis=2).repeat(2, axis=3)


def upscale_early(job, session, settings=SETTINGS):
    upscaler = Upscaler(session)
    decoded = decode(job, settings, upscaler.scale)
    return enlarge(decoded, upscaler, settings, encodes_early=True)


@pytest.mark.parametrize("name", ["result.png", "result.tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [None, 1.5])
def test_the_file_is_the_same_as_without_overlap(job, fake_session, name, channels, scale):
    settings = UpscaleSettings(tile=16, scale=scale)
    task = job(name, channels)
    late = upscale_file(task, Upscaler(fake_session(Network())), settings)
    early = encode(upscale_early(task, fake_session(Network()), settings), settings)
    assert early.staged.sha256 == late.staged.sha256
    commit(early.staged)
    assert task.target.stat().st_size == early.staged.size


def size_of_partial(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.parametrize("name", ["result.png", "result.tif"])
def test_finished_rows_are_written_while_the_network_runs(job, fake_session, tmp_path, name):
    tiles = 4 * 3
    seen = []

    def before(count):
        if count < tiles:
            return
        deadline = time.monotonic() + PATIENCE
        while size_of_partial(tmp_path / "out") < 10_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(size_of_partial(tmp_path / "out"))

    network = Network(before)
    result = encode(upscale_early(job(name), fake_session(network)), SETTINGS)
    assert network.count == tiles
    assert seen[0] >= 10_000  # of noise: 128 x 96 x 3 bytes in all
    assert result.staged.size > seen[0]


@pytest.mark.parametrize("failing_tile", [1, 5, 12])
def test_a_failure_of_the_network_leaves_no_file(job, fake_session, tmp_path, failing_tile):
    def before(count):
        if count == failing_tile:
            raise DeviceError("The GPU failed.")

    threads = threading.active_count()
    with pytest.raises(DeviceError, match="The GPU failed"):
        upscale_early(job(), fake_session(Network(before)))
    assert list((tmp_path / "out").iterdir()) == []
    assert threading.active_count() == threads


def test_a_full_disk_stops_the_network(job, fake_session, tmp_path, monkeypatch):
    def full_disk(picture, file, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(early_encoding, "encode_image", full_disk)

    def before(_):
        for thread in threading.enumerate():
            if thread.name == "encode":
                thread.join(PATIENCE)

    network = Network(before)
    with pytest.raises(OutputError, match="the disk is full"):
        upscale_early(job(), fake_session(network))
    assert network.count == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_other_formats_are_encoded_after_the_network(job, fake_session):
    assert upscale_early(job("result.jpg"), fake_session(Network())).early_encoding is None


def test_running_out_of_memory_changes_no_byte(job, fake_session):
    def before(count):
        if count in (2, 5, 6):
            raise MemoryError

    task = job()
    late = upscale_file(task, Upscaler(fake_session(Network())), SETTINGS)
    early = encode(upscale_early(task, fake_session(Network(before))), SETTINGS)
    assert "memory ran out" in early.facts.warnings[-1]
    assert early.staged.size > 0
    np.testing.assert_array_equal(Image.open(early.staged.partial), Image.open(late.staged.partial))
