"""Ending a run on a signal without losing a step."""

import signal
from types import FrameType


class Stopped(SystemExit):
    """A signal ended the run after a checkpoint; the exit code is 128 + its number."""


class StopRequest:
    """While open, SIGTERM and SIGINT only set `requested`; the loop ends when it is safe."""

    def __init__(self) -> None:
        self._signal = 0
        self._handlers: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        """Tell whether a signal has come."""
        return self._signal != 0

    def __enter__(self) -> "StopRequest":
        """Take over the two signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def end(self) -> None:
        """Raise `Stopped`; when the signal came to another process of the run, as for SIGTERM."""
        raise Stopped(128 + (self._signal or signal.SIGTERM))

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number
