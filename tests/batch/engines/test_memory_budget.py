"""Memory budget: requests that fit are granted at once, others in the order of asking."""

import threading
import time

import pytest

from srgan_gp.batch.engines.memory_budget import MemoryBudget
from srgan_gp.errors import Cancelled

PATIENCE = 60  # seconds; only a test that fails waits so long


def request(budget, size, log):
    """Request more than fits, in a thread; the size is logged when it is granted.

    When this returns the thread is in the queue.
    """

    def acquire():
        try:
            budget.acquire(size)
        except Cancelled:
            log.append("cancelled")
        else:
            log.append(size)

    waiting, deadline = len(budget._waiting), time.monotonic() + PATIENCE
    thread = threading.Thread(target=acquire, daemon=True)
    thread.start()
    while len(budget._waiting) == waiting:
        assert time.monotonic() < deadline, "a request that does not fit was granted"
        time.sleep(0.001)
    return thread


def test_requests_that_fit_are_granted_at_once():
    budget = MemoryBudget(10)
    budget.acquire(4)
    budget.acquire(6)


def test_a_request_that_does_not_fit_waits_until_enough_is_released():
    budget, log = MemoryBudget(10), []
    budget.acquire(6)
    thread = request(budget, 5, log)
    assert log == []
    budget.release(6)
    thread.join(PATIENCE)
    assert log == [5]


def test_a_request_above_the_limit_is_granted_when_nothing_is_in_use():
    budget, log = MemoryBudget(10), []
    budget.acquire(100)
    thread = request(budget, 1, log)
    assert log == []
    budget.release(100)
    thread.join(PATIENCE)
    assert log == [1]


def test_a_large_request_is_granted_before_later_small_ones():
    budget, log = MemoryBudget(10), []
    budget.acquire(5)
    threads = [request(budget, 20, log), request(budget, 1, log)]
    assert log == []  # there is room for the small one, but it is not its turn
    budget.release(5)
    threads[0].join(PATIENCE)
    assert log == [20]
    budget.release(20)
    threads[1].join(PATIENCE)
    assert log == [20, 1]


def test_closing_a_budget_cancels_all_requests():
    budget, log = MemoryBudget(10), []
    budget.acquire(10)
    thread = request(budget, 1, log)
    budget.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert log == ["cancelled"]
    with pytest.raises(Cancelled):
        budget.acquire(1)
