"""A run: every input gets one outcome, and only what concerns all pictures ends it."""

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch import plan_runner
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.inputs.walk import Found
from srgan_gp.batch.naming.plan import Output, Refused, Skipped, UpscaleJob, make_plan
from srgan_gp.batch.plan_runner import Run
from srgan_gp.batch.results.journal import JOURNAL_FOLDER, Journal
from srgan_gp.errors import DeviceError, ModelRefusedError, OutputError, PictureError
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import commit
from srgan_gp.system.signals import Stopped


@pytest.fixture
def engine_of(fake_session):
    """Start a pipeline over a fake session with this `run` and these settings."""
    engines = []

    def make(session_run=None, **settings):
        upscaler = Upscaler(fake_session(session_run))
        engines.append(ThreadEngine([upscaler], UpscaleSettings(**settings)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def plan_of(pictures, tmp_path):
    """Make a plan for the pictures, into a folder."""
    plans = []

    def make(journal=None, work="", **output):
        (tmp_path / "out").mkdir(exist_ok=True)
        found = [Found(path, path.parent) for path in pictures]
        plans.append(
            make_plan(found, Output(tmp_path / "out", **output), journal=journal, work=work)
        )
        return plans[-1]

    yield make
    for plan in plans:
        plan.close()


def by_name(outcomes):
    return {outcome.source.name: outcome for outcome in outcomes}


def parts(folder):
    return list(folder.rglob("*.part"))


def test_every_picture_is_written_and_reported(plan_of, engine_of, tmp_path):
    run = Run(plan_of(), engine_of())
    outcomes = list(run.outcomes())
    assert run.counts == Counter(done=6)
    assert sorted(o.result_size for o in outcomes) == [(12, 2 * (4 + n)) for n in range(6)]
    for outcome in outcomes:
        with Image.open(outcome.target) as image:
            assert image.size == outcome.result_size
    assert list(run.rest()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "E_OUT_OF_MEMORY"),
        (ModelRefusedError("The model fails on 6 x 5."), "E_MODEL"),
        (ZeroDivisionError("a bug"), "E_INTERNAL"),
    ],
)
def test_one_picture_that_fails_does_not_cost_the_others(
    plan_of, engine_of, raising_at_black, error, code, tmp_path
):
    run = Run(plan_of(), engine_of(raising_at_black(error)))
    outcomes = by_name(run.outcomes())
    assert run.counts == Counter(done=5, failed=1)
    assert outcomes["2.png"].code == code
    assert not (tmp_path / "out" / "2.png").exists()


def test_a_gpu_that_fails_ends_the_run_and_the_rest_is_counted(
    plan_of, engine_of, raising_at_black, tmp_path
):
    engine = engine_of(raising_at_black(DeviceError("The GPU failed.")))
    run = Run(plan_of(), engine)
    done = []
    with pytest.raises(DeviceError):
        done.extend(run.outcomes())
    engine.close()
    rest = list(run.rest())
    assert run.counts.total() == 6
    assert {outcome.code for outcome in rest} == {"E_NOT_TRIED"}
    assert parts(tmp_path) == []


def test_a_result_without_pixels_is_refused(plan_of, engine_of):
    outcomes = Run(plan_of(), engine_of(scale=0.05)).outcomes()
    assert {outcome.code for outcome in outcomes} == {"E_NO_PIXELS"}


def test_what_looks_may_end_the_run_anywhere_and_every_input_is_counted_once(
    plan_of, engine_of, pictures, tmp_path
):
    for looks in range(12):
        left = looks

        def check():
            nonlocal left
            left -= 1
            if left < 0:
                raise Stopped(130)

        engine = engine_of()
        run = Run(plan_of(exist="overwrite"), engine, check=check)
        outcomes = []
        try:
            for outcome in run.outcomes():
                outcomes.append(outcome)
        except Stopped:
            engine.close()
            outcomes += run.rest()
        assert sorted(outcome.source for outcome in outcomes) == pictures
        assert run.counts.total() == 6
        assert parts(tmp_path) == []


