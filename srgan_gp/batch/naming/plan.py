"""Plan of a run: which input becomes which output, before any work starts.

The rules, in plain words:

1.  A result is called like its input, with `--suffix` behind the stem or as `--name-template` says.
    It keeps the input's extension where that format can be written, and gets PNG's where not.
2.  A tree is mirrored: `IN/a/b.jpg` becomes `OUT/a/b.jpg`. A file that is named goes to `OUT`.
3.  Inputs whose results would share a name keep their whole names, `a.jpg.png` and `a.png.png`;
    where that is not enough they are numbered in the order of their paths. Names that differ by
    case or by the composition of accents count as shared, and so does the name of a folder of
    the tree. The names do not depend on the order of the inputs.
4.  What an earlier run wrote is no input. It is told by the journal or, with a suffix or a
    template, by its name. While its input is there, no other input's result takes its name.
5.  No input is ever replaced: a run in which one would be is refused before it starts.
6.  A result that is there is met when its turn comes. Where the journal says that it is the whole
    result of the same bytes and the same work, it is left, whatever `--exist` says. Otherwise
    `--exist` decides; without `--exist` it is an error of that input alone.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from srgan_gp.batch.inputs.walk import Found
from srgan_gp.batch.naming.collisions import Targets
from srgan_gp.batch.naming.output_options import Exist, Output
from srgan_gp.batch.naming.plan_table import PlanTable, Row
from srgan_gp.batch.results.journal import Journal
from srgan_gp.errors import PictureError

LONGEST_PATH_BYTES = 4000
"""Linux allows 4095; the rest is room for the mark of an unfinished file."""

DONE = "it is done already"
THERE = "its result exists"


@dataclass(frozen=True)
class UpscaleJob:
    """One picture to upscale."""

    source: Path
    target: Path
    fallback: Path | None
    """A PNG's path, for a result that the format of `target` cannot hold; None: not wanted."""


@dataclass(frozen=True)
class Skipped:
    """An input whose result is there."""

    source: Path
    target: Path
    """The result."""
    reason: str


@dataclass(frozen=True)
class Refused:
    """An input that no work is begun for."""

    source: Path
    error: PictureError


class Plan:
    """What is to be done for each input; a context manager, since it holds a temporary file.

    Attributes:
        total: how many inputs there are.
        earlier_results: how many files found were left out, as results of earlier runs.
    """

    def __init__(
        self,
        table: PlanTable,
        targets: Targets,
        exist: Exist | None,
        journal: Journal | None,
        work: str,
    ) -> None:
        self._table = table
        self._targets = targets
        self._exist: Exist | None = exist
        self._journal = journal
        self._work = work
        self._lock = threading.RLock()
        self.total = 0
        self.earlier_results = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the temporary file back."""
        self._table.close()

    def __iter__(self) -> Iterator[UpscaleJob | Skipped | Refused]:
        """Give every input once, in the order of the paths; results are met as they are reached."""
        for row in self._table.rows():
            source = Path(os.fsdecode(row.path))
            try:
                yield self._entry(source, row)
            except PictureError as error:
                yield Refused(source, error)

    def sources(self) -> Iterator[Path]:
        """Give the path of every input in the same order, without a look at any file."""
        for row in self._table.rows():
            yield Path(os.fsdecode(row.path))

    def missing(self) -> Iterator[UpscaleJob]:
        """Give the jobs that have no file where the plan puts them; the journal is not asked."""
        for row in self._table.rows():
            if row.code is None:
                target, fallback = self._targets.paths(row)
                if not any(p is not None and os.path.lexists(p) for p in (target, fallback)):
                    yield UpscaleJob(Path(os.fsdecode(row.path)), target, fallback)

    def settle(self, path: Path) -> Path | None:
        """Say where to write a result meant for `path`; None: leave it, it is there already.

        Raises:
            PictureError: it is there, and the choice is `error` or it is an input.
        """
        if not os.path.lexists(path):
            return path
        if self._exist == "skip":
            return None
        if self._exist is None:
            raise PictureError(
                "E_EXISTS",
                f"{path} exists and is not what this run would make of this picture; "
                "pass --exist skip, overwrite or rename",
            )
        if self._exist == "error":
            raise PictureError("E_EXISTS", f"{path} exists; pass --exist skip, overwrite or rename")
        with self._lock:
            if self._exist == "rename":
                return self._targets.another(path)
            if self._targets.is_input(path):
                raise PictureError(
                    "E_EXISTS", f"{path} is an input; pass --suffix, or another output folder"
                )
        return path

    def _entry(self, source: Path, row: Row) -> UpscaleJob | Skipped | Refused:
        if row.code is not None:
            return Refused(source, PictureError(row.code, row.message or ""))
        target, fallback = self._targets.paths(row)
        if len(os.fsencode(target)) > LONGEST_PATH_BYTES:
            raise PictureError(
                "E_NAME_TOO_LONG", f"the path {target} is too long; choose a shorter output folder"
            )
        if self._journal is not None:
            done = self._journal.done(source, target, self._work, fallback=fallback)
            if done is not None:
                return Skipped(source, done, DONE)
        settled = self.settle(target)
        if settled is None:
            return Skipped(source, target, THERE)
        return UpscaleJob(source, settled, fallback)


def make_plan(
    found: Iterable[Found | Path],
    output: Output,
    *,
    journal: Journal | None = None,
    work: str = "",
) -> Plan:
    """Give every input its target.

    Args:
        found: the inputs, which may be there twice; a path is that of a file that was named.
        output: its folder need not exist yet.
        journal: of that folder.
        work: a `work_key`, what the journal's rows are compared with.

    Returns:
        The plan, to be closed.

    Raises:
        UsageError: a result would replace an input, or the name template makes no sense.
        OutputError: there is no room for temporary files.
    """
    naming = output.naming()
    table = PlanTable()
    try:
        targets = Targets(table, naming, output.folder)
        plan = Plan(table, targets, output.exist, journal, work)
        for item in found:
            is_path = isinstance(item, Path)
            targets.add(Found(item, item.parent, is_named=True) if is_path else item)
        plan.earlier_results = targets.settle(journal, may_replace_inputs=output.exist == "rename")
        plan.total = table.count()
    except BaseException:
        table.close()
        raise
    return plan
