"""What was asked for, done and told from beginning to end: one run, or one for all that comes."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.engine import Settings
from srgan_gp.batch.forecast import Totals, check_space, entry_line, preview
from srgan_gp.batch.journal import Journal
from srgan_gp.batch.lock import locked
from srgan_gp.batch.opening import Opened
from srgan_gp.batch.output import Output
from srgan_gp.batch.plan import Plan, make_plan
from srgan_gp.batch.report import record, summary_line
from srgan_gp.batch.runner import Run
from srgan_gp.batch.telling import Narrator, Teller
from srgan_gp.batch.walk import Found, Walk
from srgan_gp.batch.watch import Watch
from srgan_gp.files import drop_unfinished
from srgan_gp.signals import StopRequest

SECONDS_BETWEEN_POLLS = 1.0
_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True)
class Audience:
    """Who is told, and where."""

    open_bar: Callable[[int | None], AbstractContextManager[Narrator]]
    """Gets how many inputs there are, None where nobody knows."""
    print_line: Callable[[str], None]
    """For results on stdout."""
    wants_json: bool = False
    report: Path | None = None
    """A file for one JSON object a line; its folder exists."""


@dataclass(frozen=True)
class Order:
    """Everything that a run needs."""

    opened: Opened
    settings: Settings
    inputs: Walk
    output: Output
    """Its folder exists, unless nothing is to be written."""
    key: str
    """The `work_key`."""
    audience: Audience
    keeps_journal: bool
    """The output folder was named: it gets a journal and is locked."""


def run_once(order: Order) -> int:
    """Upscale every input that can be; give the exit code.

    Raises:
        SrganGpError: the run cannot begin, or something about all pictures ended it.
        Stopped: a signal did.
    """
    with _journal_of(order) as journal, _plan_of(order, journal, order.inputs) as plan:
        check_space(plan, order.settings, order.opened.about.scale, order.output.folder)
        with _told(order, plan.total, plan.earlier_results) as (told, look):
            _run(order, plan, journal, told, look)
    return told.exit_code


def watch(order: Order) -> int:
    """Upscale whatever comes into the folders, until a signal raises `Stopped`; errors as above."""
    comers = Watch(order.inputs)
    with _journal_of(order) as journal, _told(order, None, 0) as (told, look):
        while True:
            if found := comers.poll():
                with _plan_of(order, journal, found) as plan:
                    _run(order, plan, journal, told, look)
            polled = time.monotonic()
            while time.monotonic() < polled + SECONDS_BETWEEN_POLLS:
                look()
                time.sleep(_SECONDS_BETWEEN_LOOKS)


def dry_run(order: Order) -> Totals:
    """Print what would be done with every input, and count it; nothing is written."""
    folder, totals = order.output.folder, Totals()
    journal = Journal.open_existing(folder) if order.keeps_journal else None
    with journal or nullcontext(), _plan_of(order, journal, order.inputs) as plan:
        entries = preview(plan, order.settings, order.opened.about.scale)
        wants_json = order.audience.wants_json
        lines = totals.pieces(entries) if wants_json else map(entry_line, totals.counting(entries))
        for line in lines:
            order.audience.print_line(line)
    return totals


@contextmanager
def _journal_of(order: Order) -> Generator[Journal | None, None, None]:
    if order.keeps_journal:
        with locked(order.output.folder), Journal.open(order.output.folder) as journal:
            yield journal
    else:
        yield None


def _plan_of(order: Order, journal: Journal | None, found: Iterable[Found]) -> Plan:
    return make_plan(found, order.output, journal=journal, work=order.key)


def _run(
    order: Order, plan: Plan, journal: Journal | None, told: Teller, look: Callable[[], None]
) -> None:
    engine = order.opened.engine
    run = Run(plan, engine, journal=journal, work=order.key, look=look)
    told.tell_all(run, end=engine.close)


@contextmanager
def _told(
    order: Order, total: int | None, earlier_results: int
) -> Generator[tuple[Teller, Callable[[], None]], None, None]:
    """Tell of what is run in the block and, however that ends, sum it up.

    Yields:
        The teller, and what shows the progress and raises `Stopped` after a signal.
    """
    engine, audience = order.opened.engine, order.audience
    with record() as kept, audience.open_bar(total) as narrator, StopRequest() as stop:
        for choice in order.opened.choices:
            narrator.line(choice)
        told = Teller(narrator, kept)
        engine.on_tiles = told.note_tiles

        def look() -> None:
            stop.check()
            told.show_progress()

        try:
            yield told, look
        finally:
            engine.close()
            drop_unfinished()
            passed_over, about = order.inputs.passed_over, order.opened.about
            narrator.line(summary_line(told.counts, passed_over, earlier_results=earlier_results))
            if audience.report is not None:
                kept.write(audience.report)
            if audience.wants_json:
                about_the_run = {"ignored": passed_over.ignored, "model": about.name}
                for line in kept.pieces(told.counts, **about_the_run, fidelity=about.fidelity):
                    audience.print_line(line)
