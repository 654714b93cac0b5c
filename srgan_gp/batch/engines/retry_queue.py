"""Retry queue: a job whose worker crashes is retried up to twice."""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from typing import Protocol

from srgan_gp.batch.engines.engine_interface import Result
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import PictureError

MAX_CRASHES = 3
"""A job fails after this number of crashed workers."""

_CRASHED = (
    f"{MAX_CRASHES} workers crashed while they processed it, perhaps for lack of memory; "
    "pass a smaller --tile"
)


class QueueWorker(Protocol):
    """A worker that gets jobs from a `RetryQueue`."""

    @property
    def in_progress(self) -> Collection[UpscaleJob]:
        """Jobs that it is processing."""
        ...

    @property
    def capacity(self) -> int:
        """Largest number of jobs in progress; 0 while it is not ready."""
        ...

    def begin(self, job: UpscaleJob) -> None:
        """Start one more job."""
        ...


class RetryQueue:
    """Queue of jobs that runs the jobs of a crashed worker again, each on a worker of its own.

    Alone on a worker, a job that crashes it is identified.
    """

    def __init__(self) -> None:
        self._waiting: deque[UpscaleJob] = deque()
        self._retries: deque[UpscaleJob] = deque()
        self._crashes: Counter[UpscaleJob] = Counter()

    def add(self, job: UpscaleJob) -> None:
        """Add a job for its first attempt."""
        self._waiting.append(job)

    def distribute(self, workers: Collection[QueueWorker]) -> None:
        """Give each waiting job to the least busy worker, while one has room."""
        while any(map(self._give_next, sorted(workers, key=lambda w: len(w.in_progress)))):
            pass

    def next_for(self, in_progress: Collection[UpscaleJob], capacity: int) -> UpscaleJob | None:
        """Choose the next job of a worker; None: none for now.

        Args:
            in_progress: jobs that the worker is processing.
            capacity: the largest number of them.
        """
        if any(job in self._crashes for job in in_progress):  # A retry runs alone.
            return None
        if self._retries:  # Before the other jobs, once a worker has none.
            return None if in_progress else self._retries.popleft()
        return self._waiting.popleft() if self._waiting and len(in_progress) < capacity else None

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
        job = self.next_for(worker.in_progress, worker.capacity) if worker.capacity else None
        if job is not None:
            worker.begin(job)
        return job is not None
