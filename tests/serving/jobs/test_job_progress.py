"""Estimates between two completed steps, and while a file is written."""

import itertools
import threading

import numpy as np
import pytest
from PIL import Image

from srgan_gp.serving.jobs import upscaling
from srgan_gp.serving.jobs.job_progress import JobProgress
from srgan_gp.serving.jobs.job_requests import UpscaleRequest
from srgan_gp.serving.jobs.model_speeds import ModelSpeeds, WritingSpeeds

TIMEOUT = 60  # seconds, for slow machines


def test_progress_moves_before_the_first_step_if_the_speed_is_known():
    progress = JobProgress("running", started=0.0, expected_seconds=100.0)
    moments = [progress.share(now) for now in range(0, 1000, 5)]
    assert moments[:3] == [0.0, 0.05, 0.1]
    assert all(later > earlier for earlier, later in itertools.pairwise(moments)), "it never rests"
    assert 0.9 < max(moments) < 1, "a step is never complete by time alone"
    assert progress.seconds_left(40.0) == pytest.approx(60.0)
    assert progress.seconds_left(101.0) is None, "nothing is promised that was missed already"


def test_between_two_steps_it_never_passes_the_next():
    progress = JobProgress("running", 0, 0, 0.0).after(2, 10, now=8.0)
    assert progress.share(8.0) == pytest.approx(0.2)
    assert progress.share(10.0) == pytest.approx(0.25)
    assert 0.29 < progress.share(1000.0) < 0.3
    assert progress.after(3, 10, now=1000.0).share(1000.0) == pytest.approx(0.3)
    assert progress.seconds_left(8.0) == pytest.approx(32.0)


@pytest.mark.parametrize("stage", ["queued", "reading", "encoding"])
def test_a_stage_without_steps_has_no_share(stage):
    assert JobProgress(stage, started=0.0).share(5.0) is None
    assert JobProgress(stage, started=0.0).seconds_left(5.0) is None


def test_a_finished_stage_is_complete():
    assert JobProgress("running", 0, 0, 0.0).after(4, 4, now=4.0).share(9.0) == 1.0


def test_the_share_of_a_job_never_falls_over_its_stages():
    running = JobProgress().entering("running", 9.0, 1.0, now=0.0)
    assert running.seconds_left(0.0) == pytest.approx(10.0), "of the job"
    moments = [running.share(now) for now in (0.0, 3.0, 6.0)]
    assert moments == pytest.approx([0.0, 0.3, 0.6])
    one_of_two = running.after(1, 2, now=6.0)
    moments.append(one_of_two.share(6.0))
    smaller_tiles = one_of_two.after(2, 20, now=7.0)  # memory ran out: there are more tiles now
    moments += [smaller_tiles.share(7.0), smaller_tiles.share(8.0)]
    done = smaller_tiles.after(20, 20, now=9.0)
    assert done.share(9.0) == pytest.approx(0.9)
    assert done.seconds_left(9.0) == pytest.approx(1.0)
    encoding = done.entering("encoding", 1.0, now=9.0)
    moments += [done.share(9.0), *(encoding.share(now) for now in (9.0, 9.5, 20.0))]
    assert encoding.seconds_left(9.5) == pytest.approx(0.5)
    assert moments == sorted(moments)
    assert 0.99 < moments[-1] < 1


def test_stages_of_unknown_duration_leave_a_share_to_the_next():
    running = JobProgress().entering("queued").entering("running", None, 1.0, now=0.0)
    assert running.share(5.0) is None
    assert running.after(1, 1, now=5.0).share(5.0) == pytest.approx(0.9)
    encoding = running.after(1, 1, now=5.0).entering("encoding", now=5.0)
    assert encoding.share(6.0) == pytest.approx(0.9), "of unknown duration too"
    assert encoding.seconds_left(6.0) is None


class FakeUpscaler:
    def __init__(self):
        self.calls = 0

    def upscale(self, image):
        self.calls += 1


def test_the_speed_of_a_model_is_measured_once():
    speeds, upscaler, times = ModelSpeeds(), FakeUpscaler(), iter([0.0, 0.009216])
    assert speeds.measure("a", upscaler, lambda: next(times)) == pytest.approx(1.0)
    assert speeds.measure("a", upscaler, lambda: next(times)) == pytest.approx(1.0)
    assert upscaler.calls == 2
    assert speeds.get("b") is None


def test_jobs_correct_the_speed():
    speeds = ModelSpeeds()
    speeds.record("a", 10_000, 50.0)
    assert speeds.get("a") is None, "too short"
    speeds.record("a", 2_000_000, 8.0)
    speeds.record("a", 1_000_000, 2.0)
    assert speeds.get("a") == pytest.approx(3.0)


def test_the_speed_of_writing_is_taken_from_finished_files_only():
    speeds, pixels = WritingSpeeds(), 1_000_000
    guess = speeds.expected_seconds(".png", pixels)
    with pytest.raises(OSError, match="full"), speeds.measured(".png", pixels):
        raise OSError("the disk is full")
    assert speeds.expected_seconds(".png", pixels) == guess > 0
    with speeds.measured(".png", pixels):
        pass
    assert speeds.expected_seconds(".png", pixels) < guess
    assert speeds.expected_seconds(".jpg", pixels) == guess


@pytest.mark.parametrize(
    ("function", "stage"),
    [
        ("one_image.encode", "encoding"),
        ("write_view", "encoding"),
        ("one_image.enlarge", "running"),
    ],
)
def test_progress_moves_while_a_stage_has_no_completed_step(
    real_service, tmp_path, monkeypatch, function, stage
):
    """The job stops inside the stage; it is the first one of its model and its format."""
    Image.fromarray(np.zeros((500, 500, 3), np.uint8)).save(tmp_path / "a.png")
    entered, may_continue = threading.Event(), threading.Event()
    module, _, name = function.rpartition(".")
    owner = getattr(upscaling, module) if module else upscaling
    real = getattr(owner, name)

    def held(*values, **options):
        entered.set()
        assert may_continue.wait(TIMEOUT)
        return real(*values, **options)

    monkeypatch.setattr(owner, name, held)
    request = UpscaleRequest(tmp_path / "a.png", "a.png", needs_viewer_tiles=True)
    job = real_service.submit("a", request)
    assert entered.wait(TIMEOUT)
    progress = job.progress
    may_continue.set()
    job.wait(TIMEOUT)
    assert progress.stage == stage
    assert progress.expected_seconds > 0
    moments = [progress.started + share * progress.expected_seconds for share in range(10)]
    shares = [progress.share(moment) for moment in moments]
    assert all(later > earlier for earlier, later in itertools.pairwise(shares)), shares
