"""Retry queue: first in, first out; jobs of a crashed worker run again, each alone."""

from pathlib import Path

import pytest

from srgan_gp.batch.engines.retry_queue import MAX_CRASHES, RetryQueue
from srgan_gp.batch.naming.plan import UpscaleJob

A, B, C, D = (UpscaleJob(Path(name), Path("out", name), None) for name in "abcd")


@pytest.fixture
def retry_queue():
    retry_queue = RetryQueue()
    for job in (A, B, C, D):
        retry_queue.add(job)
    return retry_queue


def test_jobs_are_given_in_order_while_a_worker_has_room(retry_queue):
    assert retry_queue.take_next([], 2) == A
    assert retry_queue.take_next([A], 2) == B
    assert retry_queue.take_next([A, B], 2) is None
    assert retry_queue.take_next([], 2) == C


def test_the_jobs_of_a_crashed_worker_come_next_each_on_an_idle_worker(retry_queue):
    in_progress = [retry_queue.take_next([], 2), retry_queue.take_next([A], 2)]
    assert retry_queue.requeue(in_progress) == []
    assert retry_queue.take_next([C], 2) is None
    assert retry_queue.take_next([], 2) == A
    assert retry_queue.take_next([A], 2) is None  # Nothing runs beside a job that may crash.
    assert retry_queue.take_next([], 2) == B
    retry_queue.finish(A)
    retry_queue.finish(B)
    assert retry_queue.take_next([], 2) == C


def test_a_job_that_crashes_its_workers_fails_and_the_others_continue(retry_queue):
    job = retry_queue.take_next([], 1)
    for _ in range(MAX_CRASHES - 1):
        assert retry_queue.requeue([job]) == []
        assert retry_queue.take_next([], 1) == job
    [failure] = retry_queue.requeue([job])
    assert (failure.job, failure.error.code) == (A, "E_WORKER_DIED")
    assert retry_queue.take_next([], 1) == B


def test_crashes_are_counted_until_the_job_has_a_result(retry_queue):
    job = retry_queue.take_next([], 1)
    for _ in range(2 * MAX_CRASHES):
        assert retry_queue.requeue([job]) == []
        assert retry_queue.take_next([], 1) == job
        retry_queue.finish(job)


class Worker:
    def __init__(self, capacity):
        self.in_progress, self.capacity = [], capacity

    def start_job(self, job):
        self.in_progress.append(job)


def test_jobs_are_distributed_evenly_among_ready_workers(retry_queue):
    workers = [Worker(0), Worker(2), Worker(2)]
    retry_queue.distribute(workers)
    assert [worker.in_progress for worker in workers] == [[], [A, C], [B, D]]


def test_a_job_that_may_crash_waits_for_an_idle_worker_and_delays_the_others(retry_queue):
    busy, crashed = Worker(2), Worker(1)
    retry_queue.distribute([busy, crashed])
    assert [busy.in_progress, crashed.in_progress] == [[A, C], [B]]
    retry_queue.requeue(crashed.in_progress)
    retry_queue.distribute([busy])
    assert busy.in_progress == [A, C]
    busy.in_progress = []
    retry_queue.distribute([busy])
    assert busy.in_progress == [B]


def test_an_empty_queue_has_no_job():
    assert RetryQueue().take_next([], 1) is None
