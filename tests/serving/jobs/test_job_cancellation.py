import pytest

from srgan_gp.errors import Cancelled
from srgan_gp.serving.jobs.job_cancellation import Cancellation


@pytest.fixture
def interrupted():
    return []


def test_progress_is_forwarded_until_the_job_is_cancelled():
    reported = []
    cancellation = Cancellation(lambda *steps: reported.append(steps))
    cancellation.report(1, 3)
    cancellation.cancel()
    with pytest.raises(Cancelled):
        cancellation.report(2, 3)
    assert reported == [(1, 3)]


def test_cancel_interrupts_the_current_step(interrupted):
    cancellation = Cancellation()
    with cancellation.interrupting(lambda: interrupted.append("step")):
        cancellation.cancel()
    assert interrupted == ["step"]
    with pytest.raises(Cancelled):
        cancellation.raise_if_cancelled()


def test_cancel_does_not_interrupt_a_finished_step(interrupted):
    cancellation = Cancellation()
    with (
        pytest.raises(ZeroDivisionError),
        cancellation.interrupting(lambda: interrupted.append("step")),
    ):
        1 / 0  # noqa: B018
    cancellation.cancel()
    assert interrupted == []


def test_cancelled_job_starts_no_step(interrupted):
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled), cancellation.interrupting(lambda: interrupted.append("step")):
        interrupted.append("body")
    assert interrupted == []
