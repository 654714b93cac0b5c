"""Timing of jobs in turns, so that a slow phase of the machine affects all of them."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

Round = dict[str, float]
"""Seconds by the name of the job."""
Clock = Callable[[], float]
"""Returns seconds: `time.perf_counter`, or `time.process_time` for those of the processor."""


def in_turns(
    jobs: Mapping[str, Callable[[], object]], repeats: int, clock: Clock = time.perf_counter
) -> list[Round]:
    """Time each job once in each round."""
    return [{name: seconds(job, clock) for name, job in jobs.items()} for _ in range(repeats)]


def in_turns_by_both(
    jobs: Mapping[str, Callable[[], object]], repeats: int
) -> tuple[list[Round], list[Round]]:
    """Time as `in_turns` does; return seconds, and those of the CPU in all threads together."""
    used: list[Round] = [{} for _ in range(repeats)]

    def counted(name: str, job: Callable[[], object]) -> Callable[[], object]:
        numbers = iter(range(repeats))

        def run() -> None:
            used[next(numbers)][name] = seconds(job, time.process_time)

        return run

    return in_turns({name: counted(name, job) for name, job in jobs.items()}, repeats), used


def median(rounds: Sequence[Round], name: str, over: str | None = None) -> float:
    """Return the median time of a job, or of its ratio to the time of the job `over`.

    The ratio is computed within each round, so that a slow phase of the machine cancels.
    """
    return statistics.median(times[name] / (times[over] if over else 1) for times in rounds)


def seconds(job: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Time a call."""
    started = clock()
    job()
    return clock() - started


def python(*arguments: str) -> Callable[[], object]:
    """Return a job that runs Python in a new process."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)
