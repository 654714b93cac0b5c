"""A model's time as a multiple of the yardstick's, and its peak memory."""

import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.timing import in_turns, median
from benchmarks.yardstick import open_yardstick

RUN_ONCE = """
import re, sys, numpy
from srgan_gp.inference.session import Session
model, side, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
session = Session.open(model, device="cpu", threads=threads)
session.run(numpy.zeros((1, 3, side, side), numpy.float32))
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def benchmark_network(model: str, side: int, threads: int, repeats: int) -> dict[str, Any]:
    """Time a model and the yardstick in turns, in this process, on one random picture.

    Args:
        model: a name or the path of an .onnx.
        side: of the picture, in pixels.
        threads: of the CPU.
        repeats: runs of each that are timed, after one that is not.

    Returns:
        Medians in seconds, their ratio, and the peak memory in MB of a process of its own that runs
        the model once.
    """
    from srgan_gp.inference.session import Session

    picture = np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)
    session = Session.open(model, device="cpu", threads=threads)
    yardstick = open_yardstick(threads)
    jobs = {"model": lambda: session.run(picture), "yardstick": lambda: yardstick(picture)}
    rounds = in_turns(jobs, repeats + 1)[1:]
    model_seconds, yardstick_seconds = (median(rounds, name) for name in jobs)
    return {
        "model": session.info.name,
        "picture": f"{side} x {side} -> {side * session.info.scale} x {side * session.info.scale}",
        "threads": threads,
        "model_seconds": model_seconds,
        "yardstick_seconds": yardstick_seconds,
        "ratio": model_seconds / yardstick_seconds,
        "peak_memory_mb": peak_memory_mb(model, side, threads),
    }


def peak_memory_mb(model: str, side: int, threads: int) -> int | None:
    """Peak memory of a process of its own that runs a model once; None where there is no /proc.

    Not `resource.getrusage`: a child process starts with its parent's peak there.
    """
    if not sys.platform.startswith("linux"):
        return None
    program = [sys.executable, "-c", RUN_ONCE, model, str(side), str(threads)]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    return int(done.stdout) // 1024
