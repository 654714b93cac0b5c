"""Connection to Ray: number of workers, messages of errors, and no processes left."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from srgan_gp.batch.engines.ray.ray_cluster import Workers, connected, room_for_workers
from srgan_gp.cli import main
from srgan_gp.errors import DeviceError, UsageError

ROOT = Path(__file__).resolve().parents[4]
SECONDS_TO_END = 60  # Of a busy machine; the run itself would take minutes on an idle one.


def nodes(*machines):
    return [{"Alive": True, "Resources": machine} for machine in machines]


@pytest.mark.parametrize(
    ("machines", "device", "cores", "workers"),
    [
        (nodes({"CPU": 2.0}), "auto", None, Workers(1, 2, 0)),
        (nodes({"CPU": 2.0}), "auto", 1, Workers(2, 1, 0)),
        (nodes({"CPU": 16.0}, {"CPU": 9.0}), "cpu", None, Workers(6, 4, 0)),
        (nodes({"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}), "auto", None, Workers(2, 1, 1)),
        (nodes({"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}), "cuda", 3, Workers(2, 3, 1)),
        (nodes({"CPU": 8.0, "GPU": 2.0}), "auto", 5, Workers(1, 5, 1)),
        (nodes({"CPU": 8.0, "GPU": 2.0}), "cpu", 4, Workers(2, 4, 0)),
        ([{"Alive": False, "Resources": {}}, *nodes({"CPU": 4.0})], "cpu", 4, Workers(1, 4, 0)),
    ],
)
def test_a_cluster_is_divided_by_gpus_or_by_cores(machines, device, cores, workers):
    assert room_for_workers(machines, device, cores) == workers


@pytest.mark.parametrize(
    ("machines", "device", "cores", "message"),
    [
        (nodes({"CPU": 8.0}), "cuda", None, "has no GPU"),
        (nodes({"CPU": 2.0}, {"CPU": 3.0}), "auto", 4, "has 4 CPU cores"),
        (nodes({}), "auto", None, "has 4 CPU cores"),
        (nodes({"CPU": 2.0, "GPU": 1.0}, {"CPU": 8.0}), "auto", 4, "has 4 CPU cores and a GPU"),
    ],
)
def test_too_few_resources_are_an_error(machines, device, cores, message):
    with pytest.raises(DeviceError, match=message):
        room_for_workers(machines, device, cores)


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "head:99999", "ray://head:10001"])
def test_an_invalid_address_is_refused(address):
    with pytest.raises(UsageError, match="--address takes HOST:PORT"), connected(address):
        pass


def test_a_cluster_that_does_not_answer_is_an_error():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DeviceError, match=f"can be used at {address}"), connected(address):
            pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "ray"], 'pip install "srgan-gp[ray]"'),
        (["--address", "head:6379"], "--address head:6379 needs --engine ray"),
        (["--engine", "ray", "-g", "0"], "Ray chooses the GPUs"),
        (["--engine", "ray", "--device", "cuda:1"], "Ray chooses the GPUs"),
    ],
)
def test_wrong_options_are_one_message(tmp_path, tiny_model, monkeypatch, capsys, options, message):
    Image.new("RGB", (3, 3)).save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "ray", None)  # As if it is not installed.
    line = ["upscale", tmp_path / "a.png", "-o", tmp_path / "out", "-n", tiny_model(), *options]
    assert main(list(map(str, line))) == 2
    [error] = capsys.readouterr().err.splitlines()
    assert message in error
    assert not (tmp_path / "out").exists()


def is_gone(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def endless(tiny_model, tmp_path, small_tiles):
    """Start a run on its own Ray; its first image is done, the second takes minutes.

    The second is added when the first is done, since an actor may reorder its calls.
    """
    (tmp_path / "in").mkdir()
    Image.new("RGB", (1, 1)).save(tmp_path / "in" / "a.png")
    Image.effect_noise((2500, 2500), 50).save(tmp_path / "b.png")
    words = ["upscale", "in", "-o", "out", "-n", tiny_model(), "--device", "cpu", "--tile", "1"]
    # Files of the Ray of a killed run; the name is short because of sockets.
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [sys.executable, *small_tiles, *words, "--engine", "ray", "--watch"], cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": folder},
            stderr=subprocess.PIPE, text=True,
        ) as run,
    ):  # fmt: skip
        while "a.png: 1x1 -> 2x2" not in run.stderr.readline():
            assert run.poll() is None
        [worker] = (process for process in processes_of(run) if "RayActor" in process.name())
        worked = worker.cpu_times().user
        (tmp_path / "b.png").rename(tmp_path / "in" / "b.png")
        while worker.cpu_times().user < worked + 2:
            assert run.poll() is None
            time.sleep(0.05)
        yield run
        run.kill()


def processes_of(run):
    """Find the processes of a Ray without its two agents, which end a minute after a kill."""
    processes = psutil.Process(run.pid).children(recursive=True)
    found = [process for process in processes if "Agent" not in process.name()]
    assert any("RayActor" in process.name() for process in found)
    return found


def test_the_workers_of_a_killed_run_end(endless):
    processes, started = processes_of(endless), time.monotonic()
    endless.kill()
    while not all(map(is_gone, processes)):
        assert time.monotonic() - started < SECONDS_TO_END
        time.sleep(0.05)


def test_a_signal_ends_the_run_its_workers_and_its_ray(endless, tmp_path):
    processes, started = processes_of(endless), time.monotonic()
    endless.terminate()
    said = endless.stderr.read()
    assert endless.wait() == 143
    assert time.monotonic() - started < SECONDS_TO_END
    assert "1 done, 0 skipped, 0 failed, 1 not finished" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".srgan-gp", "a.png"]
    assert all(map(is_gone, processes))
