"""Entry points of a batch run: `run_once`, `watch` and `dry_run`."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.open_engine import OpenEngine
from srgan_gp.batch.inputs.walk import Walk
from srgan_gp.batch.inputs.watch import Watch
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import make_plan
from srgan_gp.batch.plan_runner import PlanRunner
from srgan_gp.batch.report import Record, summary_lines
from srgan_gp.batch.results.disk_forecast import Totals, check_space, entry_line, preview
from srgan_gp.batch.results.journal import Journal
from srgan_gp.batch.results.output_lock import locked_journal
from srgan_gp.batch.results.work import Work
from srgan_gp.batch.run_reporter import ProgressDisplay, RunReporter
from srgan_gp.system.files import drop_unfinished
from srgan_gp.system.signals import StopRequest

SECONDS_BETWEEN_POLLS = 1.0
_SECONDS_BETWEEN_CHECKS = 0.1


@dataclass(frozen=True)
class Reporting:
    """Outputs of a run besides its images."""

    open_bar: Callable[[int | None], AbstractContextManager[ProgressDisplay]]
    """Opens a progress display for a number of inputs; None: their number is unknown."""
    print_line: Callable[[str], None]
    """Prints a result on stdout."""
    wants_json: bool = False
    report: Path | None = None
    """A file for one JSON object a line; its folder exists."""
    hidden: str = ""
    """Text that is removed from printed lines: the path of a temporary folder."""


@dataclass(frozen=True)
class RunRequest:
    """Everything that a run needs."""

    opened: OpenEngine
    settings: UpscaleSettings
    inputs: Walk
    output: Output
    """Its folder exists, unless nothing is to be written."""
    work: Work
    """Model and options."""
    reporting: Reporting
    keeps_journal: bool
    """The output folder was named: it gets a journal and is locked."""


def run_once(request: RunRequest) -> int:
    """Upscale every input that can be upscaled, and return the exit code.

    Raises:
        SrganGpError: the run cannot start, or an error that concerns all images ended it.
        Stopped: a signal ended it.
    """
    output, engine, about = request.output, request.opened.engine, request.opened.about
    with (
        locked_journal(output.folder, request.work, is_kept=request.keeps_journal) as journal,
        make_plan(request.inputs, output, journal=journal, work=request.work.key) as plan,
    ):
        needed = check_space(plan, request.settings, about.scale, output.folder)
        if plan.total > 1:  # A single file was named.
            request.inputs.skipped_files.own += needed.own
        with _open_reporter(request, plan.total, plan.earlier_results, needed.pixels) as reporter:
            PlanRunner(
                plan, engine, reporter.report, journal, request.work.key, reporter.check
            ).run()
    return reporter.exit_code


def watch(request: RunRequest) -> int:
    """Upscale images as they arrive in the folders, until a signal raises `Stopped`.

    Raises:
        SrganGpError: as for `run_once`.
        Stopped: a signal ended it.
    """
    watch_folder, engine = Watch(request.inputs), request.opened.engine
    folder, is_kept = request.output.folder, request.keeps_journal
    with (
        locked_journal(folder, request.work, is_kept=is_kept) as journal,
        # Earlier results are not counted: a poll finds those of this very run, too.
        _open_reporter(request, total=None, earlier_results=0) as reporter,
    ):
        while True:
            if found := watch_folder.poll():
                with make_plan(
                    found, request.output, journal=journal, work=request.work.key
                ) as plan:
                    PlanRunner(
                        plan, engine, reporter.report, journal, request.work.key, reporter.check
                    ).run()
            polled = time.monotonic()
            while time.monotonic() < polled + SECONDS_BETWEEN_POLLS:
                reporter.check()
                time.sleep(_SECONDS_BETWEEN_CHECKS)


def dry_run(request: RunRequest, *, has_estimate: bool = True) -> Totals:
    """Print the planned outcome of every input and return the totals; nothing is written.

    Args:
        request: the run.
        has_estimate: measure the model, to estimate the time of the run; not for several devices.

    Raises:
        SrganGpError: the run could not start.
    """
    output, totals = request.output, Totals()
    journal = Journal.open_existing(output.folder, request.work) if request.keeps_journal else None
    with (
        journal or nullcontext(),
        make_plan(request.inputs, output, journal=journal, work=request.work.key) as plan,
    ):
        entries = preview(plan, request.settings, request.opened.about.scale)
        upscaler = request.opened.upscaler if has_estimate else None
        if request.reporting.wants_json:
            lines = totals.json_lines(entries, upscaler)
        else:
            lines = map(entry_line, totals.counting(entries))
        for line in lines:
            request.reporting.print_line(line)
        if not request.reporting.wants_json:
            totals.estimate(upscaler)
    return totals


@contextmanager
def _open_reporter(
    request: RunRequest,
    total: int | None,
    earlier_results: int,
    pixels: dict[Path, int] | None = None,
) -> Generator[RunReporter, None, None]:
    """Open a reporter. When the block ends, even by an error, the report is printed and written."""
    engine, reporting, record = request.opened.engine, request.reporting, Record()
    with record.file, reporting.open_bar(total) as display, StopRequest() as stop:
        reporter = RunReporter(display, record, stop, [*request.opened.choices], reporting.hidden)
        if pixels and total is not None and total > 1:
            reporter.total, reporter.pixels = total, pixels
            reporter.left_pixels = sum(pixels.values())
            reporter.mean_pixels = reporter.left_pixels / len(pixels)
        engine.on_tiles = reporter.note_tiles
        try:
            yield reporter
        finally:
            try:
                engine.close()
            finally:
                drop_unfinished()
            counts, skipped_files = reporter.counts, request.inputs.skipped_files
            for line in summary_lines(counts, skipped_files, earlier_results=earlier_results):
                display.line(line)
            if reporting.report is not None:
                record.write(reporting.report)
            if reporting.wants_json:
                about = request.opened.about
                about_the_run = {
                    "ignored": skipped_files.ignored,
                    "model": about.name,
                    "fidelity": about.fidelity,
                    **about.face_work,
                }
                for line in record.json_lines(counts, **about_the_run):
                    reporting.print_line(line)
