"""Times of jobs that take turns, so that a slow moment of the machine meets all of them."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

Round = dict[str, float]
"""Seconds of each job, by its name."""


def in_turns(jobs: Mapping[str, Callable[[], object]], repeats: int) -> list[Round]:
    """Time every job once a round."""
    return [{name: seconds(job) for name, job in jobs.items()} for _ in range(repeats)]


def median(rounds: Sequence[Round], name: str, over: str | None = None) -> float:
    """Return the median time of a job or, with `over`, of its ratio to another job's time.

    A ratio is taken within each round: what slows the machine for a while cancels.
    """
    return statistics.median(times[name] / (times[over] if over else 1) for times in rounds)


def seconds(job: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def python(*arguments: str) -> Callable[[], object]:
    """Make a job that runs Python in a fresh process."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)
