"""A run: every picture gets one outcome, and only what concerns all pictures ends it."""

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch.plan import Output, make_plan
from srgan_gp.batch.report import as_object, outcome_line, summary_line
from srgan_gp.batch.runner import Settings, run
from srgan_gp.errors import DeviceError, ModelRefusedError
from srgan_gp.inference.upscaler import Upscaler


@pytest.fixture
def pictures(tmp_path, rng):
    for number in range(3):
        pixels = rng.integers(1, 256, (4 + number, 6, 3), np.uint8)
        if number == 1:
            pixels[:] = 0
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return sorted(tmp_path.glob("*.png"))


@pytest.fixture
def run_with(pictures, tmp_path, fake_session):
    """Run the three pictures with a session that raises at the second, which is black."""

    def start(error=None, **settings):
        def repeat_or_raise(images):
            if error is not None and not images.any():
                raise error
            return images.repeat(2, axis=2).repeat(2, axis=3)

        (tmp_path / "out").mkdir()
        plan = make_plan(pictures, Output(tmp_path / "out"))
        return run(plan, Upscaler(fake_session(repeat_or_raise)), Settings(**settings))

    return start


def test_every_picture_is_written_and_reported(run_with, tmp_path):
    outcomes = list(run_with())
    assert [outcome.status for outcome in outcomes] == ["done"] * 3
    assert [outcome.result_size for outcome in outcomes] == [(12, 8), (12, 10), (12, 12)]
    for outcome in outcomes:
        with Image.open(outcome.target) as image:
            assert image.size == outcome.result_size


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "E_OUT_OF_MEMORY"),
        (ModelRefusedError("The model fails on 6 x 5."), "E_MODEL"),
        (ZeroDivisionError("a bug"), "E_INTERNAL"),
    ],
)
def test_one_picture_that_fails_does_not_cost_the_others(run_with, error, code, tmp_path):
    outcomes = list(run_with(error))
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].code == code
    assert not (tmp_path / "out" / "1.png").exists()


def test_a_gpu_that_fails_ends_the_run(run_with):
    outcomes = run_with(DeviceError("The GPU failed."))
    assert next(outcomes).status == "done"
    with pytest.raises(DeviceError):
        next(outcomes)


def test_a_result_without_pixels_is_refused(run_with):
    assert {outcome.code for outcome in run_with(scale=0.05)} == {"E_NO_PIXELS"}


def test_the_counts_of_the_report_add_up(run_with):
    outcomes = list(run_with(MemoryError()))
    report = as_object(outcomes, model="fake")
    assert (report["inputs"], report["done"], report["failed"]) == (3, 2, 1)
    assert report["model"] == "fake"
    assert summary_line(outcomes, 1, 2) == (
        "2 done, 0 skipped, 1 failed; 1 other file ignored; 2 folders inside not entered"
    )


def test_a_line_says_what_became_of_a_picture(run_with, tmp_path):
    done, failed, _ = run_with(MemoryError())
    assert outcome_line(done).startswith(f"{done.source}: 6x4 -> 12x8 {done.target}; cpu; float32")
    assert outcome_line(failed).startswith(f"{failed.source}: E_OUT_OF_MEMORY: there is not enough")
