"""Kills and restarts a batch many times and checks the files after each kill.

A separate program, so that forks have no threads. Each fork is a whole run: it opens a network of
numpy, the journal and the engine, and upscales twelve images. It is killed at a random moment, or
kills itself at one of the `POINTS`; the next fork resumes. When a run completes, the folder is
emptied. Nothing is imported after a fork.

Use: python fork_loop.py FOLDER ours|naive KILLS SEED     It prints a JSON object of counts.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path

import numpy as np
from kill_points import POINTS
from PIL import Image

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.naming.plan import Output, make_plan
from srgan_gp.batch.plan_runner import PlanRunner
from srgan_gp.batch.results.journal import JOURNAL_FOLDER, Journal
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.upscaler import Upscaler

IMAGES = 12
SECONDS_OF_A_HANG = 120


class Network:
    """A session that doubles images and logs the width of each, which identifies it."""

    device, provider, precision, notes = "cpu", "numpy", "float32", ()

    card = None

    def __init__(self, calls):
        self.info = ModelInfo(
            name="fake", task="super-resolution", scale=2, overlap=1, size_multiple=1,
            source="metadata", sha256="0" * 64,
        )  # fmt: skip
        self._calls = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def run(self, images):
        os.write(self._calls, b"%d\n" % images.shape[3])
        return images.repeat(2, axis=2).repeat(2, axis=3)

    def cancel(self):
        """Nothing to do: a run ends at once."""


def run_ours(images, out, calls):
    with (
        Journal.open(out) as journal,
        make_plan(images, Output(out), journal=journal, work_key="w") as plan,
    ):
        engine = ThreadEngine([Upscaler(Network(calls))], UpscaleSettings())
        PlanRunner(plan, engine, check_outcome, journal, "w").run()
        engine.close()


def check_outcome(outcome):
    assert outcome.status != "failed", outcome


def run_naive(images, out, calls):
    """Save under the final name and skip files that exist, as simple scripts do."""
    network = Network(calls)
    for path in images:
        if not (out / path.name).exists():
            with Image.open(path) as image:
                pixels = np.asarray(image).transpose(2, 0, 1)
            large = network.run(pixels[None])[0].transpose(1, 2, 0)
            Image.fromarray(large).save(out / path.name)


class Loop:
    """Kills runs and counts faults.

    Args:
        folder: an empty one, for images and results.
        run: `run_ours` or `run_naive`.
        chance: random number generator.
    """

    def __init__(self, folder, run, chance):
        self._folder, self._run, self._chance = folder, run, chance
        self._images = draw_images(folder / "in")
        self._out, self._calls = folder / "out", folder / "calls"
        self._out.mkdir()
        self._points = list(POINTS) if run is run_ours else []
        self._expected, self._seconds = self._warm_up()
        self._finished = {}
        self.found = Counter({"corrupt": 0, "lost": 0, "redone": 0, "wrong in the end": 0})

    def kill_one(self):
        """Start a run, kill it, and check the files."""
        left = IMAGES - len(self._finished)
        name = self._chance.choice([*self._points, *[None] * max(1, len(self._points))])
        is_random = name is None or not left
        if is_random:
            process = self._fork(self._run)
            time.sleep(self._chance.uniform(0, self._seconds))
            os.kill(process, signal.SIGKILL)
        else:
            process = self._fork(self._run, POINTS[name](self._chance.randint(1, left)))
        is_whole = self._wait(process)
        if is_random:
            # The speed of a machine changes; about every third run is to complete.
            self._seconds *= 0.9 if is_whole else 1.05
        self._check_files()
        if is_whole:
            self._end()
        else:
            self.found[f"killed {name or 'at a random moment'}"] += 1
            self.found["kills"] += 1

    def _check_files(self):
        """Nothing is damaged or lost, and nothing was processed twice."""
        now, calls = self._results(), self._count_calls()
        self.found["corrupt"] += sum(now[name] != self._expected.get(name) for name in now)
        self.found["lost"] += len(self._finished.keys() - now.keys())
        self.found["redone"] += sum(calls[name] > n for name, n in self._finished.items())
        self._finished = {name: calls[name] for name in now}

    def _end(self):
        """Check that all results exist and nothing else, then empty the folder."""
        self.found["whole runs"] += 1
        names = {path.name for path in self._out.iterdir()} - {JOURNAL_FOLDER}
        is_right = self._results() == self._expected and names == self._expected.keys()
        self.found["wrong in the end"] += not is_right
        self._empty()

    def _warm_up(self):
        """Run twice to the end; returns results and seconds, and imports what the runs imported."""
        listed = self._folder / "modules"

        def run_and_list(*arguments):
            self._run(*arguments)
            listed.write_text("\n".join(sys.modules))

        Image.init()
        assert self._wait(self._fork(run_and_list))
        for name in listed.read_text().split("\n"):
            if name not in sys.modules and name != "__mp_main__":
                import_module(name)
        assert "onnxruntime" not in sys.modules
        expected = self._results()
        assert len(expected) == IMAGES
        self._empty()
        started = time.monotonic()
        assert self._wait(self._fork(self._run))
        seconds = time.monotonic() - started
        self._empty()
        return expected, seconds

    def _fork(self, run, point=None):
        """Run in a new process, which ends with 0 when all images are done."""
        process = os.fork()
        if process:
            return process
        status = 1
        try:
            signal.alarm(SECONDS_OF_A_HANG)
            if point is not None:
                setattr(*point)
            run(self._images, self._out, self._calls)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _wait(self, process):
        """Return whether a run completed; it must neither fail nor hang."""
        _, status = os.waitpid(process, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, -signal.SIGKILL), f"a run ended with {code}"
        return code == 0

    def _results(self):
        """Read every file under a final name."""
        return {path.name: path.read_bytes() for path in self._out.glob("[!.]*")}

    def _count_calls(self):
        """Count how often the network was run on each image."""
        widths = self._calls.read_text().split() if self._calls.exists() else []
        return Counter(self._images[int(width) - 40].name for width in widths)

    def _empty(self):
        shutil.rmtree(self._out)
        self._out.mkdir()
        self._calls.unlink(missing_ok=True)
        self._finished = {}


def draw_images(folder):
    """Draw images of noise, whose files are written in several pieces; widths 40, 41, ..."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        pixels = rng.integers(0, 256, (48, 40 + number, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}{('.png', '.jpg')[number % 2]}")
    return sorted(folder.iterdir())


def main(folder, writer, kills, seed):
    run = {"ours": run_ours, "naive": run_naive}[writer]
    loop = Loop(Path(folder), run, random.Random(int(seed)))
    while loop.found["kills"] < int(kills):
        loop.kill_one()
    sys.stdout.write(json.dumps(loop.found))


if __name__ == "__main__":
    main(*sys.argv[1:])
