import pytest

from srgan_gp.errors import Cancelled
from srgan_gp.serving.jobs.job_cancellation import Stopper


@pytest.fixture
def ended():
    return []


def test_progress_is_passed_on_until_the_job_is_stopped():
    told = []
    stopper = Stopper(lambda *steps: told.append(steps))
    stopper.tell(1, 3)
    stopper.stop()
    with pytest.raises(Cancelled):
        stopper.tell(2, 3)
    assert told == [(1, 3)]


def test_the_step_at_hand_is_interrupted(ended):
    stopper = Stopper()
    with stopper.interrupting(lambda: ended.append("step")):
        stopper.stop()
    assert ended == ["step"]
    with pytest.raises(Cancelled):
        stopper.check()


def test_a_step_that_is_over_is_not_interrupted_even_after_an_error(ended):
    stopper = Stopper()
    with pytest.raises(ZeroDivisionError), stopper.interrupting(lambda: ended.append("step")):
        1 / 0  # noqa: B018
    stopper.stop()
    assert ended == []


def test_a_stopped_job_begins_no_step(ended):
    stopper = Stopper()
    stopper.stop()
    with pytest.raises(Cancelled), stopper.interrupting(lambda: ended.append("step")):
        ended.append("body")
    assert ended == []
