"""Entry points of a batch run: `run_once`, `watch` and `dry_run`.

`srgan-gp upscale` opens an engine, makes a `RunRequest` and calls one of these functions. A journal
in the output folder records the results, so that a later run skips them.
"""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.open_engine import OpenEngine
from srgan_gp.batch.inputs.skipped_files import listing_lines, skipped_lines
from srgan_gp.batch.inputs.walk import Walk
from srgan_gp.batch.inputs.watch import Watch
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import make_plan
from srgan_gp.batch.naming.single_target import SingleTarget
from srgan_gp.batch.plan_runner import PlanRunner
from srgan_gp.batch.report import Record, summary_line
from srgan_gp.batch.results.disk_forecast import check_space, expected_outcomes
from srgan_gp.batch.results.dry_run_report import Totals
from srgan_gp.batch.results.journal import Journal
from srgan_gp.batch.results.output_lock import locked_journal
from srgan_gp.batch.results.work import Work
from srgan_gp.batch.run_reporter import ProgressDisplay, RunReporter
from srgan_gp.system.files import remove_unfinished_files
from srgan_gp.system.signals import StopRequest

SECONDS_BETWEEN_POLLS = 1.0
"""Seconds between two searches of `watch` for new files. With more, new files wait longer; with
fewer, a large tree is listed too often."""
_SECONDS_BETWEEN_CHECKS = 0.1
"""Seconds between two checks of `watch` for signals: the longest delay of a stop while it waits."""


@dataclass(frozen=True)
class Reporting:
    """Outputs of a run besides its images."""

    open_bar: Callable[[int | None], AbstractContextManager[ProgressDisplay]]
    """Opens a progress display; its argument is the number of inputs, or None if unknown."""
    print_line: Callable[[str], None]
    """Prints a line on stdout."""
    wants_json: bool = False
    """Print one JSON object on stdout, as `report.Record.json_lines` describes it."""
    report_path: Path | None = None
    """File of `--report`: one JSON object a line. Its folder exists. None: no such file."""
    streams_folder: str = ""
    """Temporary folder of standard input and output, with a separator at its end, which is removed
    from printed lines and the report. "": there is no such folder."""


@dataclass(frozen=True)
class RunRequest:
    """Everything that a run needs."""

    opened: OpenEngine
    """The engine, with its model loaded. The run closes it."""
    settings: UpscaleSettings
    inputs: Walk
    output: Output
    """Folder and names of the results. The folder exists, except in a dry run."""
    work: Work
    """Model and options, by which the journal recognises finished results."""
    reporting: Reporting
    keeps_journal: bool
    """Keep a journal in the output folder and lock it; only for a folder that the user named."""


def run_once(request: RunRequest) -> int:
    """Upscale every input that can be upscaled, and return the exit code.

    Raises:
        SrganGpError: the run cannot start, or an error that concerns all images ended it.
        Stopped: a signal ended the run.
    """
    output, engine, about = request.output, request.opened.engine, request.opened.about
    key = request.work.key
    with (
        locked_journal(output.folder, request.work, keeps_journal=request.keeps_journal) as journal,
        make_plan(request.inputs, output, journal=journal, work_key=key) as plan,
    ):
        # Raises an OutputError if the disk has too little space for the results.
        input_facts = check_space(plan, request.settings, about.scale, output.folder)
        lines: Iterable[str] = ()
        skipped_files = request.inputs.skipped_files
        is_single_file = isinstance(plan.targets, SingleTarget)
        # About the inputs: for a single file only if that file is the result of an earlier run.
        if not is_single_file or skipped_files.named_results:
            lines = listing_lines(
                skipped_files,
                earlier_results=plan.earlier_results,
                written_by_srgan_gp=input_facts.written_by_srgan_gp,
            )
        with _open_reporter(
            request,
            total=plan.total,
            earlier_results=plan.earlier_results,
            pixels=input_facts.pixels,
            first_lines=lines,
        ) as reporter:
            PlanRunner(
                plan,
                engine,
                reporter.report,
                journal=journal,
                work_key=key,
                show_progress_or_stop=reporter.show_progress_or_stop,
            ).run()
    return reporter.exit_code


