"""Output of the command line: results on stdout, messages and a progress bar on stderr.

Nothing about stderr ever stops the work.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from srgan_gp.errors import OutputError

Thing = TypeVar("Thing")

SECONDS_BETWEEN_LINES = 5.0
_SECONDS_LOOKED_BACK = 60.0


def shown(text: Path | str) -> str:
    r"""Write a text so that no character of it can break or fake a line of the terminal.

    >>> print(shown("new\nline.png"))
    new\nline.png
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in os.fspath(text))


def tell(text: str) -> None:
    """Print a result on stdout, at once; a stdout that is closed takes none.

    Raises:
        OutputError: it cannot be printed, as on a full disk.
        BrokenPipeError: the reader went away.
    """
    if sys.stdout is None:  # type: ignore[comparison-overlap] - so it is after `>&-`
        return
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"The results cannot be printed: {error.strerror}.") from error


def say(line: str) -> None:
    """Print one line on stderr; a stderr that is closed or full is no reason to stop."""
    if sys.stderr is None:  # type: ignore[comparison-overlap] - so it is after `2>&-`
        return
    with suppress(OSError, ValueError):
        print(shown(line), file=sys.stderr, flush=True)


class Bar(Protocol):
    """How a long work reports: lines stay, the bar moves."""

    def line(self, text: str) -> None:
        """Print a line that stays."""
        ...

    def move(self, done: float, text: str) -> None:
        """Show `done` of the total, and what is worked on."""
        ...


class Pace:
    """How fast a work goes, by its last minute, and how long the rest will take.

    Args:
        total: how much there is to do; None: nobody knows.
    """

    def __init__(self, total: float | None) -> None:
        self._total = total
        self._moments: deque[tuple[float, float]] = deque()

    def note(self, done: float, now: float) -> str:
        """Take down how much is done, `now` in seconds, and say so: done, rate, time left."""
        self._moments.append((now, done))
        while self._moments[0][0] < now - _SECONDS_LOOKED_BACK and len(self._moments) > 2:
            self._moments.popleft()
        then, before = self._moments[0]
        rate = (done - before) / (now - then) if now > then else 0.0
        parts = [f"{done:.0f} of {self._total:.0f}" if self._total else f"{done:.0f}"]
        if rate > 0:
            parts.append(f"{rate:.2f} a second" if rate < 10 else f"{rate:.0f} a second")
            if self._total:
                parts.append(f"{_clock((self._total - done) / rate)} left")
        return ", ".join(parts)


class _Lines:
    """The bar of a stderr that is no terminal: lines, and every few seconds one about the pace."""

    def __init__(self, total: float | None) -> None:
        self._pace = Pace(total)
        self._said = time.monotonic()
        self._pace.note(0, self._said)

    def line(self, text: str) -> None:
        say(text)

    def move(self, done: float, text: str) -> None:
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            say("; ".join(filter(None, (self._pace.note(done, now), text))))


class _Silence:
    """The bar of a program's caller: nothing."""

    def line(self, text: str) -> None:
        pass

    def move(self, done: float, text: str) -> None:
        pass


@contextmanager
def bar(total: float | None, *, is_silent: bool = False) -> Generator[Bar]:
    """Open a bar that ends at `total`, None where nobody knows; lines where there is no terminal.

    Both say how fast the work goes and, with a total, how long the rest will take.
    """
    if is_silent:
        yield _Silence()
    elif sys.stderr is not None and sys.stderr.isatty():  # type: ignore[comparison-overlap]
        with _rich_bar(total) as rich_bar:
            yield rich_bar
    else:
        yield _Lines(total)


def counted(things: Iterable[Thing], progress: Bar) -> Iterator[Thing]:
    """Pass things on, and move the bar: one is done when the next one is asked for."""
    for done, thing in enumerate(things, start=1):
        yield thing
        progress.move(done, "")


@contextmanager
def _rich_bar(total: float | None) -> Generator[Bar]:
    # Imported here: it takes longer than everything else that `--help` loads.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    pace = Pace(total)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task: TaskID = progress.add_task("", total=total)

        class RichBar:
            def line(self, text: str) -> None:
                progress.console.print(shown(text), markup=False, highlight=False, soft_wrap=True)

            def move(self, done: float, text: str) -> None:
                told = "; ".join(filter(None, (pace.note(done, time.monotonic()), shown(text))))
                progress.update(task, completed=done, description=told)

        yield RichBar()


def _clock(seconds: float) -> str:
    """Write a duration.

    >>> _clock(59.6), _clock(3_725)
    ('1:00', '1:02:05')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
