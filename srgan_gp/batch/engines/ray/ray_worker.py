"""`Worker`: the main process's record of a Ray actor, and the paths of its jobs and results.

`RayEngine` has one for each `RayActor`. A call of a method of an actor (`actor.work.remote(job)`)
returns at once, with a reference that `ray.get` exchanges for the result.
"""

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from srgan_gp.batch.engines.engine_interface import Result
from srgan_gp.batch.engines.worker_process import Ready
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import OutputError


class Worker:
    """An actor, and the references of its calls in progress."""

    def __init__(self, actor: Any) -> None:  # noqa: ANN401 - Ray's handles have no common type
        self.actor = actor
        self.start_call = actor.open.remote()  # reference of the call that loads the model
        self.ready: Ready | None = None  # result of `start_call`; None while the model loads
        self.calls: dict[Any, UpscaleJob] = {}  # job of each call in progress, by its reference

    @property
    def in_progress(self) -> Collection[UpscaleJob]:
        """Jobs that the actor is running."""
        return self.calls.values()

    @property
    def capacity(self) -> int:
        """Largest number of jobs in progress; 0 while the model loads."""
        return 0 if self.ready is None else self.ready.capacity

    def start_job(self, job: UpscaleJob) -> None:
        """Start a job, with absolute paths, since an actor has another working directory."""
        fallback = None if job.fallback is None else _absolute(job.fallback)
        absolute_job = UpscaleJob(_absolute(job.source), _absolute(job.target), fallback)
        self.calls[self.actor.work.remote(absolute_job)] = job


def _absolute(path: Path) -> Path:
    """Return an absolute path without following links, unlike `Path.resolve`."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def with_submitted_paths(result: Result, job: UpscaleJob) -> Result:
    """Replace the absolute paths in the result of an actor by those of the job as it was submitted.

    The result was planned for the target of the job, or for its fallback: a PNG for a result that
    the format of the target cannot hold. `result.staged` has this path, and the path of the file,
    `partial`, which has a temporary name until the run renames it.

    Raises:
        OutputError: the file of the result is not visible on this machine.
    """
    if result.staged is None:  # the job failed
        return replace(result, job=job)
    if not result.staged.partial.exists():
        raise OutputError(
            f"A Ray worker wrote {result.staged.partial}, which does not exist on this machine; "
            "all machines need the output folder under the same path."
        )
    target = job.target
    if job.fallback is not None and result.staged.target == _absolute(job.fallback):
        target = job.fallback
    return replace(result, job=job, staged=replace(result.staged, target=target))
