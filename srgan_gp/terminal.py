"""What the program prints: results on stdout, and on stderr lines for people and a bar below them.

Nothing about stderr ever stops the work.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from srgan_gp.errors import OutputError


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


class _Lines:
    """The bar of a stderr that is no terminal: lines only."""

    def line(self, text: str) -> None:
        say(text)

    def move(self, done: float, text: str) -> None:
        pass


class _Silence(_Lines):
    """The bar of a program's caller: nothing."""

    def line(self, text: str) -> None:
        pass


@contextmanager
def bar(total: float, *, is_silent: bool = False) -> Generator[Bar]:
    """Open a bar that ends at `total`: a real one on a terminal, lines only elsewhere."""
    if is_silent:
        yield _Silence()
    elif sys.stderr is not None and sys.stderr.isatty():  # type: ignore[comparison-overlap]
        with _rich_bar(total) as rich_bar:
            yield rich_bar
    else:
        yield _Lines()


@contextmanager
def _rich_bar(total: float) -> Generator[Bar]:
    # Imported here: it takes longer than everything else that `--help` loads.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task: TaskID = progress.add_task("", total=total)

        class RichBar:
            def line(self, text: str) -> None:
                progress.console.print(shown(text), markup=False, highlight=False, soft_wrap=True)

            def move(self, done: float, text: str) -> None:
                progress.update(task, completed=done, description=shown(text))

        yield RichBar()
