"""Which input becomes which output, settled before any work starts.

The rules: no two results share a name, no result replaces an input, and a result that is already
there is met as `--exist` says.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srgan_gp.batch.inputs import Inputs
from srgan_gp.batch.names import free_name, name_key, result_names
from srgan_gp.errors import OutputError, PictureError, UsageError
from srgan_gp.images import FORMATS

Exist = Literal["error", "skip", "overwrite", "rename"]


@dataclass(frozen=True)
class Output:
    """Where results go and what they are called."""

    folder: Path
    file_name: str | None = None
    """The whole name, for a single picture; `suffix` and `extension` are not used then."""
    suffix: str = ""
    extension: str | None = None
    """With the dot; None keeps each picture's own format where it can hold the result."""
    exist: Exist = "error"


@dataclass(frozen=True)
class Job:
    """One picture to upscale."""

    source: Path
    target: Path
    fallback: Path | None
    """A PNG's path, for a result that the format of `target` cannot hold; None: not wanted."""

    @property
    def paths(self) -> list[Path]:
        """Everything it may write."""
        return [self.target] if self.fallback is None else [self.target, self.fallback]


@dataclass(frozen=True)
class Plan:
    """The jobs of a run, and the inputs that need no work or cannot be worked on."""

    jobs: tuple[Job, ...]
    skipped: tuple[Job, ...]
    failures: tuple[tuple[Path, PictureError], ...]
    settle: "Settler"
    """Decides about a fallback that turns out to be needed and is already there."""


def make_plan(sources: Sequence[Path], output: Output) -> Plan:
    """Give every source its target.

    Args:
        sources: readable files, each once.
        output: its folder need not exist yet.

    Raises:
        UsageError: a result would replace one of the inputs.
    """
    jobs = _jobs(sources, output)
    by_source = {_identity(source): source for source in sources}
    for job in jobs:
        if output.exist != "rename" and (victim := by_source.get(_identity(job.target))):
            raise UsageError(
                f"{job.target} would replace the input {victim}; "
                "pass --suffix, or another output folder."
            )
    settle = Settler(output.exist, [p for job in jobs for p in job.paths], sources)
    ready: list[Job] = []
    skipped: list[Job] = []
    failures: list[tuple[Path, PictureError]] = []
    for job in jobs:
        try:
            target = settle(job.target)
        except PictureError as error:
            failures.append((job.source, error))
            continue
        if target is None:
            skipped.append(job)
        else:
            ready.append(Job(job.source, target, job.fallback))
    return Plan(tuple(ready), tuple(skipped), tuple(failures), settle)


class Settler:
    """Decides what to do about a result that is already there.

    Args:
        exist: the user's choice.
        planned: every path that the plan may write; a new name stays clear of them.
        sources: the inputs, which are never overwritten.
    """

    def __init__(self, exist: Exist, planned: Iterable[Path], sources: Iterable[Path]) -> None:
        self._exist = exist
        self._planned = {name_key(path.name) for path in planned}
        self._sources = set(map(_identity, sources))

    def __call__(self, target: Path) -> Path | None:
        """Say where to write a result meant for `target`; None: leave it, it is there already.

        Raises:
            PictureError: it is there, and the choice is `error` or it is an input.
        """
        if not os.path.lexists(target):
            return target
        if self._exist == "overwrite":
            if _identity(target) in self._sources:
                raise PictureError(
                    "E_EXISTS", f"{target} is an input; pass --suffix, or another output folder"
                )
            return target
        if self._exist == "skip":
            return None
        if self._exist == "error":
            raise PictureError(
                "E_EXISTS", f"{target} exists; pass --exist skip, overwrite or rename"
            )
        there = {name_key(path.name) for path in target.parent.iterdir()}
        name = free_name(target.name, there | self._planned)
        self._planned.add(name_key(name))
        return target.with_name(name)


def without_results(inputs: Inputs, output: Output) -> list[Path]:
    """List the sources, less those found in a folder that an earlier run of this kind left there.

    Example: with `--suffix _x4` into the folder itself, `a_x4.jpg` is what `a.jpg` gave.
    """
    sources = inputs.named + inputs.found
    if not output.suffix or output.file_name is not None:
        return sources
    jobs = _jobs(sources, output)
    results = {_identity(p) for job in jobs for p in job.paths if p != job.source}
    return inputs.named + [p for p in inputs.found if _identity(p) not in results]


def prepare_folder(folder: Path) -> None:
    """Make the output folder and prove that files can be made in it, before any work.

    Raises:
        OutputError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"The output folder {folder} cannot be written: {reason}.") from error


def _jobs(sources: Sequence[Path], output: Output) -> list[Job]:
    """Name target and fallback of every source."""
    if output.file_name is not None:
        return [Job(source, output.folder / output.file_name, None) for source in sources]
    extensions = [output.extension or _kept_extension(source) for source in sources]
    names = result_names(sources, extensions, output.suffix)
    jobs = [Job(s, output.folder / n, None) for s, n in zip(sources, names, strict=True)]
    if output.extension is not None:
        return jobs
    taken = set(map(name_key, names))
    jobs_with_fallback: list[Job] = []
    for job in jobs:
        fallback = None
        if job.target.suffix.lower() != ".png":
            short, whole = f"{job.target.stem}.png", f"{job.target.name}.png"
            name = free_name(whole if name_key(short) in taken else short, taken)
            taken.add(name_key(name))
            fallback = output.folder / name
        jobs_with_fallback.append(Job(job.source, job.target, fallback))
    return jobs_with_fallback


def _kept_extension(source: Path) -> str:
    """The source's own extension if its format can be written, else PNG's."""
    writable = any(source.suffix.lower() in row.suffixes for row in FORMATS.values())
    return source.suffix if writable else ".png"


def _identity(path: Path) -> tuple[int, int] | Path:
    """What two names of one file share: device and inode, or the resolved path of no file yet."""
    try:
        status = path.stat()
    except OSError:
        return path.resolve()
    return (status.st_dev, status.st_ino)
