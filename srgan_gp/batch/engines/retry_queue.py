"""Retry queue: a job whose worker crashes is retried up to twice."""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from typing import Protocol

from srgan_gp.batch.engines.engine_interface import Result
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import PictureError

MOST_CRASHES = 3
"""A job that so many workers died of is given up."""

_DIED = (
    f"the system ended {MOST_CRASHES} workers that were at it, perhaps for want of memory; "
    "pass a smaller --tile"
)


class Taker(Protocol):
    """A worker, as far as jobs are shared out."""

    @property
    def under_way(self) -> Collection[UpscaleJob]:
        """What it is at."""
        ...

    @property
    def most(self) -> int:
        """How many jobs it may be at; 0 while it is not ready."""
        ...

    def begin(self, job: UpscaleJob) -> None:
        """Be at one more job."""
        ...


class RetryQueue:
    """A queue of jobs; after a worker's death its jobs come again, each on a worker of its own.

    Only so is it known which of them a worker dies of.
    """

    def __init__(self) -> None:
        self._waiting: deque[UpscaleJob] = deque()
        self._again: deque[UpscaleJob] = deque()
        self._deaths: Counter[UpscaleJob] = Counter()

    def add(self, job: UpscaleJob) -> None:
        """Let a job wait for its first attempt."""
        self._waiting.append(job)

    def share_out(self, workers: Collection[Taker]) -> None:
        """Give each job that waits to the worker with the least to do, while one has room."""
        while any(map(self._give_next, sorted(workers, key=lambda w: len(w.under_way)))):
            pass

    def next_for(self, under_way: Collection[UpscaleJob], most: int) -> UpscaleJob | None:
        """Choose what a worker begins next; None: nothing for now.

        Args:
            under_way: what the worker is at.
            most: how many jobs it may be at.
        """
        if any(job in self._deaths for job in under_way):
            return None
        if self._again:
            return None if under_way else self._again.popleft()
        return self._waiting.popleft() if self._waiting and len(under_way) < most else None

    def finish(self, job: UpscaleJob) -> None:
        """Take down that a job has its result."""
        self._deaths.pop(job, None)

    def requeue(self, under_way: Iterable[UpscaleJob]) -> list[Result]:
        """Take up the jobs of a worker that died.

        Returns:
            The failures of those that are given up.
        """
        given_up: list[Result] = []
        for job in under_way:
            self._deaths[job] += 1
            if self._deaths[job] < MOST_CRASHES:
                self._again.append(job)
            else:
                del self._deaths[job]
                given_up.append(Result(job, error=PictureError("E_WORKER_DIED", _DIED)))
        return given_up

    def _give_next(self, worker: Taker) -> bool:
        job = self.next_for(worker.under_way, worker.most) if worker.most else None
        if job is not None:
            worker.begin(job)
        return job is not None
