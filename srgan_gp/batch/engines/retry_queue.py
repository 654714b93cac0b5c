"""Retry queue: a job whose worker crashes is retried up to twice.

Workers are processes (`ProcessEngine`) or actors of a Ray cluster (`RayEngine`). A worker runs
several jobs at once, so after a crash it is not known which job caused the crash.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from typing import Protocol

from srgan_gp.batch.engines.engine_interface import Result
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import PictureError

MAX_CRASHES = 3
"""A job fails when this number of workers have crashed while they processed it. The first crash may
have been caused by a job beside it, the second by another program that filled the memory. Each
further attempt takes the time of a crash and of a start."""

_CRASHED = (
    f"{MAX_CRASHES} workers crashed while they processed it, perhaps for lack of memory; "
    "pass a smaller --tile"
)


class QueueWorker(Protocol):
    """A worker that gets jobs from a `RetryQueue`."""

    @property
    def in_progress(self) -> Collection[UpscaleJob]:
        """Jobs that the worker is processing."""
        ...

    @property
    def capacity(self) -> int:
        """Largest number of jobs in progress; 0 while the worker is not ready."""
        ...

    def start_job(self, job: UpscaleJob) -> None:
        """Start one more job."""
        ...


class RetryQueue:
    """Queue of jobs. The jobs of a crashed worker run again, each alone on a worker.

    So only the job that causes the crashes fails in the end.
    """

    def __init__(self) -> None:
        self._waiting: deque[UpscaleJob] = deque()
        """Jobs that wait for their first attempt."""
        self._retries: deque[UpscaleJob] = deque()
        """Jobs that wait for another attempt."""
        self._crashes: Counter[UpscaleJob] = Counter()
        """For each unfinished job: number of workers that crashed while they processed it."""

    def add(self, job: UpscaleJob) -> None:
        """Add a job for its first attempt."""
        self._waiting.append(job)

    def distribute(self, workers: Collection[QueueWorker]) -> None:
        """Start jobs on the workers that have room, each on the least busy one."""

        def job_count(worker: QueueWorker) -> int:
            return len(worker.in_progress)

        # `any` stops at the first worker that gets a job. It may no longer be the least busy one,
        # so the workers are sorted again.
        while any(self._give_next(worker) for worker in sorted(workers, key=job_count)):
            pass

    def take_next(self, in_progress: Collection[UpscaleJob], capacity: int) -> UpscaleJob | None:
        """Remove the next job for a worker from the queue, and return it; None: no job for now.

        Args:
            in_progress: jobs that the worker is processing.
            capacity: largest number of jobs that the worker processes at once; 0: it is not ready.
        """
        is_retrying = any(job in self._crashes for job in in_progress)  # a retry runs alone
        if capacity == 0 or is_retrying:
            return None
        if self._retries:  # Retries come first: workers get no other job, and so become idle.
            return None if in_progress else self._retries.popleft()
        if self._waiting and len(in_progress) < capacity:
            return self._waiting.popleft()
        return None

    def finish(self, job: UpscaleJob) -> None:
        """Record that a job has its result, and forget its crashes."""
        self._crashes.pop(job, None)

    def requeue(self, in_progress: Iterable[UpscaleJob]) -> list[Result]:
        """Queue the jobs of a crashed worker again.

        Returns:
            Failures of the jobs that have crashed `MAX_CRASHES` workers.
        """
        failures: list[Result] = []
        for job in in_progress:
            self._crashes[job] += 1
            if self._crashes[job] < MAX_CRASHES:
                self._retries.append(job)
            else:
                del self._crashes[job]
                failures.append(Result(job, error=PictureError("E_WORKER_DIED", _CRASHED)))
        return failures

    def _give_next(self, worker: QueueWorker) -> bool:
        """Start the next job on a worker, if it has room; return whether one was started."""
        job = self.take_next(worker.in_progress, worker.capacity)
        if job is None:
            return False
        worker.start_job(job)
        return True
