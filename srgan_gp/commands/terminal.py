"""Terminal output: results on stdout, messages and a progress bar on stderr.

The package rich draws the bar. If stderr is not a terminal, lines are printed instead. A stderr
that is closed or full never stops a run.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from srgan_gp.errors import OutputError

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 5.0  # without a bar: a shorter time fills logs, a longer one looks stuck
_RATE_WINDOW_SECONDS = 60.0  # a rate is over the last minute: a shorter time makes it fluctuate


def printable(text: Path | str) -> str:
    r"""Escape every character that could break or fake a line of the terminal.

    >>> print(printable("new\nline.png"))
    new\nline.png
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in os.fspath(text))


def print_result(text: str) -> None:
    """Print a result on stdout and flush it; a closed stdout is ignored.

    Raises:
        OutputError: stdout cannot be written, as on a full disk.
        BrokenPipeError: the reader of stdout closed it.
    """
    if sys.stdout is None:  # type: ignore[comparison-overlap] - None after `>&-`
        return
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"The results cannot be printed: {error.strerror}.") from error


def print_message(text: str) -> None:
    """Print one line on stderr; a stderr that is closed or full is ignored."""
    if sys.stderr is None:  # type: ignore[comparison-overlap] - None after `2>&-`
        return
    with suppress(OSError, ValueError):
        print(printable(text), file=sys.stderr, flush=True)


class ProgressBar(Protocol):
    """Progress of a long task: a bar, and lines that stay above it."""

    def print_line(self, text: str) -> None:
        """Print a line that stays."""

    def move(self, done: float, text: str, share: float | None = None) -> None:
        """Show `done` of the total, and the current item.

        Args:
            done: number of items done, with fractions of those in progress.
            text: the current item.
            share: share of the pixels that is done, 0 to 1; None: all items are the same work.
        """


@dataclass
class Rate:
    """Rate over the last minute, and the remaining time, as a text.

    Args:
        total: number of items; None: unknown.
        unit: name of one item, such as `image`; empty: no name is printed.
        history: (time in seconds, items done, share of the work done) of calls in the last minute.
    """

    total: float | None
    unit: str = ""
    history: deque[tuple[float, float, float]] = field(
        default_factory=deque[tuple[float, float, float]]
    )

    def record_and_format(self, done: float, now: float, share: float | None = None) -> str:
        """Record the progress at the time `now` in seconds; return items done, rate and time left.

        `done` and `share` are those of `ProgressBar.move`. With `share`, percent and time left are
        by pixels, without a rate of items; else percent are shown only if `done` has a fraction.
        """
        work = (done / self.total if self.total else 0.0) if share is None else share
        self.history.append((now, done, work))
        while len(self.history) > 2 and self.history[0][0] < now - _RATE_WINDOW_SECONDS:
            self.history.popleft()
        first_time, first_done, first_work = self.history[0]
        seconds = now - first_time
        rate = (done - first_done) / seconds if seconds > 0 else 0.0
        work_rate = (work - first_work) / seconds if seconds > 0 else 0.0
        if self.total == 1:  # `done` is a fraction: the tiles of the only image are counted
            parts = [f"{100 * done:.0f} %"]
        else:
            items = f"{int(done)} of {self.total:.0f}" if self.total else f"{int(done)}"
            if self.unit:
                plural = "" if (self.total or int(done)) == 1 else "s"
                items += f" {self.unit}{plural}"
            if share is not None:
                parts = [items, f"{100 * work:.0f} % of the pixels"]
            else:
                percent = f" ({100 * work:.0f} %)" if self.total and done % 1 else ""
                parts = [items + percent]
                if rate > 0:
                    parts.append(_rate_text(rate))
        if work >= 1:  # The last result may still be written.
            return "" if self.total == 1 else parts[0]
        if work_rate > 0:
            parts.append(f"{_duration_text((1 - work) / work_rate)} left")
        return ", ".join(parts)