def watch(request: RunRequest) -> NoReturn:
    """Upscale images as they arrive in the input folders, until a signal raises `Stopped`.

    Raises:
        SrganGpError: as for `run_once`.
        Stopped: a signal ended the run.
    """
    watched_inputs, engine = Watch(request.inputs), request.opened.engine
    folder, keeps_journal, key = request.output.folder, request.keeps_journal, request.work.key
    with (
        locked_journal(folder, request.work, keeps_journal=keeps_journal) as journal,
        # Earlier results are not counted: each poll also finds the results of this run.
        _open_reporter(request, total=None, earlier_results=0) as reporter,
    ):
        try:
            while True:
                new_files = watched_inputs.poll()
                if new_files:
                    with make_plan(
                        new_files, request.output, journal=journal, work_key=key
                    ) as plan:
                        PlanRunner(
                            plan,
                            engine,
                            reporter.report,
                            journal=journal,
                            work_key=key,
                            show_progress_or_stop=reporter.show_progress_or_stop,
                        ).run()
                    reporter.print_existing()  # inputs of this poll whose results exist
                next_poll = time.monotonic() + SECONDS_BETWEEN_POLLS
                while time.monotonic() < next_poll:
                    reporter.show_progress_or_stop()
                    time.sleep(_SECONDS_BETWEEN_CHECKS)
        finally:
            # Printed once, at the end: each poll skips the same files again.
            for line in skipped_lines(request.inputs.skipped_files):
                reporter.display.print_line(line)


def dry_run(request: RunRequest, *, has_estimate: bool = True) -> Totals:
    """Print the planned outcome of every input and return the totals; nothing is written.

    Args:
        request: the run.
        has_estimate: upscale a small image, to estimate the time of the run on this machine. With
            several devices no estimate is made in any case, since other processes run the model.

    Raises:
        SrganGpError: the run could not start.
    """
    output, totals = request.output, Totals()
    print_line = request.reporting.print_line
    journal = Journal.open_existing(output.folder, request.work) if request.keeps_journal else None
    with (
        journal or nullcontext(),
        make_plan(request.inputs, output, journal=journal, work_key=request.work.key) as plan,
    ):
        entries = expected_outcomes(plan, request.settings, request.opened.about.scale)
        upscaler = request.opened.upscaler if has_estimate else None
        # Both methods also set the fields of `totals`.
        if request.reporting.wants_json:
            for line in totals.json_lines(entries, upscaler):
                print_line(line)
        else:
            for line in totals.text_lines(entries, upscaler):
                print_line(line)
    return totals


@contextmanager
def _open_reporter(
    request: RunRequest,
    total: int | None,
    earlier_results: int,
    pixels: dict[Path, int] | None = None,
    first_lines: Iterable[str] = (),
) -> Generator[RunReporter, None, None]:
    """Open a reporter for the `with` block that runs the engine.

    When the block ends, even by an error, the engine is closed, its unfinished files are removed,
    the summary is printed, and the report is written.

    Args:
        request: the run.
        total: number of inputs; None: unknown.
        earlier_results: as for `summary_line`.
        pixels: pixels of the inputs by path, for the progress; None: unknown.
        first_lines: lines to print before the first image.
    """
    engine, reporting, record = request.opened.engine, request.reporting, Record()
    with record.file, reporting.open_bar(total) as display, StopRequest() as stop:
        reporter = RunReporter(
            display,
            record,
            stop,
            list(request.opened.choices),  # a copy: the reporter removes the printed lines
            reporting.streams_folder,
        )
        if pixels and total is not None and total > 1:  # a single image is measured by its tiles
            reporter.count_pixels(total, pixels)
        engine.on_tiles = reporter.note_tiles
        for line in first_lines:
            display.print_line(line)
        try:
            yield reporter
        finally:
            try:
                engine.close()
            finally:
                remove_unfinished_files()
            if reporter.existing.groups:
                reporter.print_existing()
            counts, skipped_files = reporter.counts, request.inputs.skipped_files
            display.print_line(summary_line(counts, skipped_files, earlier_results=earlier_results))
            if reporting.report_path is not None:
                record.write(reporting.report_path)
            if reporting.wants_json:
                about = request.opened.about
                about_the_run = {
                    "ignored": skipped_files.ignored,
                    "model": about.name,
                    "fidelity": about.fidelity,
                    **about.face_work,  # options of face enhancement, if it is on
                }
                for line in record.json_lines(counts, **about_the_run):
                    reporting.print_line(line)
