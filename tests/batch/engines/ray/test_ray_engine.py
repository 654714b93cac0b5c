"""Ray engine: the results of a local run, whatever happens to the workers.

All tests here share one Ray of two cores; the network is a few lines of numpy in its actors.
"""

import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.ray import ray_engine
from srgan_gp.batch.engines.ray.ray_engine import RayEngine
from srgan_gp.batch.engines.retry_queue import MAX_CRASHES
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.naming.plan import Output, UpscaleJob, make_plan
from srgan_gp.batch.plan_runner import PlanRunner
from srgan_gp.batch.results.journal import Journal
from srgan_gp.errors import DeviceError, ModelRefusedError, OutputError
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import remove_staged

PATIENCE = 60  # seconds; only a test that fails waits so long


@pytest.fixture(scope="module")
def ray():
    """A Ray of two cores; the objects of this file are pickled by value."""
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    import ray

    folder = tempfile.mkdtemp(
        prefix="ray-"
    )  # Short, since names of sockets have 107 bytes at most.
    before = signal.getsignal(signal.SIGTERM)
    ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False,
        logging_level="critical", object_store_memory=80 << 20, _temp_dir=folder,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, before)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield ray
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


class Network:
    """A session that doubles images, logs each call, and calls `on_call` first."""

    device, provider, precision, notes = "cpu", "numpy", "float32", ()

    card = None

    def __init__(self, log=None, on_call=None, sha256="0" * 64):
        self.info = ModelInfo(
            name="fake", task="super-resolution", scale=2, overlap=1, size_multiple=1,
            source="metadata", sha256=sha256,
        )  # fmt: skip
        self._log, self._on_call = log, on_call

    def run(self, images):
        if self._on_call is not None:
            self._on_call(images)
        if self._log is not None:
            with self._log.open("a") as file:
                file.write(f"{os.getpid()}\n")
        return images.repeat(2, axis=2).repeat(2, axis=3)

    def cancel(self):
        """Nothing to do: a run ends at once."""


class Crashing:
    """Kills its process at a random moment around its 10th to 14th call, once for each file."""

    def __init__(self, crashes):
        self._crashes = crashes

    def __call__(self, images):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 10:
            threading.Thread(target=self._crash, daemon=True).start()
        time.sleep(0.005)

    def _crash(self):
        time.sleep(random.uniform(0, 0.03))
        for crash in self._crashes.iterdir():
            with suppress(FileNotFoundError):  # Another process has just taken this one.
                crash.unlink()
                os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def image_files(tmp_path, rng):
    """Write `count` small images into a folder; returns their paths."""

    def make(count):
        folder = tmp_path / "in"
        folder.mkdir()
        for number in range(count):
            pixels = rng.integers(1, 256, (4, 6, 3), np.uint8)
            Image.fromarray(pixels * (number != 2)).save(folder / f"{number:03}.png")
        return sorted(folder.iterdir())

    return make


@pytest.fixture
def start(ray):
    """Start an engine with networks; it is closed at the end of the test."""
    engines = []

    def make(**network):
        engine = RayEngine(
            lambda device, threads: [Upscaler(Network(**network))], UpscaleSettings(), cores=1
        )
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


def run(engine, image_files, folder):
    """Upscale images into a folder, with a journal; returns the outcomes by name."""
    folder.mkdir(exist_ok=True)
    with (
        Journal.open(folder) as journal,
        make_plan(image_files, Output(folder), journal=journal, work_key="w") as plan,
    ):
        outcomes = []
        PlanRunner(plan, engine, outcomes.append, journal, "w").run()
    engine.close()
    return {outcome.source.name: outcome for outcome in outcomes}