def test_the_promise_comes_before_the_name_and_the_name_before_the_outcome(
    plan_of, engine_of, pictures, tmp_path, monkeypatch
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
        for outcome in Run(plan_of(journal), engine_of(), journal=journal).outcomes():
            steps.append(("told", outcome.target.name))
    assert steps == [
        (step, name) for name in dict.fromkeys(name for _, name in steps)
        for step in ("record", "commit", "told")
    ]  # fmt: skip
    assert len(steps) == 18


def test_what_is_done_is_not_done_again_and_what_was_harmed_is(plan_of, engine_of, tmp_path):
    plan_of()
    with Journal.open(tmp_path / "out") as journal:
        for expected in (Counter(done=6), Counter(skipped=6)):
            run = Run(plan_of(journal, "w"), engine_of(), journal=journal, work="w")
            list(run.outcomes())
            assert run.counts == expected
        (tmp_path / "out" / "3.png").unlink()
        run = Run(plan_of(journal, "w"), engine_of(), journal=journal, work="w")
        outcomes = by_name(run.outcomes())
        assert run.counts == Counter(done=1, skipped=5)
        assert outcomes["3.png"].status == "done"


def test_a_fallback_that_is_there_is_met_when_it_is_needed(
    engine_of, plan_of, pictures, tmp_path, rng
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
            [outcome] = Run(plan, engine_of()).outcomes()
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
def test_a_file_that_comes_while_its_picture_is_worked_on_is_met_as_any_other(
    plan_of, fake_session, engine_of, tmp_path, exist, status, code, kept
):
    def run(images):
        if images.shape[2] == 7:  # the rows of 3.png alone
            (tmp_path / "out" / "3.png").write_bytes(b"precious")
        return fake_session()._repeat(images)

    outcomes = by_name(Run(plan_of(exist=exist), engine_of(run)).outcomes())
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


def test_inputs_without_work_are_counted_too(engine_of, jobs):
    refused = Refused(Path("a"), PictureError("E_VANISHED", "gone"))
    skipped = Skipped(Path("b"), Path("out/b"), "it is done already")
    run = Run(Listed(refused, jobs[0], skipped), engine_of())
    outcomes = by_name(run.outcomes())
    assert run.counts == Counter(done=1, skipped=1, failed=1)
    assert (outcomes["a"].code, outcomes["b"].reason) == ("E_VANISHED", "it is done already")


def test_a_folder_is_made_when_it_is_needed_and_swept_when_it_is_there(engine_of, jobs, tmp_path):
    out = tmp_path / "out"
    left = out / ".old.png.0123abcd.part"
    left.write_bytes(b"half")
    deep = UpscaleJob(jobs[0].source, out / "deep" / "er" / "a.png", None)
    list(Run(Listed(deep, jobs[1]), engine_of()).outcomes())
    assert deep.target.exists()
    assert not left.exists()


def test_a_file_in_the_way_of_a_folder_costs_only_its_pictures(engine_of, jobs, tmp_path):
    (tmp_path / "out" / "sub").write_bytes(b"a file")
    blocked = UpscaleJob(jobs[0].source, tmp_path / "out" / "sub" / "a.png", None)
    run = Run(Listed(blocked, jobs[1]), engine_of())
    outcomes = by_name(run.outcomes())
    assert run.counts == Counter(done=1, failed=1)
    assert outcomes["0.png"].code == "E_OUTPUT"
    assert (tmp_path / "out" / "sub").read_bytes() == b"a file"


def test_a_result_that_becomes_a_folder_meanwhile_costs_only_itself(engine_of, jobs):
    run = Run(Listed(*jobs[:2]), engine_of())
    outcomes = run.outcomes()
    first = next(outcomes)
    other = jobs[1] if first.source == jobs[0].source else jobs[0]
    assert first.status == "done"
    other.target.mkdir()
    assert [outcome.code for outcome in outcomes] == ["E_OUTPUT"]


def test_a_journal_that_is_gone_ends_the_run_and_nothing_is_written_without_it(
    engine_of, jobs, tmp_path
):
    engine, out = engine_of(), tmp_path / "out"
    with Journal.open(out) as journal:
        run = Run(Listed(*jobs), engine, journal=journal)
        outcomes = run.outcomes()
        first = next(outcomes)
        shutil.rmtree(out / JOURNAL_FOLDER)
        with pytest.raises(OutputError, match="removed during the run"):
            list(outcomes)
    engine.close()
    assert len(list(run.rest())) == 5
    assert [path.name for path in out.iterdir()] == [first.target.name]


def test_a_disk_that_fills_up_ends_the_run(engine_of, jobs, tmp_path, monkeypatch):
    def full(staged):
        raise OutputError("cannot write: the disk is full") from OSError(28, "No space left")

    monkeypatch.setattr(plan_runner, "commit", full)
    engine = engine_of()
    run = Run(Listed(*jobs), engine)
    with pytest.raises(OutputError, match="disk is full"):
        list(run.outcomes())
    engine.close()
    assert len(list(run.rest())) == 6
    assert parts(tmp_path) == []
