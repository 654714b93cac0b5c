"""Plan of a run: the target of every input, before any image is processed.

A target is the path of a result. Its fallback is the path of a PNG, for a result that the format of
the target cannot hold, such as a JPEG with alpha. `batch.plan_runner` runs a plan.

Rules:

1.  A result has the name of its input, with `--suffix` after the stem, or as `--name-template`
    sets. It keeps the extension of the input where that format can be written, else it is a PNG.
    If the name of the input has no suffix of an image, the format is read from the file.
2.  A tree is mirrored: the result of `IN/a/b.jpg` is `OUT/a/b.jpg`. The result of a file that the
    user named is in `OUT`.
3.  Inputs whose results would share a name keep their whole names, `a.jpg.png` and `a.png.png`.
    Where that is not enough, they are numbered in the order of their paths. Names that differ only
    in case or in the composition of accents collide, and so do the names of folders of the tree.
    The names do not depend on the order of the inputs.
4.  Results of earlier runs are not inputs. They are recognised by the journal or, with a suffix or
    a template, by their names. The name of an earlier result is not given to the result of another
    input, as long as its own input exists.
5.  No input is ever replaced: such a run is an error before it starts.
6.  An existing result is checked when the run reaches its input. Where the journal shows that it is
    complete and was made from the same bytes with the same options, it is skipped whatever
    `--exist` is. Otherwise `--exist` decides; without `--exist` it is an error of that input.
    `--exist rename` gives a result a number, such as `a-2.jpg`. A later run with `--exist
    overwrite` skips an input for such a result only if no file has the name without the number.

The journal (`results.journal`) records the results of earlier runs into the output folder.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from srgan_gp.batch.inputs.walk import Found
from srgan_gp.batch.naming.collisions import Targets
from srgan_gp.batch.naming.kept_formats import needs_fallback
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.single_target import SingleTarget
from srgan_gp.batch.results.existing_results import EXISTS_CODE, existing_result_error
from srgan_gp.batch.results.journal import Journal
from srgan_gp.errors import PictureError
from srgan_gp.system.paths import is_file

LONGEST_PATH_BYTES = 4000
"""Longest path of a result. Linux allows 4095; the unfinished file has a longer name."""

ALREADY_DONE = "it is done already"
"""Reason of a skipped input whose result the journal shows to be complete and up to date."""
RESULT_EXISTS = "its result exists"
"""Reason of an input that `--exist skip` skips."""


@dataclass(frozen=True)
class UpscaleJob:
    """One image to upscale."""

    source: Path
    target: Path
    fallback: Path | None
    """Path of a PNG for a result that the format of `target` cannot hold; None: not wanted."""


@dataclass(frozen=True)
class Skipped:
    """An input whose result exists."""

    source: Path
    target: Path
    """Path of the existing result."""
    reason: str
    """`ALREADY_DONE` or `RESULT_EXISTS`."""


@dataclass(frozen=True)
class Refused:
    """An input that cannot be processed."""

    source: Path
    error: PictureError


@dataclass(eq=False)
class Plan(AbstractContextManager["Plan"]):
    """Jobs of a run, for use by one thread, in a `with` statement that closes its temporary file.

    Args:
        targets: targets of all inputs, with their names assigned.
        output: output options, such as what to do about an existing result.
        journal: journal of the output folder; None: there is none.
        work_key: hash of model and options, the result of `results.work.work_key`.
        total: number of inputs.
        earlier_results: number of files that were found and ignored as results of earlier runs.
    """

    targets: SingleTarget | Targets
    output: Output
    journal: Journal | None
    work_key: str
    total: int
    earlier_results: int

    def __exit__(self, *error: object) -> None:
        if isinstance(self.targets, Targets):
            self.targets.close()

    def __iter__(self) -> Iterator[UpscaleJob | Skipped | Refused]:
        """Yield every input once, in the order of the paths; its existing result is found then."""
        for source, target, fallback, error in self.targets:
            finished: Path | None = None  # complete result of an earlier run
            path_to_write: Path | None = target  # None: skip the input
            try:
                if error is not None:
                    raise error
                if len(os.fsencode(target)) > LONGEST_PATH_BYTES:
                    message = f"the path {target} is too long; choose a shorter output folder"
                    raise PictureError("E_NAME_TOO_LONG", message)
                paths = [target] if fallback is None else [target, fallback]
                exists = any(map(os.path.lexists, paths))
                if self.journal is not None:
                    # With `overwrite` an existing file is replaced, even if an earlier run with
                    # `rename` wrote the same result to another path.
                    replaces = self.output.exist == "overwrite" and exists
                    finished = self.journal.find_finished(
                        source, target, self.work_key, fallback=fallback, only_planned=replaces
                    )
                if finished is None and exists:
                    target, fallback, path_to_write = self._decide(source, target, fallback)
            except PictureError as refusal:
                yield Refused(source, refusal)
                continue
            if finished is not None:
                yield Skipped(source, finished, ALREADY_DONE)
            elif path_to_write is None:
                yield Skipped(source, target, RESULT_EXISTS)
            else:
                yield UpscaleJob(source, path_to_write, fallback)

    def _decide(
        self, source: Path, target: Path, fallback: Path | None
    ) -> tuple[Path, Path | None, Path | None]:
        """Decide about an input whose target or fallback exists; errors as for `settle`.

        Returns:
            Target and fallback, with the fallback as target if the result needs it; and the path to
            write to, or None to skip the input.
        """
        # An input that cannot be read gets the error of its reader, which an error about an
        # existing target would hide. With `skip` there is no such error.
        has_result = self.output.exist == "skip" or is_file(source)
        if fallback is not None:
            needed = needs_fallback(source, target, first_frame_only=self.output.first_frame_only)
            has_result = has_result and needed is not None  # None: the input is an error
            if needed:
                target, fallback = fallback, None
        return target, fallback, self.settle(target) if has_result else target

    def sources(self) -> Iterator[Path]:
        """Yield the path of every input in the same order, without access to any file."""
        return (entry.source for entry in self.targets)

    def missing(self) -> Iterator[UpscaleJob]:
        """Yield the jobs whose target and fallback do not exist; the journal is not read."""
        for source, target, fallback, error in self.targets:
            paths = [target] if fallback is None else [target, fallback]
            if error is None and not any(map(os.path.lexists, paths)):
                yield UpscaleJob(source, target, fallback)

    def settle(self, path: Path) -> Path | None:
        """Decide about an existing file at the path of a result, by rules 5 and 6.

        Called when the run reaches the input, and again before its result gets its final name: the
        file may have been created in between.

        Returns:
            The path to write to: `path`, or another path for `rename`. None: skip the input.

        Raises:
            PictureError: the file exists, and `exist` is `error` or None; or the file is an input,
                or a link out of the output folder, and must not be replaced.
        """
        if not os.path.lexists(path):
            return path
        if self.output.exist == "skip":
            return None
        if self.output.exist in (None, "error"):
            change = None if self.journal is None else self.journal.find_change(path)
            raise existing_result_error(path, change)
        if self.output.exist == "rename":
            return self.targets.numbered_target(path)
        # `exist` is `overwrite`.
        if self.targets.is_input(path):
            raise PictureError(
                EXISTS_CODE, f"{path} is an input; pass --suffix, or another output folder"
            )
        if self.targets.leads_out(path):
            raise PictureError(
                EXISTS_CODE,
                f"{path} is a link to {os.path.realpath(path)}, outside the output folder; remove "
                "the link, or choose another output folder",
            )
        return path


def make_plan(
    found: Iterable[Found | Path],
    output: Output,
    *,
    journal: Journal | None = None,
    work_key: str = "",
) -> Plan:
    """Determine the target of every input.

    Args:
        found: the inputs; the same file may occur twice. A `Path` stands for a file that the user
            named, in contrast to one that was found in a folder.
        output: output options; the folder need not exist yet.
        journal: journal of that folder; None: there is none.
        work_key: result of `results.work.work_key`, which rows of the journal are compared with.

    Raises:
        UsageError: a result would replace an input, or the name template is not valid.
        OutputError: there is no space for temporary files.
    """
    naming = output.naming()
    # With `rename` a result may be planned under the name of an input: `Plan.settle` finds that the
    # file exists, and gives the result a number. So no input is replaced (rule 5).
    may_share_input_names = output.exist == "rename"
    inputs = (
        Found(item, item.parent, is_named=True) if isinstance(item, Path) else item
        for item in found
    )
    first_two = list(islice(inputs, 2))
    if len(first_two) == 1 and first_two[0].is_named:  # one file: no table of names is needed
        single = SingleTarget(
            first_two[0].path, naming, output.folder, may_share_input_names=may_share_input_names
        )
        return Plan(single, output, journal, work_key, total=1, earlier_results=0)
    targets = Targets(naming, output.folder)
    try:
        for item in chain(first_two, inputs):
            targets.add(item)
        earlier_results = targets.assign_names(journal, may_share_input_names=may_share_input_names)
        return Plan(targets, output, journal, work_key, targets.count(), earlier_results)
    except BaseException:
        targets.close()
        raise