def contents(folder):
    """Hash every file under its name, hidden ones as well."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file()
    }


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition was never true"
        time.sleep(0.02)


def take(engine):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (result := engine.take(0.2)) is not None:
            return result
    raise AssertionError("there is no result")


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_workers_killed_at_random_leave_the_files_of_a_local_run(
    start, image_files, tmp_path, kills
):
    sources = image_files(20 * kills)
    run(ThreadEngine([Upscaler(Network())], UpscaleSettings()), sources, tmp_path / "local")
    crashes = tmp_path / "crashes"
    crashes.mkdir()
    for number in range(kills):
        (crashes / str(number)).touch()
    engine = start(log=tmp_path / "calls", on_call=Crashing(crashes))
    outcomes = run(engine, sources, tmp_path / "out")
    assert list(crashes.iterdir()) == []  # Every planned crash happened.
    # Each was replaced; the last one may have started too late for an image.
    assert kills < len(set((tmp_path / "calls").read_text().split())) <= 2 + kills
    assert {outcome.message for outcome in outcomes.values()} == {None}
    assert contents(tmp_path / "out") == contents(tmp_path / "local")
    again = run(start(log=tmp_path / "again"), sources, tmp_path / "out")
    assert {outcome.status for outcome in again.values()} == {"skipped"}
    assert not (tmp_path / "again").exists()


def test_only_an_image_that_crashes_every_worker_fails(start, image_files, tmp_path):
    def crash_at_black(images):
        if not images.any():
            (tmp_path / f"crashed-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    outcomes = run(start(on_call=crash_at_black), image_files(8), tmp_path / "out")
    assert len(list(tmp_path.glob("crashed-*"))) == MAX_CRASHES
    failures = {name: o.code for name, o in outcomes.items() if o.status == "failed"}
    assert failures == {"002.png": "E_WORKER_DIED"}
    assert sorted(contents(tmp_path / "out")) == [f"{n:03}.png" for n in range(8) if n != 2]


def test_an_error_of_all_images_is_raised(start, image_files, tmp_path):
    def fail(images):
        raise DeviceError("The GPU failed.")

    engine = start(on_call=fail)
    engine.submit(UpscaleJob(image_files(1)[0], tmp_path / "a.png", None))
    with pytest.raises(DeviceError, match="The GPU failed"):
        take(engine)


def test_closing_removes_results_that_were_not_taken_and_ends_jobs(start, image_files, tmp_path):
    def wait_at_black(images):
        if not images.any():
            (tmp_path / "begun").touch()
            time.sleep(2 * PATIENCE)

    out = tmp_path / "out"
    out.mkdir()
    engine = start(on_call=wait_at_black)
    *others, black = (UpscaleJob(path, out / path.name, None) for path in image_files(3))
    for job in others:
        engine.submit(job)
    wait_until(lambda: len(list(out.iterdir())) == 2)
    engine.submit(black)
    wait_until((tmp_path / "begun").exists)
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < PATIENCE  # It does not wait for the call.
    assert list(out.iterdir()) == []


def test_paths_may_be_relative(start, image_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = UpscaleJob(
        image_files(1)[0].relative_to(tmp_path), tmp_path.relative_to(tmp_path) / "a.png", None
    )
    engine = start()
    engine.submit(job)
    result = take(engine)
    assert (result.job, result.staged.target) == (job, job.target)
    remove_staged(result.staged)


def test_machines_with_different_models_are_refused(ray, tmp_path):
    def open_another(device, threads):
        time.sleep(0.5 * (1 - (tmp_path / "first").exists()))
        (tmp_path / "first").touch()
        return [Upscaler(Network(sha256=f"{os.getpid():064}"))]

    with pytest.raises(ModelRefusedError, match="different models"):
        engine = RayEngine(open_another, UpscaleSettings(), cores=1)
        try:
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:  # Until the second worker is ready.
                engine.take(0.2)
        finally:
            engine.close()


def test_a_machine_with_another_version_is_refused(ray, monkeypatch):
    from srgan_gp.errors import SrganGpError

    monkeypatch.setattr(ray_engine, "__version__", "0.0.1")
    with pytest.raises(SrganGpError, match=r"this machine 0\.0\.1; install one version"):
        RayEngine(lambda device, threads: [Upscaler(Network())], UpscaleSettings(), cores=1)


def test_a_model_that_does_not_load_is_one_error(ray):
    def refuse(device, threads):
        raise ModelRefusedError("There is no model called none.")

    with pytest.raises(ModelRefusedError, match="no model called none"):
        RayEngine(refuse, UpscaleSettings(), cores=1)


def test_a_result_that_is_not_visible_here_is_an_error(start, image_files, tmp_path, monkeypatch):
    engine = start()
    engine.submit(UpscaleJob(image_files(1)[0], tmp_path / "a.png", None))
    monkeypatch.setattr("pathlib.Path.exists", lambda path: False)
    with pytest.raises(OutputError, match="under the same path"):
        take(engine)


def test_an_idle_engine_has_no_result_and_can_be_closed_twice(start):
    engine = start()
    assert (engine.about.name, engine.about.scale) == ("fake", 2)
    assert engine.take(0.01) is None
    engine.close()
    engine.close()
