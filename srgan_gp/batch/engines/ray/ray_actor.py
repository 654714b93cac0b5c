"""Ray actor: a `ThreadEngine` in a worker process of a Ray cluster.

`RayEngine` creates the actors and calls `open` once, then `work` for each job, and `close` at the
end.
"""

import platform
import threading
from concurrent.futures import Future
from dataclasses import replace

from srgan_gp import __version__
from srgan_gp.batch.engines.engine_interface import Result, UpscaleSettings
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.engines.upscaler_loading import About, OpenUpscalers
from srgan_gp.batch.engines.worker_process import Ready
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import SrganGpError
from srgan_gp.system.files import release_staged, remove_unfinished_files

CALL_THREADS = 16
"""Number of threads of an actor: one for each call of `work` in progress, and one for `close`. Ray
needs the number before the model is loaded. It exceeds the capacity of the engine, which is 6 with
two upscalers; a lower number would leave places of the engine unused."""


class RayActor:
    """One worker of a run. Ray runs each call of a method in one of `CALL_THREADS` threads.

    An error that concerns all jobs is returned, not raised: Ray would wrap a raised error in an
    exception of its own.

    Args:
        open_upscalers: loads the model.
        device: name of the device that the model is loaded on.
        settings: options of the run.
        version: version of srgan-gp in the process that runs the batch.
    """

    def __init__(
        self, open_upscalers: OpenUpscalers, device: str, settings: UpscaleSettings, version: str
    ) -> None:
        self._arguments = (open_upscalers, device, settings, version)
        self._engine: ThreadEngine | None = None
        # By job in progress: receives the result of the job, which a call of `work` waits for.
        self._futures: dict[UpscaleJob, Future[Result | SrganGpError]] = {}

    def open(self) -> Ready | SrganGpError:
        """Load the model. Return facts about it and the capacity of this worker, or an error."""
        open_upscalers, device, settings, version = self._arguments
        if version != __version__:
            return SrganGpError(
                f"{platform.node()} has srgan-gp {__version__}, this machine {version}; "
                "install one version on all machines of the cluster."
            )
        try:
            upscalers = open_upscalers(device)
        except Exception as error:
            return _sendable(error)
        # Ray reserves the cores of a worker for the network, so only one image at a time is decoded
        # and one encoded.
        self._engine = ThreadEngine(upscalers, settings, decoders=1, encoders=1)
        threading.Thread(target=self._collect, args=(self._engine,), daemon=True).start()
        about = About.of(upscalers[0])
        about_with_machine = replace(about, choice=f"{about.choice} On {platform.node()}.")
        return Ready(about_with_machine, min(self._engine.capacity, CALL_THREADS - 1))

    def work(self, job: UpscaleJob) -> Result | SrganGpError:
        """Run a job and return its result. The call waits in its thread until the job ends.

        Ray may call this twice for a job. If the first call is still in progress, the second one
        waits for the same result. Otherwise the job is run again: then there are two staged files
        (complete files under hidden names), and the main process renames one of them.
        """
        assert self._engine is not None  # `open` was called first.
        new_future = Future[Result | SrganGpError]()
        future = self._futures.setdefault(job, new_future)
        if future is new_future:
            self._engine.submit(job)
        return future.result()

    def close(self) -> None:
        """End all jobs and remove their unfinished files."""
        if self._engine is not None:
            self._engine.close()
        remove_unfinished_files()

    def _collect(self, engine: ThreadEngine) -> None:
        """Body of a thread: pass each result of the engine to the call that waits for it."""
        while True:
            try:
                result = engine.take(timeout=60)  # in seconds; any number, as the loop waits again
            except Exception as error:
                for future in list(self._futures.values()):
                    future.set_result(_sendable(error))
                return
            if result is not None:
                if result.staged is not None:
                    release_staged(result.staged)  # this process no longer removes it at its end
                self._futures.pop(result.job).set_result(result)


def _sendable(error: Exception) -> SrganGpError:
    """Return an error that can be pickled: the error itself, or one that contains its message."""
    if isinstance(error, SrganGpError):
        return error
    return SrganGpError(f"A Ray worker failed: {type(error).__name__}: {error}")
