"""The queue of jobs: first come, first served, and what a worker died of goes alone."""

from pathlib import Path

import pytest

from srgan_gp.batch.attempts import MOST_DEATHS, Attempts
from srgan_gp.batch.plan import Job

A, B, C, D = (Job(Path(name), Path("out", name), None) for name in "abcd")


@pytest.fixture
def attempts():
    attempts = Attempts()
    for job in (A, B, C, D):
        attempts.add(job)
    return attempts


def test_jobs_are_given_in_their_order_while_a_worker_has_room(attempts):
    assert attempts.next_for([], 2) == A
    assert attempts.next_for([A], 2) == B
    assert attempts.next_for([A, B], 2) is None
    assert attempts.next_for([], 2) == C


def test_the_jobs_of_a_dead_worker_come_next_each_on_an_idle_worker(attempts):
    under_way = [attempts.next_for([], 2), attempts.next_for([A], 2)]
    assert attempts.mourn(under_way) == []
    assert attempts.next_for([C], 2) is None
    assert attempts.next_for([], 2) == A
    assert attempts.next_for([A], 2) is None  # nothing beside a suspect
    assert attempts.next_for([], 2) == B
    attempts.finish(A)
    attempts.finish(B)
    assert attempts.next_for([], 2) == C


def test_a_job_that_workers_die_of_is_given_up_and_the_others_go_on(attempts):
    job = attempts.next_for([], 1)
    for _ in range(MOST_DEATHS - 1):
        assert attempts.mourn([job]) == []
        assert attempts.next_for([], 1) == job
    [failure] = attempts.mourn([job])
    assert (failure.job, failure.error.code) == (A, "E_WORKER_DIED")
    assert attempts.next_for([], 1) == B


def test_a_death_counts_for_one_attempt_at_a_job_only(attempts):
    job = attempts.next_for([], 1)
    for _ in range(2 * MOST_DEATHS):
        assert attempts.mourn([job]) == []
        assert attempts.next_for([], 1) == job
        attempts.finish(job)


class Worker:
    def __init__(self, most):
        self.under_way, self.most = [], most

    def begin(self, job):
        self.under_way.append(job)


def test_jobs_are_shared_out_evenly_among_those_who_are_ready(attempts):
    workers = [Worker(0), Worker(2), Worker(2)]
    attempts.share_out(workers)
    assert [worker.under_way for worker in workers] == [[], [A, C], [B, D]]


def test_a_suspect_waits_for_an_idle_worker_and_holds_up_the_others(attempts):
    busy, dead = Worker(2), Worker(1)
    attempts.share_out([busy, dead])
    assert [busy.under_way, dead.under_way] == [[A, C], [B]]
    attempts.mourn(dead.under_way)
    attempts.share_out([busy])
    assert busy.under_way == [A, C]
    busy.under_way = []
    attempts.share_out([busy])
    assert busy.under_way == [B]


def test_an_empty_queue_has_nothing_to_give():
    assert Attempts().next_for([], 1) is None
