"""Plan runner: every input gets one outcome, and only errors of all images end a run."""

import hashlib
import shutil
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch import plan_runner
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.inputs.walk import Found
from srgan_gp.batch.naming.plan import Output, Refused, Skipped, UpscaleJob, make_plan
from srgan_gp.batch.plan_runner import NOT_TRIED, PlanRunner
from srgan_gp.batch.results.journal import JOURNAL_FOLDER, Journal
from srgan_gp.errors import DeviceError, ModelRefusedError, OutputError, PictureError
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import commit
from srgan_gp.system.signals import Stopped


@pytest.fixture
def engine_of(fake_session):
    """Start an engine over a fake session with this `run` and these settings."""
    engines = []

    def make(session_run=None, **settings):
        upscaler = Upscaler(fake_session(session_run))
        engines.append(ThreadEngine([upscaler], UpscaleSettings(**settings)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def plan_of(image_files, tmp_path):
    """Make a plan for the images, into a folder."""
    with ExitStack() as plans:

        def make(journal=None, work_key="", **output):
            (tmp_path / "out").mkdir(exist_ok=True)
            found = [Found(path, path.parent) for path in image_files]
            return plans.enter_context(
                make_plan(
                    found, Output(tmp_path / "out", **output), journal=journal, work_key=work_key
                )
            )

        yield make


def run(plan, engine, outcomes=None, **options):
    """Run a plan; returns its outcomes, which are also added to the list."""
    outcomes = [] if outcomes is None else outcomes
    PlanRunner(plan, engine, outcomes.append, **options).run()
    return outcomes


def counts(outcomes):
    return Counter(outcome.status for outcome in outcomes)


def by_name(outcomes):
    return {outcome.source.name: outcome for outcome in outcomes}


def parts(folder):
    return list(folder.rglob("*.part"))


def test_every_image_is_written_and_reported(plan_of, engine_of, tmp_path):
    outcomes = run(plan_of(), engine_of())
    assert counts(outcomes) == Counter(done=6)
    assert sorted(o.result_size for o in outcomes) == [(12, 2 * (4 + n)) for n in range(6)]
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
def test_one_image_that_fails_does_not_cost_the_others(
    plan_of, engine_of, raising_at_black, error, code, tmp_path
):
    outcomes = run(plan_of(), engine_of(raising_at_black(error)))
    assert counts(outcomes) == Counter(done=5, failed=1)
    assert by_name(outcomes)["2.png"].code == code
    assert not (tmp_path / "out" / "2.png").exists()


def test_a_gpu_that_fails_ends_the_run_and_the_rest_is_counted(
    plan_of, engine_of, raising_at_black, tmp_path
):
    engine, outcomes = engine_of(raising_at_black(DeviceError("The GPU failed."))), []
    with pytest.raises(DeviceError):
        run(plan_of(), engine, outcomes)
    assert len(outcomes) == 6
    assert {outcome.code for outcome in outcomes if outcome.status != "done"} == {NOT_TRIED}
    assert parts(tmp_path) == []


def test_a_result_without_pixels_is_refused(plan_of, engine_of):
    outcomes = run(plan_of(), engine_of(scale=0.05))
    assert {outcome.code for outcome in outcomes} == {"E_NO_PIXELS"}


def test_a_check_may_end_the_run_anywhere_and_every_input_is_reported_once(
    plan_of, engine_of, image_files, tmp_path
):
    for checks in range(12):
        left = checks

        def check():
            nonlocal left
            left -= 1
            if left < 0:
                raise Stopped(130)

        outcomes = []
        with suppress(Stopped):
            run(plan_of(exist="overwrite"), engine_of(), outcomes, show_progress_or_stop=check)
        assert sorted(outcome.source for outcome in outcomes) == image_files
        assert parts(tmp_path) == []


def test_a_result_is_recorded_then_committed_then_reported(
    plan_of, engine_of, tmp_path, monkeypatch
):
    steps = []
    with Journal.open(plan_of() and tmp_path / "out") as journal:
        record = journal.record

        def noted_record(source, staged, input_sha256, work):
            assert input_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
            assert staged.partial.exists() and not staged.target.exists()
            steps.append(("record", staged.target.name))
            record(source, staged, input_sha256, work)

        def noted_commit(staged):
            steps.append(("commit", staged.target.name))
            commit(staged)

        monkeypatch.setattr(journal, "record", noted_record)
        monkeypatch.setattr(plan_runner, "commit", noted_commit)

        def report(outcome):
            steps.append(("report", outcome.target.name))

        PlanRunner(plan_of(journal), engine_of(), report, journal).run()
    assert steps == [
        (step, name) for name in dict.fromkeys(name for _, name in steps)
        for step in ("record", "commit", "report")
    ]  # fmt: skip
    assert len(steps) == 18


def test_a_second_run_repeats_only_results_that_were_removed(plan_of, engine_of, tmp_path):
    plan_of()
    with Journal.open(tmp_path / "out") as journal:
        for expected in (Counter(done=6), Counter(skipped=6)):
            outcomes = run(plan_of(journal, "w"), engine_of(), journal=journal, work_key="w")
            assert counts(outcomes) == expected
        (tmp_path / "out" / "3.png").unlink()
        outcomes = run(plan_of(journal, "w"), engine_of(), journal=journal, work_key="w")
        assert counts(outcomes) == Counter(done=1, skipped=5)
        assert by_name(outcomes)["3.png"].status == "done"


def test_an_existing_fallback_is_treated_like_an_existing_target(
    engine_of, image_files, tmp_path, rng
):
    pixels = rng.integers(0, 256, (5, 5, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in" / "really.jpg", "PNG")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "really.png").write_bytes(b"precious")
    found = [Found(tmp_path / "in" / "really.jpg", tmp_path / "in")]
    for exist, status, code in [
        (None, "failed", "E_EXISTS"),
        ("skip", "skipped", None),
        ("rename", "done", None),
        ("overwrite", "done", None),
    ]:
        with make_plan(found, Output(tmp_path / "out", exist=exist)) as plan:
            [outcome] = run(plan, engine_of())
        assert (outcome.status, outcome.code) == (status, code), exist
        if exist != "overwrite":
            assert (tmp_path / "out" / "really.png").read_bytes() == b"precious"
    assert (tmp_path / "out" / "really.png").read_bytes() != b"precious"
    assert (tmp_path / "out" / "really-2.png").exists()
    assert parts(tmp_path) == []


@pytest.mark.parametrize(
    ("exist", "status", "code", "kept"),
    [
        (None, "failed", "E_EXISTS", True),
        ("error", "failed", "E_EXISTS", True),
        ("skip", "skipped", None, True),
        ("rename", "done", None, True),
        ("overwrite", "done", None, False),
    ],
)
def test_a_file_created_during_the_run_is_treated_like_any_existing_one(
    plan_of, fake_session, engine_of, tmp_path, exist, status, code, kept
):
    def create_a_file(images):
        if images.shape[2] == 7:  # The height of 3.png alone.
            (tmp_path / "out" / "3.png").write_bytes(b"precious")
        return fake_session()._repeat(images)

    outcomes = by_name(run(plan_of(exist=exist), engine_of(create_a_file)))
    assert (outcomes["3.png"].status, outcomes["3.png"].code) == (status, code)
    assert ((tmp_path / "out" / "3.png").read_bytes() == b"precious") == kept
    assert parts(tmp_path) == []


class Listed:
    """A plan that is a list."""

    def __init__(self, *items):
        self._items = items

    def __iter__(self):
        return iter(self._items)

    def sources(self):
        return (item.source for item in self._items)

    def settle(self, path):
        return path


def test_inputs_without_a_job_are_reported_too(engine_of, jobs):
    refused = Refused(Path("a"), PictureError("E_NOT_FOUND", "gone"))
    skipped = Skipped(Path("b"), Path("out/b"), "it is done already")
    outcomes = run(Listed(refused, jobs[0], skipped), engine_of())
    assert counts(outcomes) == Counter(done=1, skipped=1, failed=1)
    outcomes = by_name(outcomes)
    assert (outcomes["a"].code, outcomes["b"].reason) == ("E_NOT_FOUND", "it is done already")


def test_a_folder_is_created_when_it_is_needed_and_swept_when_it_exists(engine_of, jobs, tmp_path):
    out = tmp_path / "out"
    left = out / ".old.png.0123abcd.part"
    left.write_bytes(b"half")
    deep = UpscaleJob(jobs[0].source, out / "deep" / "er" / "a.png", None)
    run(Listed(deep, jobs[1]), engine_of())
    assert deep.target.exists()
    assert not left.exists()


def test_a_file_in_the_place_of_a_folder_costs_only_its_images(engine_of, jobs, tmp_path):
    (tmp_path / "out" / "sub").write_bytes(b"a file")
    blocked = UpscaleJob(jobs[0].source, tmp_path / "out" / "sub" / "a.png", None)
    outcomes = run(Listed(blocked, jobs[1]), engine_of())
    assert counts(outcomes) == Counter(done=1, failed=1)
    assert by_name(outcomes)["0.png"].code == "E_OUTPUT"
    assert (tmp_path / "out" / "sub").read_bytes() == b"a file"


def test_a_target_that_becomes_a_folder_during_the_run_costs_only_itself(engine_of, jobs):
    outcomes = []

    def report(outcome):
        if not outcomes:
            other = jobs[1] if outcome.source == jobs[0].source else jobs[0]
            other.target.mkdir()
        outcomes.append((outcome.status, outcome.code))

    PlanRunner(Listed(*jobs[:2]), engine_of(), report).run()
    assert outcomes == [("done", None), ("failed", "E_OUTPUT")]


def test_a_journal_that_is_gone_ends_the_run_and_nothing_is_written_without_it(
    engine_of, jobs, tmp_path
):
    out, outcomes = tmp_path / "out", []

    def report(outcome):
        if not outcomes:
            shutil.rmtree(out / JOURNAL_FOLDER)
        outcomes.append(outcome)

    with Journal.open(out) as journal, pytest.raises(OutputError, match="removed during the run"):
        PlanRunner(Listed(*jobs), engine_of(), report, journal).run()
    first, *others = outcomes
    assert [outcome.code for outcome in others] == [NOT_TRIED] * 5
    assert [path.name for path in out.iterdir()] == [first.target.name]


def test_a_disk_that_fills_up_ends_the_run(engine_of, jobs, tmp_path, monkeypatch):
    def full(staged):
        raise OutputError("cannot write: the disk is full") from OSError(28, "No space left")

    monkeypatch.setattr(plan_runner, "commit", full)
    outcomes = []
    with pytest.raises(OutputError, match="disk is full"):
        run(Listed(*jobs), engine_of(), outcomes)
    assert [outcome.code for outcome in outcomes] == [NOT_TRIED] * 6
    assert "during this image; run the same command again, which starts" in outcomes[0].message
    assert parts(tmp_path) == []
