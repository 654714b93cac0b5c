"""A budget of memory: enough for all at once, or one after the other, in the order of asking."""

import threading
import time

from srgan_gp.batch.engines.memory_budget import MemoryBudget

PATIENCE = 60  # seconds; only a test that fails waits so long


def ask(budget, size, log):
    """Ask for what does not fit, in a thread of its own; the size goes to the log when it is given.

    When this returns the thread is in the queue.
    """
    waiting, deadline = len(budget._waiting), time.monotonic() + PATIENCE
    thread = threading.Thread(target=lambda: budget.acquire(size) and log.append(size), daemon=True)
    thread.start()
    while len(budget._waiting) == waiting:
        assert time.monotonic() < deadline, "it got what does not fit"
        time.sleep(0.001)
    return thread


def test_what_fits_is_given_at_once():
    budget = MemoryBudget(10)
    assert budget.acquire(4)
    assert budget.acquire(6)


def test_what_does_not_fit_waits_until_enough_is_given_back():
    budget, log = MemoryBudget(10), []
    budget.acquire(6)
    thread = ask(budget, 5, log)
    assert log == []
    budget.release(6)
    thread.join(PATIENCE)
    assert log == [5]


def test_more_than_the_limit_is_given_to_one_alone():
    budget, log = MemoryBudget(10), []
    assert budget.acquire(100)
    thread = ask(budget, 1, log)
    assert log == []
    budget.release(100)
    thread.join(PATIENCE)
    assert log == [1]


def test_a_large_wish_is_not_passed_by_small_ones():
    budget, log = MemoryBudget(10), []
    budget.acquire(5)
    threads = [ask(budget, 20, log), ask(budget, 1, log)]
    assert log == []  # there is room for the small one, but it is not its turn
    budget.release(5)
    threads[0].join(PATIENCE)
    assert log == [20]
    budget.release(20)
    threads[1].join(PATIENCE)
    assert log == [20, 1]


def test_a_closed_budget_lets_nobody_wait():
    budget, log = MemoryBudget(10), []
    budget.acquire(10)
    thread = ask(budget, 1, log)
    budget.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert log == []
