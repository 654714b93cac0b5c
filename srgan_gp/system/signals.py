"""Stopping a long run on a signal at a safe moment."""

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

ENDING = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)
"""The signals that ask a program to end; Windows has no SIGHUP."""


_SECONDS_BETWEEN_SIGNALS = 20.0


class Stopped(SystemExit):
    """A signal ended the work in good order; the exit code is 128 + its number."""


class StopRequest:
    """While open, the first signal only sets `requested`; a second one ends the process at once.

    A signal that was ignored before, as SIGHUP is under `nohup`, stays so. Python hears of signals
    in its main thread alone; opened in another one, this does nothing.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._handlers: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Tell whether a signal has come."""
        return self._signal != 0

    def __enter__(self) -> Self:
        """Take over the signals."""
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self.requested:
            self.end()

    def end(self) -> None:
        """Raise `Stopped`; when the signal came to another process of the run, as for SIGTERM."""
        raise Stopped(128 + (self._signal or signal.SIGTERM))

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number
        for handled in self._handlers:
            signal.signal(handled, signal.SIG_DFL)


def end_with_input() -> None:
    """Have this process end by SIGTERM when its standard input ends.

    A pipe does so when the process at its other end has ended, even by a kill.
    """
    threading.Thread(target=_await_end_of_input, daemon=True).start()


def _await_end_of_input() -> None:
    # Not `sys.stdin`: the lock of its buffer would break the end of the interpreter.
    while os.read(0, 1 << 12):
        pass
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_SECONDS_BETWEEN_SIGNALS)
