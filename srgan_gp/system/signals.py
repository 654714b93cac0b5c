"""Signal handling: SIGINT, SIGTERM and SIGHUP stop a run at a safe point.

A safe point is where the run calls `StopRequest.raise_if_requested`. For callers of the Python
API, `run_interruptibly` makes Ctrl-C end a call that takes long outside of Python.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")

ENDING = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)
"""Signals that request the end of a program; Windows has no SIGHUP."""

_SECONDS_BETWEEN_CHECKS = 0.1
"""Length of one wait for a thread: Windows handles Ctrl-C only between two waits. A longer wait
delays Ctrl-C; a shorter one wakes the main thread more often."""
_SECONDS_BETWEEN_SIGNALS = 20.0
"""Time between the SIGTERMs of `stop_when_input_closes`. The first one stops a run at a safe point,
the second one ends a process that still runs (`StopRequest`). In a shorter time the run may not
reach a safe point; in a longer one, a run that hangs remains longer."""


class Stopped(SystemExit):
    """A run was stopped at a safe point, after a signal.

    A subclass of SystemExit: if nothing catches it, the process ends with its exit code.

    Attributes:
        exit_code: 128 + the number of the signal, as shells report it.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class StopRequest:
    """Context manager: the first signal sets `requested`, a second one ends the process at once.

    The run calls `raise_if_requested` at its safe points, which raises `Stopped` after the first
    signal.

    A signal that the process ignores already, as SIGHUP under `nohup`, stays ignored. Python
    handles signals in the main thread only; in any other thread this context manager has no effect.
    """

    _signal = 0
    """Number of the signal that was received; 0: none."""

    @property
    def requested(self) -> bool:
        """Whether a signal was received."""
        return self._signal != 0

    def __enter__(self) -> Self:
        """Install the handlers."""
        self._handlers: dict[int, Any] = {}  # previous handler of each signal
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the previous handlers."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def raise_if_requested(self) -> None:
        """Raise `Stopped` if a signal was received."""
        if self._signal:
            self.raise_stopped()

    def raise_stopped(self) -> None:
        """Raise `Stopped`, with the exit code of the signal.

        Without a signal the exit code is that of SIGTERM: in a training run of several processes,
        another process may have received the signal.
        """
        raise Stopped(128 + (self._signal or signal.SIGTERM))

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal, and restore the default actions: the next one ends the process."""
        self._signal = number
        for handled in self._handlers:
            signal.signal(handled, signal.SIG_DFL)


def run_interruptibly(run: Callable[[], Result], cancel: Callable[[], None]) -> Result:
    """Call a function that takes long outside of Python, so that Ctrl-C can end it.

    Python raises KeyboardInterrupt in the main thread, and only between two of its own
    instructions. So the function runs in another thread, and the main thread waits for that thread.

    Args:
        run: the function; it is called in another thread.
        cancel: makes `run` end soon. After Ctrl-C it is called again and again until `run` has
            ended, because the first call may come before `run` has begun.

    Returns:
        The return value of `run`.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed. `run` has ended, unless Ctrl-C was pressed twice.
    """
    pool = ThreadPoolExecutor(1)
    future = pool.submit(run)
    try:
        pool.shutdown(wait=False)  # The thread ends after `run`; this call does not wait for it.
        while not future.done():
            wait((future,), _SECONDS_BETWEEN_CHECKS)
    # KeyboardInterrupt, or the SystemExit that `srgan_gp.cli` raises at SIGTERM and SIGHUP where no
    # `StopRequest` has replaced its handlers.
    except BaseException:
        while not future.done():
            cancel()
            wait((future,), _SECONDS_BETWEEN_CHECKS)
        raise
    return future.result()


def stop_when_input_closes() -> None:
    """Send SIGTERM to this process when its standard input is closed.

    A pipe is closed when the process at its other end has ended, even if it was killed.
    """
    threading.Thread(target=_wait_for_end_of_input, daemon=True).start()


def _wait_for_end_of_input() -> None:
    """Body of the thread: read standard input to its end, then send SIGTERM again and again."""
    # Not `sys.stdin`: a thread that holds its buffer's lock breaks the interpreter's shutdown.
    while os.read(0, 1 << 12):
        pass
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_SECONDS_BETWEEN_SIGNALS)
