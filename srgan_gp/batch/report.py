"""Report of a run: one line an image for people, JSON for programs."""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from srgan_gp.batch.inputs.skipped_files import SkippedFiles, kinds_text, skipped_lines
from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.batch.plan_runner import Outcome, Status
from srgan_gp.batch.results.journal import JOURNAL_FOLDER
from srgan_gp.errors import OutputError, UsageError
from srgan_gp.inference.face_enhancement.face_options import count_faces
from srgan_gp.system.files import atomic_write
from srgan_gp.system.paths import is_file

_BYTES_IN_MEMORY = 1 << 20
_LONGEST_LINE_BYTES = 1 << 16  # a path has up to 4 kB


@dataclass(frozen=True)
class Record:
    """Outcomes of a run, one JSON object a line, in memory or, if there are many, in a file."""

    file: IO[bytes] = field(
        default_factory=partial(tempfile.SpooledTemporaryFile[bytes], _BYTES_IN_MEMORY)
    )
    """Closed by the creator of the record."""

    def add(self, outcome: Outcome) -> None:
        """Append the outcome of an input.

        Raises:
            OutputError: there is no space for temporary files.
        """
        values = {**vars(outcome), "source": os.fspath(outcome.source)}
        if outcome.target is not None:
            values["target"] = os.fspath(outcome.target)
        entry = {name: value for name, value in values.items() if value not in (None, ())}
        try:
            self.file.write(json.dumps(entry).encode() + b"\n")
        except OSError as error:
            raise OutputError(
                f"The report needs space for temporary files ({error.strerror}); "
                "free some space, or name another folder in TMPDIR."
            ) from error

    def write(self, path: Path) -> None:
        """Write all lines to a report file, in one step.

        Raises:
            OutputError: it cannot be written.
        """
        self.file.seek(0)
        with atomic_write(path) as file:
            shutil.copyfileobj(self.file, file)

    def json_lines(self, counts: Counter[Status], **about_the_run: object) -> Iterator[str]:
        """Yield the lines of the object that `--json` prints: the counts, then the images.

        Args:
            counts: number of inputs by status, which `add` was called for.
            about_the_run: further entries beside the counts.
        """
        head = {"inputs": counts.total()}
        head |= {status: counts[status] for status in ("done", "skipped", "failed", "not_tried")}
        for name, value in (head | about_the_run).items():
            yield f"{'{' if name == 'inputs' else ' '} {json.dumps(name)}: {json.dumps(value)},"
        yield '  "pictures": ['
        self.file.seek(0)
        for number, line in enumerate(self.file, start=1):
            yield "    " + line.decode().rstrip() + ("," if number < counts.total() else "")
        yield "  ]"
        yield "}"


def check_report(path: Path) -> None:
    """Check before a run that a report can be written to a path and replaces only a report.

    Raises:
        UsageError: the path has the suffix of an image, lies in a folder of journals, or is that
            of another file.
    """
    if path.suffix.lower() in PICTURE_SUFFIXES:
        raise UsageError(f"--report {path} would replace an image; try {path.stem}.jsonl.")
    real = Path(os.path.realpath(path))
    if JOURNAL_FOLDER in real.parts:
        raise UsageError(f"--report {path} lies in a folder of journals; choose another one.")
    if os.path.lexists(real) and not _is_report(real):
        raise UsageError(
            f"--report {path} would replace a file that is not a report of an earlier run; "
            "choose another name."
        )


def _is_report(path: Path) -> bool:
    """Return whether a file is empty or starts like a report."""
    if not is_file(path):
        return False
    with suppress(OSError, ValueError), path.open("rb") as file:
        line = file.readline(_LONGEST_LINE_BYTES)
        entry = json.loads(line) if line else {"source": "", "status": ""}
        return isinstance(entry, dict) and {"source", "status"} <= entry.keys()
    return False


def outcome_line(outcome: Outcome) -> str:
    """Format the outcome of an image as one line."""
    if outcome.code is not None:
        return f"{outcome.source}: {outcome.code}: {outcome.message}"
    if outcome.status == "skipped":
        return f"{outcome.source}: skipped, {outcome.reason}: {outcome.target}"
    assert outcome.size is not None and outcome.result_size is not None  # The status is `done`.
    (width, height), (new_width, new_height) = outcome.size, outcome.result_size
    parts = [
        f"{width}x{height} -> {new_width}x{new_height} {outcome.target}",
        f"{outcome.seconds:.2f} s",
        *outcome.warnings,
    ]
    if outcome.frames != 1:
        parts.insert(1, f"{outcome.frames} frames")
    if outcome.faces is not None:
        parts.append(count_faces(outcome.faces))
    return f"{outcome.source}: " + "; ".join(parts)


def summary_lines(
    counts: Counter[Status], skipped_files: SkippedFiles, *, earlier_results: int = 0
) -> Iterator[str]:
    """Yield lines about files that are no inputs, and one with the counts of a run.

    Args:
        counts: number of inputs by status.
        skipped_files: files that the walk skipped.
        earlier_results: results of earlier runs that the walk did not recognise, but the plan.
    """
    if skipped_files.kinds or skipped_files.repeated or skipped_files.alike or skipped_files.own:
        yield from skipped_lines(skipped_files)
    text = f"{counts['done']} done, {counts['skipped']} skipped, {counts['failed']} failed"
    if counts["not_tried"]:
        text += f", {counts['not_tried']} not finished (the same command starts them again)"
    others = skipped_files.others
    kinds = f" ({kinds_text(others)})" if others else ""
    hint = "" if skipped_files.is_recursive else " (-r enters them)"
    earlier = earlier_results + skipped_files.results
    for count, one, many, fate in (
        (others.total(), "other file", "other files", f"ignored{kinds}"),
        (earlier, "earlier result", "earlier results", "ignored"),
        (skipped_files.folders, "folder inside", "folders inside", f"not entered{hint}"),
        (skipped_files.links, "link to a folder", "links to folders", "not followed"),
    ):
        if count:
            text += f"; {count} {one if count == 1 else many} {fate}"
    yield text
