"""Ray actor: a `ThreadEngine` on one machine, with one call a job."""

import platform
import threading
from concurrent.futures import Future
from dataclasses import replace

from srgan_gp import __version__
from srgan_gp.batch.engines.engine_interface import Result, UpscaleSettings
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.engines.worker_process import About, OpenUpscalers, Ready
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import SrganGpError
from srgan_gp.system.files import drop_unfinished, release

CALLS = 16
"""Threads of an actor: one for each call in progress, and one for `close`."""


class RayActor:
    """One worker of a run; Ray makes it an actor with `CALLS` threads.

    A call returns an error that concerns all jobs and does not raise it, since Ray would wrap it.

    Args:
        open_upscalers: loads the model.
        device: the model is loaded on it.
        settings: options of the run.
        version: version of the program that runs the batch.
    """

    def __init__(
        self, open_upscalers: OpenUpscalers, device: str, settings: UpscaleSettings, version: str
    ) -> None:
        self._start = (open_upscalers, device, settings, version)
        self._engine: ThreadEngine | None = None
        self._futures: dict[UpscaleJob, Future[Result | SrganGpError]] = {}

    def open(self) -> Ready | SrganGpError:
        """Load the model."""
        open_upscalers, device, settings, version = self._start
        if version != __version__:
            return SrganGpError(
                f"{platform.node()} has srgan-gp {__version__}, this machine {version}; "
                "install one version on all machines of the cluster."
            )
        try:
            upscalers = open_upscalers(device)
        except Exception as error:
            return _sendable(error)
        # Ray reserves the cores for the network, so one thread decodes and one encodes.
        self._engine = ThreadEngine(upscalers, settings, decoders=1, encoders=1)
        threading.Thread(target=self._collect, args=(self._engine,), daemon=True).start()
        about = About.of(upscalers[0])
        where = replace(about, choice=f"{about.choice} On {platform.node()}.")
        return Ready(where, min(self._engine.capacity, CALLS - 1))

    def work(self, job: UpscaleJob) -> Result | SrganGpError:
        """Run a job. If it runs twice, there are two staged files, and one is committed."""
        assert self._engine is not None  # `open` was called first
        future = self._futures[job] = Future()
        self._engine.submit(job)
        return future.result()

    def close(self) -> None:
        """End all jobs and remove their unfinished files."""
        if self._engine is not None:
            self._engine.close()
        drop_unfinished()

    def _collect(self, engine: ThreadEngine) -> None:
        """Pass each result to the call that waits for it."""
        while True:
            try:
                result = engine.take(timeout=60)
            except Exception as error:
                for future in list(self._futures.values()):
                    future.set_result(_sendable(error))
                return
            if result is not None:
                if result.staged is not None:
                    release(result.staged)
                self._futures.pop(result.job).set_result(result)


def _sendable(error: Exception) -> SrganGpError:
    """Return an error that can be pickled, with the same message."""
    if isinstance(error, SrganGpError):
        return error
    return SrganGpError(f"A Ray worker failed: {type(error).__name__}: {error}")
