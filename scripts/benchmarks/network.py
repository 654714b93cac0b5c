"""Time of a model relative to the reference network, and its peak memory."""

import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.reference_network import open_reference
from benchmarks.timing import in_turns, median

# Program that runs a model once, and prints its peak resident memory in KiB.
RUN_ONCE = """
import re, sys, numpy
from srgan_gp.inference.session import Session
model, side, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
session = Session.open(model, device="cpu", threads=threads)
session.run(numpy.zeros((1, 3, side, side), numpy.float32))
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def benchmark_network(model: str, side: int, threads: int, repeats: int) -> dict[str, Any]:
    """Time a model and the reference network in turns, on a random image.

    Args:
        model: name of a model or path of an .onnx file.
        side: height and width of the image in pixels.
        threads: CPU threads.
        repeats: number of timed runs of each, after a warm-up run.

    Returns:
        Medians in seconds, the median of the model over that of the reference, and the peak memory
        of a separate process that runs the model once, in MiB despite the name `peak_memory_mb`.
    """
    from srgan_gp.inference.session import Session

    image = np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)
    session = Session.open(model, device="cpu", threads=threads)
    reference = open_reference(threads)
    jobs = {"model": lambda: session.run(image), "reference": lambda: reference(image)}
    rounds = in_turns(jobs, repeats + 1)[1:]  # without the warm-up
    model_seconds, reference_seconds = median(rounds, "model"), median(rounds, "reference")
    scale = session.info.scale
    return {
        "model": session.info.name,
        "image": f"{side} x {side} -> {side * scale} x {side * scale}",
        "threads": threads,
        "model_seconds": model_seconds,
        "reference_seconds": reference_seconds,
        "ratio": model_seconds / reference_seconds,
        "peak_memory_mb": peak_memory_mib(model, side, threads),
    }


def peak_memory_mib(model: str, side: int, threads: int) -> int | None:
    """Return the peak memory in MiB of a process that runs a model once; None if not on Linux.

    `resource.getrusage` is not used: a child process inherits the peak of its parent.
    """
    if not sys.platform.startswith("linux"):
        return None
    program = [sys.executable, "-c", RUN_ONCE, model, str(side), str(threads)]
    completed = subprocess.run(program, check=True, capture_output=True, text=True)
    return int(completed.stdout) // 1024
