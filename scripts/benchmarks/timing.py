"""Timing of jobs in turns, so that a slow phase of the machine affects all of them.

A job is a function without arguments. In a round each job runs once.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

Round = dict[str, float]
"""Times of one round: seconds by the name of the job."""
Clock = Callable[[], float]
"""Returns seconds: `time.perf_counter`, or `time.process_time` for CPU seconds."""


def in_turns(
    jobs: Mapping[str, Callable[[], object]], repeats: int, clock: Clock = time.perf_counter
) -> list[Round]:
    """Time each job once in each of `repeats` rounds; return the rounds."""
    rounds = []
    for _ in range(repeats):
        rounds.append({name: seconds(job, clock) for name, job in jobs.items()})
    return rounds


def in_turns_on_both_clocks(
    jobs: Mapping[str, Callable[[], object]], repeats: int
) -> tuple[list[Round], list[Round]]:
    """Time as `in_turns` does, by the clock of the machine and by CPU time.

    Returns:
        Rounds of seconds, and rounds of CPU seconds in all threads together.
    """
    rounds: list[Round] = []
    cpu_rounds: list[Round] = []
    for _ in range(repeats):
        times: Round = {}
        cpu_times: Round = {}
        for name, job in jobs.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            job()
            cpu_times[name] = time.process_time() - cpu_start
            times[name] = time.perf_counter() - start
        rounds.append(times)
        cpu_rounds.append(cpu_times)
    return rounds, cpu_rounds


def median(rounds: Sequence[Round], name: str, over: str | None = None) -> float:
    """Return the median time of a job, or the median of its ratio to the time of the job `over`.

    The ratio is computed within each round, so that a slow phase of the machine cancels.
    """
    if over is None:
        return statistics.median(times[name] for times in rounds)
    return statistics.median(times[name] / times[over] for times in rounds)


def seconds(job: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Return the seconds of a call of a job."""
    started = clock()
    job()
    return clock() - started


def python(*arguments: str) -> Callable[[], object]:
    """Return a job that runs Python with these arguments in a new process, without output."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)
