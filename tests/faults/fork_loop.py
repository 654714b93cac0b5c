"""A batch that is killed and begun again, over and over: what is on the disk after each kill?

A program of its own, so that what it forks has no threads. Each fork is a whole run: it opens a
network of numpy, the journal and the engine, and works through twelve pictures. It is killed at a
random moment, or kills itself at one of the `POINTS`; the next fork goes on where it was. When one
comes to its end, the folder is emptied. Nothing is imported after a fork.

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
from srgan_gp.batch.plan_runner import Run
from srgan_gp.batch.results.journal import JOURNAL_FOLDER, Journal
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.upscaler import Upscaler

PICTURES = 12
SECONDS_OF_A_HANG = 120


class Network:
    """A session that doubles pictures and notes the width of each, by which they are told apart."""

    device, provider, notes = "cpu", "numpy", ()

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
        """Nothing to do: a run is over at once."""


def run_ours(pictures, out, calls):
    with (
        Journal.open(out) as journal,
        make_plan(pictures, Output(out), journal=journal, work="w") as plan,
    ):
        engine = ThreadEngine([Upscaler(Network(calls))], UpscaleSettings())
        for outcome in Run(plan, engine, journal=journal, work="w").outcomes():
            assert outcome.status != "failed", outcome
        engine.close()


def run_naive(pictures, out, calls):
    """Do as simple scripts do: save under the final name, and take what is there for done."""
    network = Network(calls)
    for path in pictures:
        if not (out / path.name).exists():
            with Image.open(path) as image:
                pixels = np.asarray(image).transpose(2, 0, 1)
            large = network.run(pixels[None])[0].transpose(1, 2, 0)
            Image.fromarray(large).save(out / path.name)


class Loop:
    """Kills runs and takes down what it finds.

    Args:
        folder: an empty one, for pictures and results.
        run: `run_ours` or `run_naive`.
        chance: where all random numbers come from.
    """

    def __init__(self, folder, run, chance):
        self._folder, self._run, self._chance = folder, run, chance
        self._pictures = draw_pictures(folder / "in")
        self._out, self._calls = folder / "out", folder / "calls"
        self._out.mkdir()
        self._points = list(POINTS) if run is run_ours else []
        self._expected, self._seconds = self._warm_up()
        self._finished = {}
        self.found = Counter({"corrupt": 0, "lost": 0, "redone": 0, "wrong in the end": 0})

    def kill_one(self):
        """Begin a run, kill it, and look at what there is."""
        left = PICTURES - len(self._finished)
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
            # The pace of a machine changes: every third run or so is to come to its end.
            self._seconds *= 0.9 if is_whole else 1.05
        self._look()
        if is_whole:
            self._end()
        else:
            self.found[f"killed {name or 'at a random moment'}"] += 1
            self.found["kills"] += 1

    def _look(self):
        """Nothing is damaged, nothing is gone, and nothing was done that was done before."""
        now, calls = self._results(), self._count_calls()
        self.found["corrupt"] += sum(now[name] != self._expected.get(name) for name in now)
        self.found["lost"] += len(self._finished.keys() - now.keys())
        self.found["redone"] += sum(calls[name] > n for name, n in self._finished.items())
        self._finished = {name: calls[name] for name in now}

    def _end(self):
        """All results are there, and nothing else; begin with none again."""
        self.found["whole runs"] += 1
        names = {path.name for path in self._out.iterdir()} - {JOURNAL_FOLDER}
        is_right = self._results() == self._expected and names == self._expected.keys()
        self.found["wrong in the end"] += not is_right
        self._empty()

    def _warm_up(self):
        """Do two runs to their end; gives the results and seconds, and imports what they did."""
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
        assert len(expected) == PICTURES
        self._empty()
        started = time.monotonic()
        assert self._wait(self._fork(self._run))
        seconds = time.monotonic() - started
        self._empty()
        return expected, seconds

    def _fork(self, run, point=None):
        """Run in a process of its own, which ends with 0 when all pictures are done."""
        process = os.fork()
        if process:
            return process
        status = 1
        try:
            signal.alarm(SECONDS_OF_A_HANG)
            if point is not None:
                setattr(*point)
            run(self._pictures, self._out, self._calls)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _wait(self, process):
        """Say whether a run came to its end; it may not fail, nor hang."""
        _, status = os.waitpid(process, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, -signal.SIGKILL), f"a run ended with {code}"
        return code == 0

    def _results(self):
        """Read every file under a final name."""
        return {path.name: path.read_bytes() for path in self._out.glob("[!.]*")}

    def _count_calls(self):
        """Count how often the network was run on each picture."""
        widths = self._calls.read_text().split() if self._calls.exists() else []
        return Counter(self._pictures[int(width) - 40].name for width in widths)

    def _empty(self):
        shutil.rmtree(self._out)
        self._out.mkdir()
        self._calls.unlink(missing_ok=True)
        self._finished = {}


def draw_pictures(folder):
    """Draw noise, whose files are written in several pieces; the widths are 40, 41, ..."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
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
