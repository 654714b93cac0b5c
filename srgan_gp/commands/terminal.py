"""Terminal output: results on stdout, messages and a progress bar on stderr.

The bar is rich's. Where stderr is not a terminal, rich shows none, and lines are printed instead.
A stderr that is closed or full never stops a run.
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

SECONDS_BETWEEN_LINES = 5.0
_RATE_WINDOW_SECONDS = 60.0


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
    """Progress of a long task: lines that stay, and a bar."""

    def line(self, text: str) -> None:
        """Print a line that stays."""
        ...

    def move(self, done: float, text: str, share: float | None = None) -> None:
        """Show `done` of the total, and the current item.

        Args:
            done: number of items done, with fractions of those in progress.
            text: the current item.
            share: share of the pixels that is done, 0 to 1; None: all items are the same work.
        """
        ...


@dataclass
class Rate:
    """Rate over the last minute, and the remaining time.

    Args:
        total: number of items; None: unknown.
        unit: name of one item, such as `image`; empty: none is printed.
        history: (time in seconds, items done, share of the work done) of the last minute.
    """

    total: float | None
    unit: str = ""
    history: deque[tuple[float, float, float]] = field(
        default_factory=deque[tuple[float, float, float]]
    )

    def update(self, done: float, now: float, share: float | None = None) -> str:
        """Record `done` at `now`, in seconds; return the text: done, rate, time left.

        With `share`, percent and time left are those of the pixels, and there is no rate of items.
        """
        work = share if share is not None else done / self.total if self.total else 0.0
        self.history.append((now, done, work))
        while self.history[0][0] < now - _RATE_WINDOW_SECONDS and len(self.history) > 2:
            self.history.popleft()
        start, done_at_start, work_at_start = self.history[0]
        rate = (done - done_at_start) / (now - start) if now > start else 0.0
        work_rate = (work - work_at_start) / (now - start) if now > start else 0.0
        parts = [f"{int(done)} of {self.total:.0f}" if self.total else f"{int(done)}"]
        if self.unit:
            parts[0] += f" {self.unit}{'' if (self.total or int(done)) == 1 else 's'}"
        if self.total == 1:  # of one image, whose tiles make `done` a fraction
            parts = [f"{100 * done:.0f} %"]
        elif share is not None:
            parts.append(f"{100 * work:.0f} % of the pixels")
        elif self.total and done % 1:  # likewise of several
            parts[0] += f" ({100 * work:.0f} %)"
        if rate > 0 and self.total != 1 and share is None:
            parts.append(_speed(rate))
        if work_rate > 0:
            parts.append(f"{_clock((1 - work) / work_rate)} left")
        return ", ".join(parts)


def _speed(rate: float) -> str:
    """Format a number of items a second.

    >>> _speed(12.4), _speed(0.5), _speed(0.05)
    ('12 a second', '0.50 a second', '3.0 a minute')
    """
    if rate < 0.1:
        return f"{60 * rate:.1f} a minute"
    return f"{rate:.2f} a second" if rate < 10 else f"{rate:.0f} a second"


@dataclass
class _LineProgress:
    """Progress on a stderr that is not a terminal: a line every few seconds."""

    rate: Rate
    printed: float
    """Time of the last line, in seconds."""

    line = staticmethod(print_message)

    def move(self, done: float, text: str, share: float | None = None) -> None:
        now = time.monotonic()
        if now - self.printed >= SECONDS_BETWEEN_LINES:
            self.printed = now
            print_message("; ".join(filter(None, (self.rate.update(done, now, share), text))))


class _NoProgress:
    """Prints nothing, for `--json`."""

    def line(self, text: str) -> None:
        pass

    def move(self, done: float, text: str, share: float | None = None) -> None:
        pass


@contextmanager
def progress_bar(
    total: float | None, *, unit: str = "", is_silent: bool = False
) -> Generator[ProgressBar]:
    """Open a progress bar; where stderr is not a terminal, print lines instead.

    Both show the rate and, with a total, the remaining time.

    Args:
        total: number of items; None: unknown.
        unit: name of one item, such as `image`; empty: none is printed.
        is_silent: print nothing.
    """
    if is_silent:
        yield _NoProgress()
    elif sys.stderr is not None and sys.stderr.isatty():  # type: ignore[comparison-overlap]
        with _rich_bar(Rate(total, unit)) as rich_bar:
            yield rich_bar
    else:
        now = time.monotonic()
        yield _LineProgress(Rate(total, unit, deque([(now, 0.0, 0.0)])), now)


def count_progress(items: Iterable[Item], progress: ProgressBar) -> Iterator[Item]:
    """Yield the items and move the bar; an item is done when the next one is requested."""
    for done, item in enumerate(items, start=1):
        yield item
        progress.move(done, "")


@contextmanager
def stage_progress(*, is_silent: bool = False) -> Generator[Callable[[str, int, int], None]]:
    """Yield a function (stage, done, total) that shows one progress bar a stage.

    A bar is closed when `done` reaches `total`, so that another one may follow.

    Args:
        is_silent: print nothing.
    """
    with ExitStack() as bars:
        progress: dict[str, ProgressBar] = {}

        def move(stage: str, done: int, total: int) -> None:
            if stage not in progress:
                bars.close()
                progress.clear()
                progress[stage] = bars.enter_context(progress_bar(total, is_silent=is_silent))
            progress[stage].move(done, stage)
            if done >= total:
                bars.close()
                progress.clear()

        yield move


@contextmanager
def _rich_bar(rate: Rate) -> Generator[ProgressBar]:
    # Imported here: it takes longer than everything else that `--help` imports.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task: TaskID = progress.add_task("", total=rate.total)

        class RichBar:
            def line(self, text: str) -> None:
                progress.console.print(
                    printable(text), markup=False, highlight=False, soft_wrap=True
                )

            def move(self, done: float, text: str, share: float | None = None) -> None:
                parts = (rate.update(done, time.monotonic(), share), printable(text))
                completed = done if share is None or rate.total is None else share * rate.total
                description = "; ".join(filter(None, parts))
                progress.update(task, completed=completed, description=description)

        yield RichBar()


def _clock(seconds: float) -> str:
    """Format a duration.

    >>> _clock(59.6), _clock(3_725)
    ('1:00', '1:02:05')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
