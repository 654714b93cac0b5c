"""Budget: requests that fit are granted at once, others in the order of asking."""

import threading
import time
from contextlib import ExitStack

import pytest

from srgan_gp.batch.engines.budget import Budget
from srgan_gp.errors import Cancelled

PATIENCE = 60  # seconds; only a test that fails waits so long


class Request:
    """A request that does not fit, in a thread; its amount is logged when it is granted."""

    def __init__(self, budget, amount, log):
        self._budget, self._amount, self._log = budget, amount, log
        self._may_end = threading.Event()
        waiting, deadline = len(budget._waiting), time.monotonic() + PATIENCE
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        while len(budget._waiting) == waiting:
            assert time.monotonic() < deadline, "a request that does not fit was granted"
            time.sleep(0.001)

    def _run(self):
        try:
            with self._budget.reserved(self._amount):
                self._log.append(self._amount)
                self._may_end.wait(PATIENCE)
        except Cancelled:
            self._log.append("cancelled")

    def end(self):
        """Release the amount."""
        self._may_end.set()
        self.thread.join(PATIENCE)


def wait_for(log, expected):
    deadline = time.monotonic() + PATIENCE
    while log != expected:
        assert time.monotonic() < deadline, log
        time.sleep(0.001)


@pytest.fixture
def log():
    return []


def test_requests_that_fit_are_granted_at_once():
    budget = Budget(10)
    with budget.reserved(4), budget.reserved(6):
        pass


def test_a_request_that_does_not_fit_waits_until_enough_is_released(log):
    budget = Budget(10)
    with budget.reserved(6):
        request = Request(budget, 5, log)
        assert log == []
    wait_for(log, [5])
    request.end()


def test_a_request_above_the_limit_is_granted_when_nothing_is_in_use(log):
    budget = Budget(10)
    with budget.reserved(100):
        request = Request(budget, 1, log)
        assert log == []
    wait_for(log, [1])
    request.end()


def test_a_large_request_is_granted_before_later_small_ones(log):
    budget = Budget(10)
    with budget.reserved(5):
        large, small = Request(budget, 20, log), Request(budget, 1, log)
        assert log == []  # The small one fits, but it is not its turn.
    wait_for(log, [20])
    large.end()
    wait_for(log, [20, 1])
    small.end()


def test_an_amount_is_released_after_an_error():
    budget = Budget(10)
    with pytest.raises(ValueError, match="failed"), budget.reserved(10):
        raise ValueError("failed")
    with ExitStack() as held:
        held.enter_context(budget.reserved(10))


def test_closing_a_budget_cancels_all_requests(log):
    budget = Budget(10)
    with budget.reserved(10):
        request = Request(budget, 1, log)
        budget.close()
        request.thread.join(PATIENCE)
    assert log == ["cancelled"]
    with pytest.raises(Cancelled), budget.reserved(1):
        pass
