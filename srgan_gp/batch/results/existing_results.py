"""Existing results that differ from those of this run: an error about one, a line about many.

A folder that is upscaled again with other options has such a result for every image. `run_reporter`
and a dry run print one line for all images with the same difference of model or options.
The journal (`results.journal`) records in the output folder how each result was made. Files that
were made from another image or were changed since, and files without a row in the journal, are
printed one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from srgan_gp.batch.results.work_changes import Change
from srgan_gp.errors import PictureError

EXISTS_CODE = "E_EXISTS"
"""Code of an input whose result exists, unless `MODEL_CHANGED` applies."""
MODEL_CHANGED = "E_MODEL_CHANGED"
"""Code of an input whose result differs only because another version of the model made it."""


class ExistingResultError(PictureError):
    """The result of an input exists, and `--exist` does not tell what to do.

    Args:
        code: `EXISTS_CODE` or `MODEL_CHANGED`.
        message: as for `PictureError`.
        shared_text: what all such results of a run have in common, to be put after their number;
            "": the message is to be printed for each.
    """

    def __init__(self, code: str, message: str, shared_text: str = "") -> None:
        super().__init__(code, message)
        self.shared_text = shared_text


def existing_result_error(path: Path, change: Change | None) -> ExistingResultError:
    """Return the error about an existing file at the path of a result.

    Args:
        path: the file.
        change: how it differs from the result of this run; None: the folder has no journal.
    """
    code, how, shared_text = EXISTS_CODE, "exists, and nothing records how it was made", ""
    if change is not None:
        # The text is, for example, `made by photo-x4, now photo-x2`.
        how = f"exists and was {change.text}"
        # `work`: the model or an option differs. The other kinds get no shared text, so their files
        # are printed one by one: `image` (another input, or changed since) and `unrecorded` (no row
        # in the journal).
        if change.kind in ("work", "model version"):
            shared_text = f"results exist and were {change.text}"
        if change.kind == "model version":
            code = MODEL_CHANGED
    message = (
        f"{path} {how}; pass --exist overwrite to replace it, --exist skip to keep it, or another "
        "-o"
    )
    return ExistingResultError(code, message, shared_text)


@dataclass
class Group:
    """Inputs whose results have the same difference."""

    code: str
    first: Path
    """The first input that was not printed yet."""
    line: str
    """The line about that input alone."""
    count: int = 0
    """Number of inputs that were not printed yet."""
    was_printed: bool = False
    """Whether earlier inputs of the group were printed."""


@dataclass
class ExistingResults:
    """Inputs of a run that were refused because their results exist, until they are printed."""

    groups: dict[str, Group] = field(default_factory=dict[str, Group], init=False)
    """By `ExistingResultError.shared_text`."""

    def has_new_difference(self) -> bool:
        """Return whether there is a difference of which no input was printed yet."""
        return any(not group.was_printed for group in self.groups.values())

    def add(self, source: Path, code: str, shared_text: str, line: str) -> None:
        """Add an input.

        Args:
            source: the input.
            code: `EXISTS_CODE` or `MODEL_CHANGED`.
            shared_text: `ExistingResultError.shared_text`, not empty.
            line: the line to print if there is no other input of the same difference.
        """
        group = self.groups.setdefault(shared_text, Group(code, source, line))
        if group.count == 0:
            group.first, group.line = source, line
        group.count += 1

    def take_lines(self) -> Iterator[str]:
        """Yield a line for each difference, about the inputs that were added since the last call.

        >>> results = ExistingResults()
        >>> for name in ("a.jpg", "b.jpg"):
        ...     results.add(Path(name), "E_EXISTS", "results exist and were made by m, now n", name)
        >>> list(results.take_lines())[0][:80]
        'E_EXISTS: 2 results exist and were made by m, now n; the first is that of a.jpg.'
        >>> list(results.take_lines())
        []
        """
        for shared_text, group in self.groups.items():
            if group.count == 1:
                yield group.line
            elif group.count:
                more = " more" if group.was_printed else ""
                yield (
                    f"{group.code}: {group.count}{more} {shared_text}; the first is that of "
                    f"{group.first}. Pass --exist overwrite to make them again, --exist skip to "
                    "keep them, or another -o."
                )
            group.was_printed = group.was_printed or group.count > 0
            group.count = 0
