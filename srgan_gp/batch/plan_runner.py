"""Executes a plan: keeps an engine busy, commits results, gives each input one outcome."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

from srgan_gp.batch.engines.engine_interface import Engine, Result
from srgan_gp.batch.naming.plan import THERE, Refused, Skipped, UpscaleJob
from srgan_gp.batch.results.journal import Journal, JournalError
from srgan_gp.errors import OutputError, PictureError
from srgan_gp.system.files import commit, drop, sweep
from srgan_gp.system.write_errors import concerns_the_disk, errors_about

SECONDS_BETWEEN_CHECKS = 0.2
"""How often a run that waits for its engine looks whether it is to end."""

Status = Literal["done", "skipped", "failed"]


class Planned(Protocol):
    """What a run needs of a plan."""

    def __iter__(self) -> Iterator[UpscaleJob | Skipped | Refused]:
        """Give every input once, in a stable order."""
        ...

    def sources(self) -> Iterator[Path]:
        """Give the path of every input in the same order, without a look at any file."""
        ...

    def settle(self, path: Path) -> Path | None:
        """Say where to write a result meant for `path`; None: leave it, it is there already."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What became of one input."""

    source: Path
    status: Status
    target: Path | None = None
    """The file written, or the one that was there already."""
    reason: str | None = None
    """Why it was skipped."""
    code: str | None = None
    """Stable code of a failure."""
    message: str | None = None
    """Sentence about a failure, without the file's name."""
    size: tuple[int, int] | None = None
    """Width and height of the input, upright."""
    result_size: tuple[int, int] | None = None
    device: str | None = None
    provider: str | None = None
    precision: str | None = None
    tiles: int | None = None
    seconds: float | None = None
    """Time in the network and around it, without reading and writing."""
    frames: int | None = None
    warnings: tuple[str, ...] = ()


class Run:
    """One run of a plan; go through `outcomes`, and through `rest` where that was cut short.

    Args:
        plan: whose output folder exists.
        engine: used by this run alone meanwhile, and closed by its owner.
        journal: of the output folder; None keeps none.
        work: the `work_key` of the run.
        check: called several times a second, and before each picture; what it raises ends the run.
    """

    def __init__(
        self,
        plan: Planned,
        engine: Engine,
        *,
        journal: Journal | None = None,
        work: str = "",
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._plan, self._engine, self._check = plan, engine, check
        self._journal, self._work = journal, work
        self._under_way: dict[Path, UpscaleJob] = {}
        self._folders: dict[Path, PictureError | None] = {}
        self._reached = 0
        self.counts: Counter[Status] = Counter()
        """How many inputs have come to which end; all of them, after `outcomes` or `rest`."""

    def outcomes(self) -> Iterator[Outcome]:
        """Run, and give one outcome for each input as soon as it is known.

        Raises:
            OutputError: no result can be written any more; nothing was begun after it.
            DeviceError: the GPU failed; likewise.
        """
        for item in self._plan:
            self._check()
            self._reached += 1
            if isinstance(item, UpscaleJob):
                yield from self._begin(item)
            else:
                yield self._counted(_without_work(item))
        while self._under_way:
            yield self._next()

    def rest(self) -> Iterator[Outcome]:
        """Give the outcomes of all inputs that a run which was cut short did not come to."""
        for source in [*self._under_way, *islice(self._plan.sources(), self._reached, None)]:
            yield self._counted(not_tried(source))

    def _begin(self, job: UpscaleJob) -> Iterator[Outcome]:
        """Hand a job over as soon as there is room for it."""
        self._under_way[job.source] = job
        if (error := self._prepare(job.target.parent)) is not None:
            del self._under_way[job.source]
            yield self._counted(failed(job.source, error))
            return
        while len(self._under_way) > self._engine.capacity:
            yield self._next()
        self._engine.submit(job)

    def _next(self) -> Outcome:
        """Wait for the next result and commit it."""
        while (result := self._engine.take(SECONDS_BETWEEN_CHECKS)) is None:
            self._check()
        outcome = self._committed(result)
        del self._under_way[result.job.source]
        return self._counted(outcome)

    def _committed(self, result: Result) -> Outcome:
        """Promise a result in the journal, then give it its name."""
        if result.staged is None or result.facts is None:
            assert result.error is not None  # that, or a file
            return failed(result.job.source, result.error)
        try:
            return self._settled(result)
        except PictureError as error:
            return failed(result.job.source, error)
        except OutputError as error:
            if concerns_the_disk(error) or isinstance(error, JournalError):
                raise
            return failed(result.job.source, PictureError(error.code, str(error)))
        finally:
            drop(result.staged)  # Nothing is left of one that was committed.

    def _settled(self, result: Result) -> Outcome:
        job, staged, facts = result.job, result.staged, result.facts
        assert staged is not None and facts is not None
        # A file may have come there since the plan was made, and whether the fallback is needed is
        # known only now.
        target = self._plan.settle(staged.target)
        if target is None:
            return Outcome(job.source, "skipped", staged.target, reason=THERE)
        staged = replace(staged, target=target)
        if self._journal is not None:
            self._journal.record(job.source, staged, result.input_sha256, self._work)
        commit(staged)
        return Outcome(job.source, "done", staged.target, **vars(facts))

    def _prepare(self, folder: Path) -> PictureError | None:
        """Make a folder when the first result goes there, and clear what dead runs left in it."""
        if folder not in self._folders:
            self._folders[folder] = None
            try:
                with errors_about(folder):
                    folder.mkdir(parents=True, exist_ok=True)
            except OutputError as error:
                if concerns_the_disk(error):
                    raise
                self._folders[folder] = PictureError(error.code, str(error))
            else:
                sweep(folder)
        return self._folders[folder]

    def _counted(self, outcome: Outcome) -> Outcome:
        self.counts[outcome.status] += 1
        return outcome


def failed(source: Path, error: PictureError) -> Outcome:
    """Turn an error about one picture into its outcome."""
    return Outcome(source, "failed", code=error.code, message=str(error))


def not_tried(source: Path) -> Outcome:
    """Give the outcome of an input that a run did not come to before it was cut short."""
    message = "the run ended before this picture; run the same command again"
    return failed(source, PictureError("E_NOT_TRIED", message))


def _without_work(item: Skipped | Refused) -> Outcome:
    if isinstance(item, Refused):
        return failed(item.source, item.error)
    return Outcome(item.source, "skipped", item.target, reason=item.reason)
