"""Runs a plan: keeps an engine busy, commits results and reports one outcome for each input."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from srgan_gp.batch.engines.engine_interface import Engine, Result
from srgan_gp.batch.naming.plan import THERE, Refused, Skipped, UpscaleJob
from srgan_gp.batch.results.journal import Journal, JournalError
from srgan_gp.errors import OutputError, PictureError
from srgan_gp.system.files import commit, drop, sweep
from srgan_gp.system.paths import missing_folders
from srgan_gp.system.write_errors import concerns_the_disk, errors_about

SECONDS_BETWEEN_CHECKS = 0.2
"""Interval of `PlanRunner.check` while the engine has no result."""

NOT_TRIED = "E_NOT_TRIED"
"""Code of an input that was not processed because the run ended early."""

Status = Literal["done", "skipped", "failed", "not_tried"]


class Planned(Protocol):
    """Interface of a plan."""

    def __iter__(self) -> Iterator[UpscaleJob | Skipped | Refused]:
        """Yield every input once, in a stable order."""
        ...

    def sources(self) -> Iterator[Path]:
        """Yield the path of every input in the same order, without access to any file."""
        ...

    def settle(self, path: Path) -> Path | None:
        """Return where to write a result meant for `path`; None: skip it, since it exists.

        Raises:
            PictureError: it exists, and must be neither skipped nor replaced.
        """
        ...


@dataclass(frozen=True)
class Outcome:
    """Outcome of one input."""

    source: Path
    status: Status
    target: Path | None = None
    """The file written, or the existing one."""
    reason: str | None = None
    """Why the input was skipped."""
    code: str | None = None
    """Stable code of a failure, or `NOT_TRIED`."""
    message: str | None = None
    """Message of a failure, or why it was not tried, without the file's name."""
    size: tuple[int, int] | None = None
    """Width and height of the input in pixels, upright."""
    result_size: tuple[int, int] | None = None
    """Width and height of the result in pixels."""
    device: str | None = None
    provider: str | None = None
    precision: str | None = None
    tiles: int | None = None
    seconds: float | None = None
    """Time in the network and around it, without reading and writing."""
    frames: int | None = None
    warnings: tuple[str, ...] = ()
    faces: list[dict[str, Any]] | None = None
    """As for `engine_interface.Facts`."""


@dataclass
class PlanRunner:
    """One run of a plan.

    Args:
        plan: the plan to run; its output folder exists.
        engine: runs the jobs; used by this run alone, and closed when an error ends the run.
        report: called with the outcome of each input as soon as it is known.
        journal: journal of the output folder; None keeps none.
        work: hash of model and options, the result of `results.work.work_key`.
        check: called several times a second and before each input. Its exceptions end the run.
    """

    plan: Planned
    engine: Engine
    report: Callable[[Outcome], None]
    journal: Journal | None = None
    work: str = ""
    check: Callable[[], None] = lambda: None
    _in_progress: dict[Path, UpscaleJob] = field(default_factory=dict[Path, UpscaleJob], init=False)
    _folders: dict[Path, PictureError | None] = field(
        default_factory=dict[Path, PictureError | None], init=False
    )
    _created: set[Path] = field(default_factory=set[Path], init=False)
    _reached: int = field(default=0, init=False)

    def run(self) -> None:
        """Process every input.

        When an error ends the run, the engine is closed, and the remaining inputs are reported as
        not tried, with the code `NOT_TRIED`.

        Raises:
            OutputError: no result can be written any more.
            SrganGpError: an error of all jobs, raised by `Engine.take`.
            BaseException: raised by `check`, such as `Stopped`.
        """
        try:
            for item in self.plan:
                self.check()
                self._reached += 1
                if isinstance(item, UpscaleJob):
                    self._start(item)
                elif isinstance(item, Refused):
                    self.report(_failed(item.source, item.error))
                else:
                    self.report(Outcome(item.source, "skipped", item.target, reason=item.reason))
            while self._in_progress:
                self._finish_next()
        except BaseException:
            self.engine.close()
            ended, again = "the run ended", "run the same command again"
            message = f"{ended} during this image; {again}, which starts it from the beginning"
            for source in [*self._in_progress]:
                self.report(Outcome(source, "not_tried", code=NOT_TRIED, message=message))
            message = f"{ended} before this image; {again}"
            for source in islice(self.plan.sources(), self._reached, None):
                self.report(Outcome(source, "not_tried", code=NOT_TRIED, message=message))
            raise
        finally:
            for folder in sorted(self._created, reverse=True):  # subfolders first
                with suppress(OSError):  # It has results.
                    folder.rmdir()

    def _start(self, job: UpscaleJob) -> None:
        """Submit a job as soon as the engine has room for it."""
        # First, so that a job is reported as not tried if an error below ends the run.
        self._in_progress[job.source] = job
        if (error := self._prepare_folder(job.target.parent)) is not None:
            del self._in_progress[job.source]
            self.report(_failed(job.source, error))
            return
        while len(self._in_progress) > self.engine.capacity:
            self._finish_next()
        self.engine.submit(job)

    def _finish_next(self) -> None:
        """Wait for the next result, commit it and report its outcome."""
        while (result := self.engine.take(SECONDS_BETWEEN_CHECKS)) is None:
            self.check()
        source, is_committed = result.job.source, False
        try:
            outcome = self._commit(result)
            is_committed = outcome.status == "done"
        except PictureError as error:
            outcome = _failed(source, error)
        except OutputError as error:
            if concerns_the_disk(error) or isinstance(error, JournalError):
                raise
            outcome = _failed(source, PictureError(error.code, str(error)))
        finally:
            if result.staged is not None and not is_committed:
                drop(result.staged)
        del self._in_progress[source]
        self.report(outcome)

    def _commit(self, result: Result) -> Outcome:
        """Record a result in the journal, then give it its final name.

        Raises:
            PictureError: the job failed, or `Planned.settle` refuses the target.
            OutputError: the journal or the result cannot be written.
        """
        job, staged, facts = result.job, result.staged, result.facts
        if staged is None or facts is None:
            assert result.error is not None  # A result has a file or an error.
            raise result.error
        # The file may have been created since the plan was made, and only now is it known whether
        # the fallback is needed.
        target = self.plan.settle(staged.target)
        if target is None:
            return Outcome(job.source, "skipped", staged.target, reason=THERE)
        staged = replace(staged, target=target)
        if self.journal is not None:
            self.journal.record(job.source, staged, result.input_sha256, self.work)
        commit(staged)
        return Outcome(job.source, "done", staged.target, **vars(facts))  # same field names

    def _prepare_folder(self, folder: Path) -> PictureError | None:
        """Create a folder before its first result, and remove what crashed runs left in it."""
        if folder not in self._folders:
            self._folders[folder] = None
            try:
                with errors_about(folder):
                    self._created.update(missing_folders(folder))
                    folder.mkdir(parents=True, exist_ok=True)
            except OutputError as error:
                if concerns_the_disk(error):
                    raise
                self._folders[folder] = PictureError(error.code, str(error))
            else:
                sweep(folder)
        return self._folders[folder]


def _failed(source: Path, error: PictureError) -> Outcome:
    return Outcome(source, "failed", code=error.code, message=str(error))
