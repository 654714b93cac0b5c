"""Report of a run: lines, JSON and counts."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from srgan_gp.batch.inputs.skipped_files import (
    SkippedFiles,
    dry_run_lines,
    listing_lines,
    no_image_message,
)
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
    assert outcome_line(DONE) == ("a.png: 6x4 -> 12x8 out/a.png; upscaled in 0.50 s; it was grey")
    smaller = replace(DONE, result_size=(3, 2))
    assert "6x4 -> 3x2 out/a.png; smaller than the input; upscaled" in outcome_line(smaller)
    assert outcome_line(SKIPPED) == "b.png: skipped, it is done already: out/b.png"
    assert outcome_line(FAILED) == "c.png: E_DAMAGED: it is cut short"


def test_the_summary_counts_outcomes_and_skipped_files():
    counts = Counter(done=2, failed=1)
    assert summary_line(counts, SkippedFiles()) == "2 done, 0 skipped, 1 failed"
    skipped_files = SkippedFiles(Counter({".txt": 1}), results=1, folders=2, links=1)
    assert summary_line(counts, skipped_files, earlier_results=3) == (
        "2 done, 0 skipped, 1 failed; 1 other file ignored (1 .txt); 4 earlier results ignored; "
        "2 folders inside not entered (-r enters them); 1 link to a folder not followed"
    )
    inside = SkippedFiles(folders=1, is_recursive=True)
    assert summary_line(counts, inside).endswith("; 1 folder inside not entered")
    hidden = SkippedFiles(hidden_folders=1)
    assert summary_line(counts, hidden).endswith("failed; 1 hidden folder not entered")
    assert summary_line(Counter(done=1, not_tried=2), SkippedFiles()) == (
        "1 done, 0 skipped, 0 failed, 2 not finished (the same command starts them again)"
    )


def test_a_dry_run_says_that_links_to_folders_are_not_followed():
    assert list(dry_run_lines(SkippedFiles(links=2))) == [
        "links to folders, not followed unless they are named: 2"
    ]


def test_names_of_results_are_said_without_other_files_too():
    skipped_files = SkippedFiles()
    skipped_files.count_likely_result(Path("a_x4.png"))
    [first] = listing_lines(skipped_files)
    assert first.endswith("may be enlarged for the second time: a_x4.png")


def test_results_that_are_not_enlarged_again_are_named():
    skipped_files = SkippedFiles()
    skipped_files.count_result(Path("a_x4.png"))
    assert list(listing_lines(skipped_files)) == [
        "1 result of an earlier run is not enlarged again; name such files to enlarge them: "
        "a_x4.png"
    ]
    [line] = listing_lines(skipped_files, earlier_results=2)
    assert line.startswith("3 results of earlier runs are not enlarged again; ")
    assert line.endswith(": a_x4.png and 2 more")


def test_images_that_are_not_read_are_named_with_their_number():
    skipped_files = SkippedFiles(Counter({".nef": 12, ".mov": 2}))
    [line] = listing_lines(skipped_files)
    assert line == (
        "12 .nef files skipped: camera raw is not read; save as JPEG, PNG or TIFF first"
    )
    counted = summary_line(Counter(done=1), skipped_files)
    assert counted.endswith("; 2 other files ignored (2 .mov)"), "each file is counted once"


def test_a_folder_of_results_says_how_to_upscale_them_again():
    message = no_image_message(["out"], SkippedFiles(results=3, folders=1))
    assert message == (
        "No image in out: 3 results of earlier runs were skipped; name such files to upscale them "
        "again; folders inside were not entered (1; -r enters them)."
    )
    assert no_image_message(["out"], SkippedFiles(results=1)).startswith(
        "No image in out: 1 result of an earlier run was skipped; "
    )
    assert no_image_message(["in"], SkippedFiles(folders=1, is_recursive=True)) == (
        "No image in in: folders inside were not entered (1)."
    ), "-r is passed already"
    assert no_image_message(["in"], SkippedFiles(hidden_folders=1)) == (
        "No image in in: hidden folders are not entered (1); name such a folder to enter it."
    ), "-r does not enter it"
    assert no_image_message(["in"], SkippedFiles(links=1)) == (
        "No image in in: links to folders were not followed (1); name such a link to enter it."
    ), "-r follows no link"
    assert no_image_message(["*.png"], SkippedFiles()) == (
        "No image in *.png: nothing is there, or nothing matches."
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
    assert printed["inputs"] == sum(
        printed[status] for status in ("done", "skipped", "failed", "not_tried")
    )
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
    assert sum(1 for _ in record.json_lines(Counter(done=10_000))) == 10_000 + 8


class Display:
    def __init__(self):
        self.lines, self.moves = [], []

    def print_line(self, text):
        self.lines.append(text)

    def move(self, done, text, *share):
        self.moves.append((done, text, *share))


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
    reporter.report(Outcome(Path("c.png"), "not_tried", code=NOT_TRIED, message="the run ended"))
    assert reporter.counts == Counter(done=1, not_tried=1)
    assert reporter.exit_code == 0
    assert display.lines == [outcome_line(DONE)]


def test_the_progress_includes_parts_of_images(record):
    display = Display()
    reporter = RunReporter(display, record, StopRequest())
    reporter.note_tiles(UpscaleJob(Path("c.png"), Path("out/c.png"), None), 1, 4)
    reporter.report(DONE)
    reporter.show_progress_or_stop()
    reporter.report(FAILED)
    reporter.show_progress_or_stop()
    assert display.moves == [(1.25, "c.png"), (2, "")]


def test_a_folder_is_weighted_by_pixels(record):
    """A large image beside two small ones, an image of unknown size, and one that fails."""
    display, pixels = Display(), {Path("a.png"): 100, Path("b.png"): 100, Path("c.png"): 1000}
    reporter = RunReporter(display, record, StopRequest())
    reporter.count_pixels(4, pixels)
    reporter.show_progress_or_stop()
    reporter.report(DONE)  # a.png
    reporter.show_progress_or_stop()  # d.png counts as the mean, 400
    reporter.note_tiles(UpscaleJob(Path("c.png"), Path("out/c.png"), None), 1, 4)
    reporter.show_progress_or_stop()
    reporter.report(Outcome(Path("d.png"), "skipped", Path("out/d.png"), reason="it exists"))
    reporter.report(Outcome(Path("b.png"), "failed", code="E_DAMAGED", message="it is cut short"))
    reporter.show_progress_or_stop()
    reporter.report(replace(DONE, source=Path("c.png")))
    reporter.show_progress_or_stop()
    assert display.moves == [
        (0, "", 0),
        (1, "", 100 / 1600),
        (1.25, "c.png", 350 / 1600),
        (3.25, "c.png", 350 / 1100),
        (4, "", 1),
    ]


def test_a_tile_in_progress_counts_by_its_expected_time(record, monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    display, job = Display(), UpscaleJob(Path("c.png"), Path("out/c.png"), None)
    reporter = RunReporter(display, record, StopRequest())
    reporter.note_tiles(job, 0, 1, 40.0)  # the whole image is expected to take 40 seconds
    now = 101.0
    reporter.show_progress_or_stop()
    now = 110.0
    reporter.note_tiles(job, 1, 4)  # the first tile took 10 seconds
    now = 115.0
    reporter.show_progress_or_stop()
    now = 1000.0  # a tile never counts as done before it is
    reporter.show_progress_or_stop()
    reporter.note_tiles(job, 4, 4)
    reporter.show_progress_or_stop()
    assert display.moves == [
        (pytest.approx(0.025), "c.png"),
        (pytest.approx(0.375), "c.png"),
        (pytest.approx(0.495), "c.png"),
        (1, "c.png: upscaled; writing the result"),
    ]


def test_the_device_is_printed_once_and_only_before_an_upscaled_image(record):
    display = Display()
    reporter = RunReporter(display, record, StopRequest(), ["m on cpu."])
    reporter.report(FAILED)
    reporter.report(SKIPPED)
    assert display.lines == [outcome_line(FAILED), outcome_line(SKIPPED)]
    reporter.report(DONE)
    reporter.report(DONE)
    assert display.lines[2:] == ["m on cpu.", outcome_line(DONE), outcome_line(DONE)]


def existing(name, shared):
    """Return the outcome of an image whose result exists."""
    return Outcome(
        Path(name), "failed", code="E_EXISTS", message=f"o/{name} exists", shared_text=shared
    )


def test_existing_results_are_printed_by_difference_and_every_image_is_recorded(record):
    display = Display()
    reporter = RunReporter(display, record, StopRequest())
    for name in "abc":
        reporter.report(existing(name, "results exist and were made with other options (-q 9)"))
    reporter.report(existing("d", "results exist and were made by m, now n"))
    reporter.report(existing("e", ""))  # nothing in common with others
    assert display.lines == ["e: E_EXISTS: o/e exists"]
    reporter.print_existing()
    assert display.lines[1:] == [
        "E_EXISTS: 3 results exist and were made with other options (-q 9); the first is that of "
        "a. Pass --exist overwrite to make them again, --exist skip to keep them, or another -o.",
        "d: E_EXISTS: o/d exists",
    ]
    assert (reporter.counts["failed"], reporter.exit_code) == (5, 3)
    record.file.seek(0)
    entries = [json.loads(line) for line in record.file]
    assert entries[0] == {
        "source": "a", "status": "failed", "code": "E_EXISTS", "message": "o/a exists",
    } | {key: entries[0][key] for key in entries[0] if key == "warnings"}  # fmt: skip


def test_existing_results_are_printed_before_the_first_image_is_upscaled_and_at_the_end(record):
    display = Display()
    reporter = RunReporter(display, record, StopRequest())
    for name in "ab":
        reporter.report(existing(name, "results exist and differ"))
    reporter.show_progress_or_stop()
    assert display.lines == []
    reporter.note_tiles(UpscaleJob(Path("c"), Path("o/c"), None), 0, 1)
    reporter.show_progress_or_stop()
    for name in "de":
        reporter.report(existing(name, "results exist and differ"))
    reporter.show_progress_or_stop()
    assert [line.partition(";")[0] for line in display.lines] == [
        "E_EXISTS: 2 results exist and differ"
    ]
    reporter.print_existing()
    assert display.lines[1].startswith("E_EXISTS: 2 more results exist and differ; the first is ")
    reporter.print_existing()
    assert len(display.lines) == 2


def test_existing_results_are_printed_with_an_upscaled_image_if_no_tiles_are_noted(record):
    """Processes and Ray do not call `note_tiles`."""
    display = Display()
    reporter = RunReporter(display, record, StopRequest(), ["m on cpu."])
    for name in "ab":
        reporter.report(existing(name, "results exist and differ"))
    reporter.report(DONE)
    assert display.lines[0].startswith("E_EXISTS: 2 results exist and differ; the first is ")
    assert display.lines[1:] == ["m on cpu.", outcome_line(DONE)]
    reporter.report(existing("c", "results exist and were made by m, now n"))  # another difference
    assert display.lines[3:] == ["c: E_EXISTS: o/c exists"]
    for name in "de":
        reporter.report(existing(name, "results exist and differ"))
    assert len(display.lines) == 4
    reporter.report(DONE)
    assert display.lines[4].startswith("E_EXISTS: 2 more results exist and differ; the first is ")
    assert display.lines[5:] == [outcome_line(DONE)]
    reporter.print_existing()
    assert len(display.lines) == 6


def test_the_path_of_a_temporary_folder_is_not_printed(record):
    display = Display()
    reporter = RunReporter(display, record, StopRequest(), streams_folder="/tmp/x/")
    outcome = Outcome(Path("/tmp/x/stdin.png"), "failed", code="E_DAMAGED", message="cut")
    reporter.report(outcome)
    assert display.lines == ["standard input: E_DAMAGED: cut"]
