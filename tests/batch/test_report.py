"""Report of a run: lines, JSON and counts."""

import json
from collections import Counter
from pathlib import Path

import pytest

from srgan_gp.batch.inputs.walk import SkippedFiles
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.plan_runner import NOT_TRIED, Outcome
from srgan_gp.batch.report import Record, outcome_line, summary_line
from srgan_gp.batch.run_reporter import RunReporter
from srgan_gp.system.signals import StopRequest

DONE = Outcome(
    Path("a.png"), "done", Path("out/a.png"), size=(6, 4), result_size=(12, 8), device="cpu",
    provider="P", precision="float32", tiles=1, seconds=0.5, frames=1, warnings=("it was grey",),
)  # fmt: skip
SKIPPED = Outcome(Path("b.png"), "skipped", Path("out/b.png"), reason="it is done already")
FAILED = Outcome(Path("c.png"), "failed", code="E_DAMAGED", message="it is cut short")


@pytest.fixture
def record():
    record = Record()
    with record.file:
        yield record


def test_outcomes_are_formatted_as_lines():
    assert outcome_line(DONE) == (
        "a.png: 6x4 -> 12x8 out/a.png; cpu; float32; 1 tile; 0.50 s; it was grey"
    )
    assert outcome_line(SKIPPED) == "b.png: skipped, it is done already: out/b.png"
    assert outcome_line(FAILED) == "c.png: E_DAMAGED: it is cut short"


def test_the_summary_counts_outcomes_and_skipped_files():
    counts = Counter(done=2, failed=1)
    assert summary_line(counts, SkippedFiles()) == "2 done, 0 skipped, 1 failed"
    skipped_files = SkippedFiles(ignored=1, folders=2, links=1)
    assert summary_line(counts, skipped_files, earlier_results=3) == (
        "2 done, 0 skipped, 1 failed; 1 other file ignored; 3 earlier results ignored; "
        "2 folders inside not entered; 1 link to a folder not followed"
    )


@pytest.mark.parametrize("outcomes", [[], [DONE], [DONE, SKIPPED, FAILED]], ids=len)
def test_the_object_and_the_lines_have_the_same_images(outcomes, record, tmp_path):
    for outcome in outcomes:
        record.add(outcome)
    counts = Counter(outcome.status for outcome in outcomes)
    record.write(tmp_path / "report.jsonl")
    printed = json.loads("\n".join(record.json_lines(counts, model="m", fidelity=None)))
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert printed["pictures"] == lines
    assert printed["inputs"] == len(outcomes) == len(lines)
    assert printed["inputs"] == printed["done"] + printed["skipped"] + printed["failed"]
    assert (printed["model"], printed["fidelity"]) == ("m", None)


def test_a_name_that_is_not_unicode_can_be_reported(record, tmp_path):
    record.add(Outcome(Path("not \udcff UTF-8\n"), "failed", code="E_DAMAGED", message=""))
    record.write(tmp_path / "report.jsonl")
    [line] = (tmp_path / "report.jsonl").read_bytes().splitlines()
    assert json.loads(line)["source"] == "not \udcff UTF-8\n"


def test_many_outcomes_move_from_memory_to_a_file(record):
    for _ in range(10_000):
        record.add(DONE)
    assert record.file._rolled
    assert sum(1 for _ in record.json_lines(Counter(done=10_000))) == 10_000 + 7


class Display:
    def __init__(self):
        self.lines, self.moves = [], []

    def line(self, text):
        self.lines.append(text)

    def move(self, done, text):
        self.moves.append((done, text))


@pytest.mark.parametrize(
    ("codes", "exit_code"),
    [([], 0), (["E_DAMAGED"], 3), (["E_DAMAGED", "E_OUTPUT"], 5), (["E_OUTPUT", "E_INTERNAL"], 1)],
)
def test_the_exit_code_is_that_of_the_worst_failure(record, codes, exit_code):
    reporter = RunReporter(Display(), record, StopRequest())
    failures = [Outcome(Path(code), "failed", code=code, message="") for code in codes]
    for outcome in (DONE, SKIPPED, *failures):
        reporter.report(outcome)
    assert reporter.exit_code == exit_code
    assert reporter.counts == Counter(done=1, skipped=1, failed=len(codes))


def test_inputs_that_were_not_tried_are_counted_and_not_printed(record):
    display = Display()
    reporter = RunReporter(display, record, StopRequest())
    reporter.report(DONE)
    reporter.report(Outcome(Path("c.png"), "failed", code=NOT_TRIED, message="the run ended"))
    assert reporter.counts == Counter(done=1, failed=1)
    assert display.lines == [outcome_line(DONE)]


def test_the_progress_includes_parts_of_images(record):
    display = Display()
    reporter = RunReporter(display, record, StopRequest())
    reporter.note_tiles(UpscaleJob(Path("c.png"), Path("out/c.png"), None), 1, 4)
    reporter.report(DONE)
    reporter.check()
    reporter.report(FAILED)
    reporter.check()
    assert display.moves == [(1.25, "c.png"), (2, "")]
