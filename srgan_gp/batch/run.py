"""Entry points of a batch run: `run_once`, `watch` and `dry_run`."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.open_engine import OpenEngine
from srgan_gp.batch.inputs.walk import Found, Walk
from srgan_gp.batch.inputs.watch import Watch
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import Plan, make_plan
from srgan_gp.batch.plan_runner import Run
from srgan_gp.batch.report import record, summary_line
from srgan_gp.batch.results.disk_forecast import Totals, check_space, entry_line, preview
from srgan_gp.batch.results.journal import Journal
from srgan_gp.batch.results.output_lock import locked
from srgan_gp.batch.run_reporter import ProgressDisplay, RunReporter
from srgan_gp.system.files import drop_unfinished
from srgan_gp.system.signals import StopRequest

SECONDS_BETWEEN_POLLS = 1.0
_SECONDS_BETWEEN_CHECKS = 0.1


@dataclass(frozen=True)
class Reporting:
    """Who is told, and where."""

    open_bar: Callable[[int | None], AbstractContextManager[ProgressDisplay]]
    """Gets how many inputs there are, None where nobody knows."""
    print_line: Callable[[str], None]
    """For results on stdout."""
    wants_json: bool = False
    report: Path | None = None
    """A file for one JSON object a line; its folder exists."""


@dataclass(frozen=True)
class RunRequest:
    """Everything that a run needs."""

    opened: OpenEngine
    settings: UpscaleSettings
    inputs: Walk
    output: Output
    """Its folder exists, unless nothing is to be written."""
    key: str
    """The `work_key`."""
    reporting: Reporting
    keeps_journal: bool
    """The output folder was named: it gets a journal and is locked."""


def run_once(request: RunRequest) -> int:
    """Upscale every input that can be; give the exit code.

    Raises:
        SrganGpError: the run cannot begin, or something about all pictures ended it.
        Stopped: a signal did.
    """
    with _journal_of(request) as journal, _plan_of(request, journal, request.inputs) as plan:
        check_space(plan, request.settings, request.opened.about.scale, request.output.folder)
        with _reporter(request, plan.total, plan.earlier_results) as (reporter, check):
            _run(request, plan, journal, reporter, check)
    return reporter.exit_code


def watch(request: RunRequest) -> int:
    """Upscale whatever comes into the folders, until a signal raises `Stopped`; errors as above."""
    watch_folder = Watch(request.inputs)
    with _journal_of(request) as journal, _reporter(request, None, 0) as (reporter, check):
        while True:
            if found := watch_folder.poll():
                with _plan_of(request, journal, found) as plan:
                    _run(request, plan, journal, reporter, check)
            polled = time.monotonic()
            while time.monotonic() < polled + SECONDS_BETWEEN_POLLS:
                check()
                time.sleep(_SECONDS_BETWEEN_CHECKS)


def dry_run(request: RunRequest) -> Totals:
    """Print what would be done with every input, and count it; nothing is written."""
    folder, totals = request.output.folder, Totals()
    journal = Journal.open_existing(folder) if request.keeps_journal else None
    with journal or nullcontext(), _plan_of(request, journal, request.inputs) as plan:
        entries = preview(plan, request.settings, request.opened.about.scale)
        wants_json = request.reporting.wants_json
        lines = totals.pieces(entries) if wants_json else map(entry_line, totals.counting(entries))
        for line in lines:
            request.reporting.print_line(line)
    return totals


@contextmanager
def _journal_of(request: RunRequest) -> Generator[Journal | None, None, None]:
    if request.keeps_journal:
        with locked(request.output.folder), Journal.open(request.output.folder) as journal:
            yield journal
    else:
        yield None


def _plan_of(request: RunRequest, journal: Journal | None, found: Iterable[Found]) -> Plan:
    return make_plan(found, request.output, journal=journal, work=request.key)


def _run(
    request: RunRequest,
    plan: Plan,
    journal: Journal | None,
    reporter: RunReporter,
    check: Callable[[], None],
) -> None:
    engine = request.opened.engine
    run = Run(plan, engine, journal=journal, work=request.key, check=check)
    reporter.report_all(run, end=engine.close)


@contextmanager
def _reporter(
    request: RunRequest, total: int | None, earlier_results: int
) -> Generator[tuple[RunReporter, Callable[[], None]], None, None]:
    """Tell of what is run in the block and, however that ends, sum it up.

    Yields:
        The reporter, and what shows the progress and raises `Stopped` after a signal.
    """
    engine, reporting = request.opened.engine, request.reporting
    with record() as kept, reporting.open_bar(total) as display, StopRequest() as stop:
        for choice in request.opened.choices:
            display.line(choice)
        reporter = RunReporter(display, kept)
        engine.on_tiles = reporter.note_tiles

        def check() -> None:
            stop.check()
            reporter.show_progress()

        try:
            yield reporter, check
        finally:
            engine.close()
            drop_unfinished()
            skipped_files, about = request.inputs.skipped_files, request.opened.about
            display.line(
                summary_line(reporter.counts, skipped_files, earlier_results=earlier_results)
            )
            if reporting.report is not None:
                kept.write(reporting.report)
            if reporting.wants_json:
                about_the_run = {"ignored": skipped_files.ignored, "model": about.name}
                for line in kept.pieces(reporter.counts, **about_the_run, fidelity=about.fidelity):
                    reporting.print_line(line)
