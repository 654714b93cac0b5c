"""The queue of jobs: first come, first served, and what a worker died of goes alone."""

from pathlib import Path

import pytest

from srgan_gp.batch.engines.retry_queue import MOST_CRASHES, RetryQueue
from srgan_gp.batch.naming.plan import UpscaleJob

A, B, C, D = (UpscaleJob(Path(name), Path("out", name), None) for name in "abcd")


@pytest.fixture
def retry_queue():
    retry_queue = RetryQueue()
    for job in (A, B, C, D):
        retry_queue.add(job)
    return retry_queue


def test_jobs_are_given_in_their_order_while_a_worker_has_room(retry_queue):
    assert retry_queue.next_for([], 2) == A
    assert retry_queue.next_for([A], 2) == B
    assert retry_queue.next_for([A, B], 2) is None
    assert retry_queue.next_for([], 2) == C


def test_the_jobs_of_a_dead_worker_come_next_each_on_an_idle_worker(retry_queue):
    under_way = [retry_queue.next_for([], 2), retry_queue.next_for([A], 2)]
    assert retry_queue.requeue(under_way) == []
    assert retry_queue.next_for([C], 2) is None
    assert retry_queue.next_for([], 2) == A
    assert retry_queue.next_for([A], 2) is None  # nothing beside a suspect
    assert retry_queue.next_for([], 2) == B
    retry_queue.finish(A)
    retry_queue.finish(B)
    assert retry_queue.next_for([], 2) == C


def test_a_job_that_workers_die_of_is_given_up_and_the_others_go_on(retry_queue):
    job = retry_queue.next_for([], 1)
    for _ in range(MOST_CRASHES - 1):
        assert retry_queue.requeue([job]) == []
        assert retry_queue.next_for([], 1) == job
    [failure] = retry_queue.requeue([job])
    assert (failure.job, failure.error.code) == (A, "E_WORKER_DIED")
    assert retry_queue.next_for([], 1) == B


def test_a_death_counts_for_one_attempt_at_a_job_only(retry_queue):
    job = retry_queue.next_for([], 1)
    for _ in range(2 * MOST_CRASHES):
        assert retry_queue.requeue([job]) == []
        assert retry_queue.next_for([], 1) == job
        retry_queue.finish(job)


class Worker:
    def __init__(self, most):
        self.under_way, self.most = [], most

    def begin(self, job):
        self.under_way.append(job)


def test_jobs_are_shared_out_evenly_among_those_who_are_ready(retry_queue):
    workers = [Worker(0), Worker(2), Worker(2)]
    retry_queue.share_out(workers)
    assert [worker.under_way for worker in workers] == [[], [A, C], [B, D]]


def test_a_suspect_waits_for_an_idle_worker_and_holds_up_the_others(retry_queue):
    busy, dead = Worker(2), Worker(1)
    retry_queue.share_out([busy, dead])
    assert [busy.under_way, dead.under_way] == [[A, C], [B]]
    retry_queue.requeue(dead.under_way)
    retry_queue.share_out([busy])
    assert busy.under_way == [A, C]
    busy.under_way = []
    retry_queue.share_out([busy])
    assert busy.under_way == [B]


def test_an_empty_queue_has_nothing_to_give():
    assert RetryQueue().next_for([], 1) is None
