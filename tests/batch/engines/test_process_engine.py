"""Worker processes: same results as one process, no orphans, and a crash costs no image."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.process_engine import ProcessEngine
from srgan_gp.batch.engines.upscaler_loading import load_upscalers
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.one_image import upscale_file
from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import commit, remove_staged

PATIENCE = 120  # seconds; only a test that fails waits so long


@pytest.fixture
def start(tiny_model):
    """Start workers on the CPU with a tiny model; they are ended at the end of the test."""
    engines = []

    def make(devices=("cpu", "cpu"), model=None, **settings):
        model = model or str(tiny_model())
        load = partial(load_upscalers, model=model, threads=1, fidelity=None)
        engines.append(ProcessEngine(load, devices, UpscaleSettings(**settings)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def slow_job(tmp_path, jobs, rng):
    """An image that takes seconds in tiles of one pixel."""
    Image.fromarray(rng.integers(0, 256, (60, 60, 3), np.uint8)).save(tmp_path / "in" / "slow.png")
    return UpscaleJob(tmp_path / "in" / "slow.png", tmp_path / "out" / "slow.png", None)


def take(engine):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (result := engine.take(0.2)) is not None:
            return result
    raise AssertionError("there is no result")


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition was never true"
        time.sleep(0.01)


def parts(folder):
    return list(folder.rglob("*.part"))


def test_two_workers_return_the_results_of_one_process(start, jobs, tiny_model, tmp_path):
    engine = start()
    assert engine.about.scale == 2
    assert len(set(engine.process_ids)) == 2
    assert len(jobs) <= engine.capacity
    for job in jobs:
        engine.submit(job)
    results = {result.job: result for result in (take(engine) for _ in jobs)}
    upscaler = Upscaler.load(tiny_model(), device="cpu", threads=1)
    for job in jobs:
        alone, together = upscale_file(job, upscaler, UpscaleSettings()), results[job]
        remove_staged(alone.staged)
        assert together.staged.sha256 == alone.staged.sha256
        assert together.input_sha256 == alone.input_sha256
        commit(together.staged)
        assert job.target.stat().st_size == together.staged.size
    assert parts(tmp_path) == []


def test_a_killed_worker_is_replaced_and_its_images_are_processed(start, jobs, slow_job, tmp_path):
    engine = start(["cpu"], tile=1)
    for job in (slow_job, *jobs):
        engine.submit(job)
    [first] = engine.process_ids
    os.kill(first, signal.SIGKILL)
    results = [take(engine) for _ in range(7)]
    assert {result.job for result in results} == {slow_job, *jobs}
    assert [result.error for result in results] == [None] * 7
    assert engine.process_ids != [first]
    for result in results:
        commit(result.staged)
    assert parts(tmp_path) == []


def test_a_crash_keeps_the_results_of_other_workers(start, jobs, slow_job):
    engine = start(tile=1)
    for job in (slow_job, jobs[0]):
        engine.submit(job)
    one, other = engine._workers
    wait_until(other.pipe.poll)  # Its result was sent and not taken.
    time.sleep(0.2)  # It releases the file.
    os.kill(one.process.pid, signal.SIGKILL)
    wait_until(one.pipe.poll)
    for _ in range(2):
        commit(take(engine).staged)
    assert slow_job.target.exists() and jobs[0].target.exists()


def test_closing_ends_the_workers_and_removes_their_unfinished_files(
    start, slow_job, jobs, tmp_path
):
    engine = start(tile=1)
    processes = [psutil.Process(number) for number in engine.process_ids]
    for job in (*jobs, slow_job):
        engine.submit(job)
    wait_until(lambda: parts(tmp_path))  # At least one is staged.
    engine.close()
    assert not any(process.is_running() for process in processes)
    assert parts(tmp_path) == []


def test_errors_of_an_image_and_of_the_model_arrive(start, jobs, tmp_path):
    jobs[0].source.write_bytes(b"not an image")
    engine = start(["cpu"])
    engine.submit(jobs[0])
    assert take(engine).error.code == "E_NOT_AN_IMAGE"
    with pytest.raises(ModelRefusedError, match="no-such-model"):
        start(["cpu"], model="no-such-model")


PARENT = """
import sys
from functools import partial
from pathlib import Path
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.process_engine import ProcessEngine
from srgan_gp.batch.engines.upscaler_loading import load_upscalers
if __name__ == "__main__":
    load = partial(load_upscalers, model=sys.argv[1], threads=1, fidelity=None)
    engine = ProcessEngine(load, ["cpu", "cpu"], UpscaleSettings())
    print(*engine.process_ids, flush=True)
    sys.stdin.readline()
"""


def test_the_workers_of_a_killed_main_process_end(tiny_model, tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, tmp_path / "parent.py", tiny_model()]
    root = str(Path(__file__).resolve().parents[3])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": root},
    ) as parent:  # fmt: skip
        workers = [psutil.Process(int(number)) for number in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
    wait_until(lambda: not any(w.is_running() and w.status() != "zombie" for w in workers))
