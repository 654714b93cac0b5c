"""Report of a run: a line per image for people, JSON for programs."""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES, SkippedFiles
from srgan_gp.batch.plan_runner import Outcome, Status
from srgan_gp.batch.results.journal import JOURNAL_FOLDER
from srgan_gp.errors import OutputError, UsageError
from srgan_gp.system.files import atomic_write
from srgan_gp.system.paths import is_file

_BYTES_IN_MEMORY = 1 << 20
_LONGEST_LINE_BYTES = 1 << 16  # a path has 4 kB


class Record:
    """The outcomes of a run, one JSON object a line; many of them live in a temporary file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, outcome: Outcome) -> None:
        """Take down what became of an input.

        Raises:
            OutputError: there is no room for temporary files.
        """
        try:
            self._file.write(json.dumps(_entry(outcome)).encode() + b"\n")
        except OSError as error:
            raise OutputError(
                f"The report needs room for temporary files ({error.strerror}); "
                "free some space, or name another folder in TMPDIR."
            ) from error

    def write(self, path: Path) -> None:
        """Write the report: every line, in one step.

        Raises:
            OutputError: it cannot be written.
        """
        self._file.seek(0)
        with atomic_write(path) as file:
            shutil.copyfileobj(self._file, file)

    def pieces(self, counts: Counter[Status], **about_the_run: object) -> Iterator[str]:
        """Give the lines of what `--json` prints, one object: counts first, then the pictures."""
        head = {"inputs": counts.total()}
        head |= {status: counts[status] for status in ("done", "skipped", "failed")}
        for name, value in (head | about_the_run).items():
            yield f"{'{' if name == 'inputs' else ' '} {json.dumps(name)}: {json.dumps(value)},"
        yield '  "pictures": ['
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            yield "    " + line.decode().rstrip() + ("," if number < counts.total() else "")
        yield "  ]"
        yield "}"


def check_report(path: Path) -> None:
    """See before the work that a report can go to a path, and replaces nothing but a report.

    Raises:
        UsageError: it ends like a picture, lies beside the journal, or something else is there.
    """
    if path.suffix.lower() in PICTURE_SUFFIXES:
        raise UsageError(f"--report {path} would replace a picture; try {path.stem}.jsonl.")
    real = Path(os.path.realpath(path))
    if JOURNAL_FOLDER in real.parts:
        raise UsageError(f"--report {path} lies in a folder of journals; choose another one.")
    if os.path.lexists(real) and not _is_report(real):
        raise UsageError(
            f"--report {path} would replace what is no report of an earlier run; "
            "choose another name."
        )


def _is_report(path: Path) -> bool:
    """Say whether a file is empty or begins like a report."""
    if not is_file(path):
        return False
    with suppress(OSError, ValueError), path.open("rb") as file:
        line = file.readline(_LONGEST_LINE_BYTES)
        entry = json.loads(line) if line else {"source": "", "status": ""}
        return isinstance(entry, dict) and {"source", "status"} <= entry.keys()
    return False


@contextmanager
def record() -> Generator[Record, None, None]:
    """Open an empty record; it is gone when the block ends."""
    with tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY) as file:
        yield Record(file)


def outcome_line(outcome: Outcome) -> str:
    """Say in one line what became of a picture."""
    if outcome.status == "failed":
        return f"{outcome.source}: {outcome.code}: {outcome.message}"
    if outcome.status == "skipped":
        return f"{outcome.source}: skipped, {outcome.reason}: {outcome.target}"
    parts = [
        f"{_size(outcome.size)} -> {_size(outcome.result_size)} {outcome.target}",
        f"{outcome.device}",
        f"{outcome.precision}",
        "1 tile" if outcome.tiles == 1 else f"{outcome.tiles} tiles",
        f"{outcome.seconds:.2f} s",
        *outcome.warnings,
    ]
    if outcome.frames != 1:
        parts.insert(1, f"{outcome.frames} frames")
    return f"{outcome.source}: " + "; ".join(parts)


def summary_line(
    counts: Counter[Status], skipped_files: SkippedFiles, *, earlier_results: int = 0
) -> str:
    """Count what happened, in one line."""
    text = f"{counts['done']} done, {counts['skipped']} skipped, {counts['failed']} failed"
    for count, one, many, fate in (
        (skipped_files.ignored, "other file", "other files", "ignored"),
        (earlier_results, "earlier result", "earlier results", "left out"),
        (skipped_files.folders, "folder inside", "folders inside", "not entered"),
        (skipped_files.links, "link to a folder", "links to folders", "not followed"),
    ):
        if count:
            text += f"; {count} {one if count == 1 else many} {fate}"
    return text


def _entry(outcome: Outcome) -> dict[str, Any]:
    values = {**vars(outcome), "source": os.fspath(outcome.source)}
    if outcome.target is not None:
        values["target"] = os.fspath(outcome.target)
    return {name: value for name, value in values.items() if value not in (None, ())}


def _size(size: tuple[int, int] | None) -> str:
    return "?" if size is None else f"{size[0]}x{size[1]}"
