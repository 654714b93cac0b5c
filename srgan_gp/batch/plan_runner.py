"""Runs a plan: keeps an engine busy, commits results and reports one outcome for each input.

A plan (`batch.naming.plan`) yields a job, a skipped or a refused input for each input of the run.
An engine runs the jobs and returns staged files, which have hidden names. To commit a result is to
record it in the journal and to rename its staged file to the final name.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from srgan_gp.batch.engines.engine_interface import Engine, Result
from srgan_gp.batch.naming.plan import RESULT_EXISTS, Refused, Skipped, UpscaleJob
from srgan_gp.batch.results.existing_results import ExistingResultError
from srgan_gp.batch.results.journal import Journal
from srgan_gp.batch.results.journal_file import JournalError
from srgan_gp.errors import OutputError, PictureError
from srgan_gp.system.files import commit, remove_abandoned_files, remove_staged
from srgan_gp.system.paths import missing_folders
from srgan_gp.system.write_errors import concerns_the_disk, convert_write_errors

SECONDS_BETWEEN_CHECKS = 0.2
"""Seconds between two calls of `show_progress_or_stop` while the engine has no result. A longer
time delays Ctrl-C and the progress bar; a shorter one wakes this thread more often."""

NOT_TRIED = "E_NOT_TRIED"
"""Code of an input that was not processed because the run ended early."""

Status = Literal["done", "skipped", "failed", "not_tried"]


class RunnablePlan(Protocol):
    """Interface of a plan; `naming.plan.Plan` implements it."""

    def __iter__(self) -> Iterator[UpscaleJob | Skipped | Refused]:
        """Yield every input once, in a stable order."""
        ...

    def sources(self) -> Iterator[Path]:
        """Yield the path of every input in the same order, without access to any file."""
        ...

    def settle(self, path: Path) -> Path | None:
        """Decide about an existing file at the path of a result.

        Returns:
            The path to write to: `path`, or another path for `--exist rename`. None: skip the
            input, because its result exists.

        Raises:
            PictureError: the file exists, and must be neither skipped nor replaced.
        """
        ...


@dataclass(frozen=True)
class Outcome:
    """Outcome of one input. A field that does not apply to the status is None.

    The fields from `size` on are copied from `engine_interface.Facts`, which documents them.
    """

    source: Path
    status: Status
    target: Path | None = None
    """The file that was written, or the existing file because of which the input was skipped."""
    reason: str | None = None
    """Why the input was skipped."""
    code: str | None = None
    """Stable code of a failure, or `NOT_TRIED`."""
    message: str | None = None
    """Message of a failure, or why the input was not tried; without the name of the file."""
    shared_text: str = ""
    """What a failure has in common with failures of other inputs, so that one line can be printed
    for all: `ExistingResultError.shared_text`. Reports do not have this field."""
    size: tuple[int, int] | None = None
    """Width and height of the input in pixels, upright."""
    result_size: tuple[int, int] | None = None
    """Width and height of the result in pixels."""
    device: str | None = None
    provider: str | None = None
    precision: str | None = None
    tiles: int | None = None
    seconds: float | None = None
    frames: int | None = None
    warnings: tuple[str, ...] = ()
    faces: list[dict[str, Any]] | None = None


@dataclass
class PlanRunner:
    """One run of a plan.

    Args:
        plan: the plan to run; its output folder exists.
        engine: runs the jobs; used by this run alone, and closed when an error ends the run.
        report: called with the outcome of each input as soon as it is known.
        journal: journal of the output folder; None: results are not recorded.
        work_key: hash of model and options, the result of `results.work.work_key`; only the journal
            needs it.
        show_progress_or_stop: called several times a second and before each input. An exception,
            such as after a signal, ends the run.
    """

    plan: RunnablePlan
    engine: Engine
    report: Callable[[Outcome], None]
    journal: Journal | None = None
    work_key: str = ""
    show_progress_or_stop: Callable[[], None] = lambda: None
    _in_progress: dict[Path, UpscaleJob] = field(default_factory=dict[Path, UpscaleJob], init=False)
    """Jobs by source, from just before they are submitted until their results are committed."""
    _folder_errors: dict[Path, PictureError | None] = field(
        default_factory=dict[Path, PictureError | None], init=False
    )
    """Folders of results that `_prepare_folder` has tried, with their errors; None: no error."""
    _created_folders: set[Path] = field(default_factory=set[Path], init=False)
    """Folders of results that did not exist; those without a result are removed at the end."""
    _reached_count: int = field(default=0, init=False)
    """Number of inputs that the run has reached, in the order of the plan."""

    def run(self) -> None:
        """Process every input.

        When an error ends the run, the engine is closed, and the remaining inputs are reported as
        not tried, with the code `NOT_TRIED`.

        Raises:
            OutputError: no result can be written any more.
            SrganGpError: an error of all jobs, raised by `Engine.take`.
            BaseException: raised by `show_progress_or_stop`, such as `Stopped`.
        """
        try:
            for item in self.plan:
                self.show_progress_or_stop()
                self._reached_count += 1
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
            message = (
                "the run ended during this image; run the same command again, which starts it from "
                "the beginning"
            )
            for source in list(self._in_progress):
                self.report(Outcome(source, "not_tried", code=NOT_TRIED, message=message))
            message = "the run ended before this image; run the same command again"
            for source in islice(self.plan.sources(), self._reached_count, None):
                self.report(Outcome(source, "not_tried", code=NOT_TRIED, message=message))
            raise
        finally:
            for folder in sorted(self._created_folders, reverse=True):  # subfolders first
                with suppress(OSError):  # A folder that has results is not removed.
                    folder.rmdir()

    def _start(self, job: UpscaleJob) -> None:
        """Submit a job as soon as the engine has room for it."""
        # Added first, so that `run` reports the job as not tried if an error below ends the run.
        self._in_progress[job.source] = job
        error = self._prepare_folder(job.target.parent)
        if error is not None:
            del self._in_progress[job.source]
            self.report(_failed(job.source, error))
            return
        while len(self._in_progress) > self.engine.capacity:  # `job` is counted already
            self._finish_next()
        self.engine.submit(job)

    def _finish_next(self) -> None:
        """Wait for the next result, commit it and report its outcome."""
        while (result := self.engine.take(SECONDS_BETWEEN_CHECKS)) is None:
            self.show_progress_or_stop()
        source = result.job.source
        is_committed = False
        try:
            outcome = self._commit(result)
            is_committed = outcome.status == "done"
        except PictureError as error:
            outcome = _failed(source, error)
        except OutputError as error:
            if concerns_the_disk(error) or isinstance(error, JournalError):
                raise  # No later result could be written or recorded either.
            outcome = _failed(source, PictureError(error.code, str(error)))
        finally:
            if result.staged is not None and not is_committed:
                remove_staged(result.staged)
        del self._in_progress[source]
        self.report(outcome)

    def _commit(self, result: Result) -> Outcome:
        """Record a result in the journal, give its staged file the final name; return the outcome.

        Raises:
            PictureError: the job failed, or `RunnablePlan.settle` refuses the target.
            OutputError: the journal or the result cannot be written.
        """
        job, staged, facts = result.job, result.staged, result.facts
        if staged is None or facts is None:
            assert result.error is not None  # A result has a file or an error.
            raise result.error
        # The path is checked again: a file may have been created there since the plan was made, and
        # the engine may have chosen the fallback of the job (a PNG) instead of its target.
        target = self.plan.settle(staged.target)
        if target is None:
            return Outcome(job.source, "skipped", staged.target, reason=RESULT_EXISTS)
        staged = replace(staged, target=target)
        if self.journal is not None:
            self.journal.record(job.source, staged, result.input_sha256, self.work_key)
        commit(staged)
        # `Outcome` has all fields of `Facts` under the same names.
        return Outcome(job.source, "done", staged.target, **vars(facts))

    def _prepare_folder(self, folder: Path) -> PictureError | None:
        """Create a folder before its first result, and remove staged files of crashed runs.

        Returns:
            The error of every job with a result in this folder; None: the folder can be used.

        Raises:
            OutputError: no folder of this disk can be written.
        """
        if folder not in self._folder_errors:
            self._folder_errors[folder] = None
            try:
                with convert_write_errors(folder):
                    self._created_folders.update(missing_folders(folder))
                    folder.mkdir(parents=True, exist_ok=True)
            except OutputError as error:
                if concerns_the_disk(error):
                    raise
                self._folder_errors[folder] = PictureError(error.code, str(error))
            else:
                remove_abandoned_files(folder)
        return self._folder_errors[folder]


def _failed(source: Path, error: PictureError) -> Outcome:
    """Return the outcome of an input that failed with an error."""
    shared_text = error.shared_text if isinstance(error, ExistingResultError) else ""
    return Outcome(source, "failed", code=error.code, message=str(error), shared_text=shared_text)