def _rate_text(rate: float) -> str:
    """Format a number of items a second.

    >>> _rate_text(12.4), _rate_text(0.5), _rate_text(0.05)
    ('12 a second', '0.50 a second', '3.0 a minute')
    """
    if rate < 0.1:
        return f"{60 * rate:.1f} a minute"
    return f"{rate:.2f} a second" if rate < 10 else f"{rate:.0f} a second"


@dataclass
class _LineProgress:
    """Progress on a stderr that is not a terminal: a line every few seconds, if it is a new one."""

    rate: Rate
    printed_at: float  # time of the last line, in seconds of `time.monotonic`
    line: str = ""  # the last line

    print_line = staticmethod(print_message)

    def move(self, done: float, text: str, share: float | None = None) -> None:
        now = time.monotonic()
        if now - self.printed_at >= SECONDS_BETWEEN_LINES:
            parts = (self.rate.record_and_format(done, now, share), text)
            line = "; ".join(filter(None, parts))
            if line not in ("", self.line):
                print_message(line)
            self.printed_at, self.line = now, line


class _NoProgress:
    """Prints nothing, for `--json`."""

    def print_line(self, text: str) -> None:
        pass

    def move(self, done: float, text: str, share: float | None = None) -> None:
        pass


@contextmanager
def progress_bar(
    total: float | None, *, unit: str = "", is_silent: bool = False
) -> Generator[ProgressBar]:
    """Open a progress bar for a `with` block; if stderr is not a terminal, lines are printed.

    `total` and `unit` are those of `Rate`. With `is_silent` nothing is printed.
    """
    if is_silent:
        yield _NoProgress()
    elif sys.stderr is not None and sys.stderr.isatty():  # type: ignore[comparison-overlap]
        with _rich_bar(Rate(total, unit)) as rich_bar:
            yield rich_bar
    else:
        now = time.monotonic()
        # The history begins now, so that the first line, seconds later, has a rate.
        yield _LineProgress(Rate(total, unit, deque([(now, 0.0, 0.0)])), now)


def count_progress(items: Iterable[Item], progress: ProgressBar) -> Iterator[Item]:
    """Yield the items and move the bar; an item is done when the next one is requested."""
    for done, item in enumerate(items, start=1):
        yield item
        progress.move(done, "")


@contextmanager
def stage_progress(*, is_silent: bool = False) -> Generator[Callable[[str, int, int], None]]:
    """Yield a function (stage, done, total) that shows the progress of a named stage.

    A bar is opened for each stage, and closed when `done` reaches `total` or another stage begins.
    With `is_silent` nothing is printed.
    """
    with ExitStack() as bars:
        bar_of_stage: dict[str, ProgressBar] = {}  # has the current stage, or is empty

        def show(stage: str, done: int, total: int) -> None:
            if stage not in bar_of_stage:
                bars.close()
                bar_of_stage.clear()
                bar_of_stage[stage] = bars.enter_context(progress_bar(total, is_silent=is_silent))
            bar_of_stage[stage].move(done, stage)
            if done >= total:
                bars.close()
                bar_of_stage.clear()

        yield show


@contextmanager
def _rich_bar(rate: Rate) -> Generator[ProgressBar]:
    """Open a bar of the package rich, which disappears at the end of the `with` block."""
    # Imported here: rich takes longer than everything else that `--help` imports.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task: TaskID = progress.add_task("", total=rate.total)

        class RichBar:
            def print_line(self, text: str) -> None:
                progress.console.print(
                    printable(text), markup=False, highlight=False, soft_wrap=True
                )

            def move(self, done: float, text: str, share: float | None = None) -> None:
                parts = (rate.record_and_format(done, time.monotonic(), share), printable(text))
                description = "; ".join(filter(None, parts))
                completed = done if share is None or rate.total is None else share * rate.total
                progress.update(task, completed=completed, description=description)

        yield RichBar()


def _duration_text(seconds: float) -> str:
    """Format a duration as minutes and seconds, or hours, minutes and seconds.

    >>> _duration_text(59.6), _duration_text(3_725)
    ('1:00', '1:02:05')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
