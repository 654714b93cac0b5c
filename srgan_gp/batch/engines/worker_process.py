"""Worker process: a `ThreadEngine` on one device, with a pipe to the main process.

`ProcessEngine` starts one for each device, and its process runs `serve`.
"""

import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.thread_engine import SECONDS_TO_END, ThreadEngine
from srgan_gp.batch.engines.upscaler_loading import About, OpenUpscalers
from srgan_gp.errors import SrganGpError
from srgan_gp.system.files import release_staged, remove_staged, remove_unfinished_files

if TYPE_CHECKING:  # Importing it takes as long as decoding an image.
    from multiprocessing.connection import Connection


@dataclass(frozen=True)
class Ready:
    """First message of a worker: its model is loaded."""

    about: About
    """Facts about the model."""
    capacity: int
    """Largest number of jobs that the worker processes at once."""


def serve(
    pipe: "Connection[Any, Any]",
    open_upscalers: OpenUpscalers,
    device: str,
    settings: UpscaleSettings,
) -> None:
    """Run a worker: receive jobs from a pipe and send their results, until the pipe ends.

    The pipe ends when the main process closes it or ends. The messages are `Ready`, then one
    `Result` for each job. An error can take the place of any message, and is the last message.

    The file of a result is staged: complete, but under a hidden name, and locked by this process.
    The main process renames it. This process releases the lock only after it has sent the result.
    If it cannot send the result, it removes the file.

    Args:
        pipe: receives `UpscaleJob` objects and sends the messages.
        open_upscalers: loads the model on a device; returns its upscalers, all of one model.
        device: name of the device, such as `cuda:1`.
        settings: options of the run.
    """
    # A terminal sends these signals to all processes of a run; the main process handles them.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        upscalers = open_upscalers(device)
    except Exception as error:
        pipe.send(_sendable(error))
        return
    engine = ThreadEngine(upscalers, settings)
    pipe.send(Ready(About.of(upscalers[0]), engine.capacity))
    threading.Thread(target=_send_results, args=(engine, pipe), daemon=True).start()
    try:
        while True:
            engine.submit(pipe.recv())
    except (EOFError, OSError):  # The pipe has ended.
        # `engine.close` waits for its threads, `SECONDS_TO_END` at most. If anything else hangs,
        # such as a driver, the timer ends the process a second later.
        timer = threading.Timer(SECONDS_TO_END + 1, os._exit, (1,))
        timer.daemon = True
        timer.start()
        engine.close()
        remove_unfinished_files()


def _send_results(engine: ThreadEngine, pipe: "Connection[Any, Any]") -> None:
    """Send each result as soon as it is ready, until an error or the end of the pipe."""
    while True:
        try:
            result = engine.take(timeout=60)  # seconds; after them the loop waits again
        except BaseException as error:  # any exception of a job's thread, raised again by `take`
            pipe.send(_sendable(error))
            return
        if result is None:
            continue
        try:
            pipe.send(result)
        except OSError:  # The main process has closed the pipe, or has ended.
            if result.staged is not None:
                remove_staged(result.staged)
            return
        if result.staged is not None:
            release_staged(result.staged)


def _sendable(error: BaseException) -> SrganGpError:
    """Return an error that can be pickled: the error itself, or one that contains its message."""
    if isinstance(error, SrganGpError):
        return error
    return SrganGpError(f"A worker process failed: {type(error).__name__}: {error}")
