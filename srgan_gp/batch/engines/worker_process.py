"""Worker process: a `ThreadEngine` on one device, with a pipe to the main process."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.thread_engine import SECONDS_TO_END, ThreadEngine
from srgan_gp.errors import SrganGpError
from srgan_gp.inference.face_enhancement.face_options import FaceOptions
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import drop, drop_unfinished, release

if TYPE_CHECKING:  # It takes as long to import as decoding an image.
    from multiprocessing.connection import Connection

OpenUpscalers = Callable[[str], Sequence[Upscaler]]
"""Loads a model on a device, as one upscaler for each thread that runs it; can be pickled."""


def load_upscalers(
    device: str,
    *,
    model: str | None,
    threads: int | None,
    fidelity: float | None,
    precision: str = "auto",
    faces: FaceOptions | None = None,
) -> list[Upscaler]:
    """Load a model for two images in the network at once.

    Arguments and errors are those of `Upscaler.load`; `model` None is its default.
    """
    name = {} if model is None else {"model": model}
    upscaler = Upscaler.load(
        **name, device=device, threads=threads, fidelity=fidelity, precision=precision, faces=faces
    )
    return [upscaler, upscaler.sharing()]


@dataclass(frozen=True)
class About:
    """Facts about a model that a run needs before it starts."""

    name: str
    fidelity: float | None
    scale: int
    sha256: str
    choice: str
    """Model and device, with the reason of the choice, in one line."""
    face_work: dict[str, object]
    """As for `Upscaler`."""

    @classmethod
    def of(cls, upscaler: Upscaler) -> "About":
        """Collect the facts from a loaded model."""
        return cls(
            upscaler.name,
            upscaler.fidelity,
            upscaler.scale,
            upscaler.sha256,
            upscaler.choice,
            upscaler.face_work,
        )


@dataclass(frozen=True)
class Ready:
    """The first message of a worker."""

    about: About
    capacity: int


def serve(
    pipe: "Connection[Any, Any]",
    open_upscalers: OpenUpscalers,
    device: str,
    settings: UpscaleSettings,
) -> None:
    """Run a worker: receive jobs from a pipe and send their results, until the pipe ends.

    The pipe ends when the main process closes it or ends. The messages are `Ready`, then one
    `Result` for each job. An error in place of either is the last message.
    """
    for name in ("SIGINT", "SIGHUP"):  # A terminal sends them to all; the main process decides.
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
    except (EOFError, OSError):
        # Nothing that hangs from here on, such as a driver, keeps this process alive.
        timer = threading.Timer(SECONDS_TO_END + 1, os._exit, (1,))
        timer.daemon = True
        timer.start()
        engine.close()
        drop_unfinished()


def _send_results(engine: ThreadEngine, pipe: "Connection[Any, Any]") -> None:
    while True:
        try:
            result = engine.take(timeout=60)
        except BaseException as error:
            pipe.send(_sendable(error))
            return
        if result is None:
            continue
        try:
            pipe.send(result)
        except OSError:
            if result.staged is not None:
                drop(result.staged)
            return
        if result.staged is not None:
            release(result.staged)


def _sendable(error: BaseException) -> SrganGpError:
    """Return an error that can be pickled, with the same message."""
    if isinstance(error, SrganGpError):
        return error
    return SrganGpError(f"A worker process failed: {type(error).__name__}: {error}")
