"""What a run tells: lines that can be read, JSON that can be parsed, counts that add up."""

import json
from collections import Counter
from pathlib import Path

import pytest

from srgan_gp.batch.inputs.walk import SkippedFiles
from srgan_gp.batch.plan_runner import Outcome
from srgan_gp.batch.report import outcome_line, record, summary_line
from srgan_gp.batch.run_reporter import RunReporter

DONE = Outcome(
    Path("a.png"), "done", Path("out/a.png"), size=(6, 4), result_size=(12, 8), device="cpu",
    provider="P", precision="float32", tiles=1, seconds=0.5, frames=1, warnings=("it was grey",),
)  # fmt: skip
SKIPPED = Outcome(Path("b.png"), "skipped", Path("out/b.png"), reason="it is done already")
FAILED = Outcome(Path("c.png"), "failed", code="E_DAMAGED", message="it is cut short")


def test_a_line_says_what_became_of_a_picture():
    assert outcome_line(DONE) == (
        "a.png: 6x4 -> 12x8 out/a.png; cpu; float32; 1 tile; 0.50 s; it was grey"
    )
    assert outcome_line(SKIPPED) == "b.png: skipped, it is done already: out/b.png"
    assert outcome_line(FAILED) == "c.png: E_DAMAGED: it is cut short"


def test_the_summary_counts_what_was_done_and_what_was_passed_over():
    counts = Counter(done=2, failed=1)
    assert summary_line(counts, SkippedFiles()) == "2 done, 0 skipped, 1 failed"
    skipped_files = SkippedFiles(ignored=1, folders=2, links=1)
    assert summary_line(counts, skipped_files, earlier_results=3) == (
        "2 done, 0 skipped, 1 failed; 1 other file ignored; 3 earlier results left out; "
        "2 folders inside not entered; 1 link to a folder not followed"
    )


@pytest.mark.parametrize("outcomes", [[], [DONE], [DONE, SKIPPED, FAILED]], ids=len)
def test_the_object_and_the_lines_hold_the_same_pictures(outcomes, tmp_path):
    with record() as kept:
        for outcome in outcomes:
            kept.add(outcome)
        counts = Counter(outcome.status for outcome in outcomes)
        kept.write(tmp_path / "report.jsonl")
        printed = json.loads("\n".join(kept.pieces(counts, model="m", fidelity=None)))
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert printed["pictures"] == lines
    assert printed["inputs"] == len(outcomes) == len(lines)
    assert printed["inputs"] == printed["done"] + printed["skipped"] + printed["failed"]
    assert (printed["model"], printed["fidelity"]) == ("m", None)


def test_a_name_that_is_no_unicode_can_be_reported(tmp_path):
    with record() as kept:
        kept.add(Outcome(Path("not \udcff UTF-8\n"), "failed", code="E_DAMAGED", message=""))
        kept.write(tmp_path / "report.jsonl")
    [line] = (tmp_path / "report.jsonl").read_bytes().splitlines()
    assert json.loads(line)["source"] == "not \udcff UTF-8\n"


def test_many_outcomes_leave_the_memory(tmp_path):
    with record() as kept:
        for _ in range(10_000):
            kept.add(DONE)
        assert kept._file._rolled  # to a file on the disk
        assert sum(1 for _ in kept.pieces(Counter(done=10_000))) == 10_000 + 7


class Heard:
    def __init__(self):
        self.lines, self.moves = [], []

    def line(self, text):
        self.lines.append(text)

    def move(self, done, text):
        self.moves.append((done, text))


class Planned:
    """A run that was planned to have these outcomes, and ends after some."""

    def __init__(self, outcomes, error_after=None):
        self._outcomes, self._end = outcomes, error_after

    def outcomes(self):
        for number, outcome in enumerate(self._outcomes):
            if number == self._end:
                raise KeyboardInterrupt
            yield outcome

    def rest(self):
        return iter(self._outcomes[self._end :])


@pytest.mark.parametrize(
    ("codes", "exit_code"),
    [([], 0), (["E_DAMAGED"], 3), (["E_DAMAGED", "E_OUTPUT"], 5), (["E_OUTPUT", "E_INTERNAL"], 1)],
)
def test_the_exit_code_is_that_of_the_worst_failure(codes, exit_code):
    failures = [Outcome(Path(code), "failed", code=code, message="") for code in codes]
    with record() as kept:
        told = RunReporter(Heard(), kept)
        told.report_all(Planned([DONE, SKIPPED, *failures]), end=lambda: None)
        assert told.exit_code == exit_code
        assert told.counts == Counter(done=1, skipped=1, failed=len(codes))


def test_a_run_cut_short_is_counted_in_full_and_told_only_as_far_as_it_came():
    heard, ends = Heard(), []
    with record() as kept:
        told = RunReporter(heard, kept)
        with pytest.raises(KeyboardInterrupt):
            told.report_all(Planned([DONE, FAILED, FAILED], 1), end=lambda: ends.append(1))
        assert told.counts == Counter(done=1, failed=2)
    assert (len(heard.lines), ends) == (1, [1])


def test_the_progress_counts_parts_of_pictures():
    from srgan_gp.batch.naming.plan import UpscaleJob

    heard = Heard()
    with record() as kept:
        told = RunReporter(heard, kept)
        told.note_tiles(UpscaleJob(Path("c.png"), Path("out/c.png"), None), 1, 4)
        told.report_all(Planned([DONE]), end=lambda: None)
        told.show_progress()
        told.report_all(Planned([FAILED]), end=lambda: None)
        told.show_progress()
    assert heard.moves == [(1.25, "c.png"), (2, "")]
