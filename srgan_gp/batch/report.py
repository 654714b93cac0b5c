"""Report of a run: one line for each image for people, JSON for programs.

`batch.run` writes it: lines on the terminal, the file of `--report` and the output of `--json`. The
JSON object of an input has the fields of `plan_runner.Outcome` that have a value, without
`shared_text`.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from srgan_gp.batch.inputs.skipped_files import SkippedFiles, kinds_text
from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.batch.plan_runner import Outcome, Status
from srgan_gp.batch.results.journal import JOURNAL_FOLDER
from srgan_gp.errors import OutputError, UsageError
from srgan_gp.inference.face_enhancement.face_options import count_faces
from srgan_gp.system.files import atomic_write
from srgan_gp.system.paths import is_file, is_folder

_BYTES_IN_MEMORY = 1 << 20
"""1 MiB, some thousand outcomes. Outcomes of more bytes are kept in a temporary file, so that the
memory of a run does not grow with the number of inputs."""
_LONGEST_LINE_BYTES = 1 << 16
"""64 KiB: bytes that are read to recognise the first line of a report. Its two paths have up to
4 kB each; the rest is for messages and faces."""


@dataclass(frozen=True)
class Record:
    """Outcomes of a run so far, as JSON objects in a file; `add` appends one."""

    file: IO[bytes] = field(
        default_factory=partial(tempfile.SpooledTemporaryFile[bytes], _BYTES_IN_MEMORY)
    )
    """One JSON object a line, in UTF-8. The code that makes the record closes the file."""

    def add(self, outcome: Outcome) -> None:
        """Append the outcome of an input.

        Raises:
            OutputError: there is no space for temporary files.
        """
        entry = {
            name: value
            for name, value in vars(outcome).items()
            # `shared_text` only groups lines on the terminal.
            if value not in (None, ()) and name != "shared_text"
        }
        entry["source"] = os.fspath(outcome.source)
        if outcome.target is not None:
            entry["target"] = os.fspath(outcome.target)
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
            OutputError: the report cannot be written.
        """
        self.file.seek(0)
        with atomic_write(path) as file:
            shutil.copyfileobj(self.file, file)

    def json_lines(self, counts: Counter[Status], **about_the_run: object) -> Iterator[str]:
        """Yield the lines of the object that `--json` prints.

        Its keys are `inputs` and every status, each with its count, then the keys of
        `about_the_run`, then `pictures` with the objects of all inputs.

        Args:
            counts: number of inputs by status; their sum is the number of calls of `add`.
            about_the_run: further entries, which can be written as JSON.
        """
        entries: dict[str, object] = {"inputs": counts.total()}
        entries |= {status: counts[status] for status in ("done", "skipped", "failed", "not_tried")}
        entries |= about_the_run
        bracket = "{"  # before the first entry
        for name, value in entries.items():
            yield f"{bracket} {json.dumps(name)}: {json.dumps(value)},"
            bracket = " "
        yield '  "pictures": ['
        self.file.seek(0)
        for number, line in enumerate(self.file, start=1):
            comma = "," if number < counts.total() else ""
            yield f"    {line.decode().rstrip()}{comma}"
        yield "  ]"
        yield "}"


def check_report(path: Path) -> None:
    """Check before a run that a report can be written to a path and replaces only a report.

    Raises:
        UsageError: the path has the suffix of an image, lies in the folder of a journal, or is a
            folder or an existing file that is not a report.
    """
    if path.suffix.lower() in PICTURE_SUFFIXES:
        raise UsageError(f"--report {path} would replace an image; try {path.stem}.jsonl.")
    real_path = Path(os.path.realpath(path))  # without links
    if JOURNAL_FOLDER in real_path.parts:
        raise UsageError(f"--report {path} lies in a folder of journals; choose another one.")
    if is_folder(real_path):
        raise UsageError(f"--report {path} is a folder; name a file, such as {path}/report.jsonl.")
    if os.path.lexists(real_path) and not _is_report(real_path):
        raise UsageError(
            f"--report {path} would replace a file that is not a report of an earlier run; "
            "choose another name."
        )


def _is_report(path: Path) -> bool:
    """Return whether a file is empty, or its first line is a JSON object of an outcome."""
    if not is_file(path):
        return False
    try:
        with path.open("rb") as file:
            first_line = file.readline(_LONGEST_LINE_BYTES)
        if not first_line:
            return True
        entry = json.loads(first_line)
    except (OSError, ValueError):  # It cannot be read, or is not JSON.
        return False
    return isinstance(entry, dict) and {"source", "status"} <= entry.keys()


def outcome_line(outcome: Outcome) -> str:
    """Format the outcome of an image as one line."""
    if outcome.code is not None:
        return f"{outcome.source}: {outcome.code}: {outcome.message}"
    if outcome.status == "skipped":
        return f"{outcome.source}: skipped, {outcome.reason}: {outcome.target}"
    # The status is `done`: other outcomes were formatted above, or have a code.
    assert outcome.size is not None and outcome.result_size is not None
    (width, height), (new_width, new_height) = outcome.size, outcome.result_size
    parts = [f"{width}x{height} -> {new_width}x{new_height} {outcome.target}"]
    if outcome.frames != 1:
        parts.append(f"{outcome.frames} frames")
    if new_width < width:
        parts.append("smaller than the input")
    parts.append(f"upscaled in {outcome.seconds:.2f} s")  # reading and writing are not counted
    parts += outcome.warnings
    if outcome.faces is not None:
        parts.append(count_faces(outcome.faces))
    return f"{outcome.source}: " + "; ".join(parts)


def summary_line(
    counts: Counter[Status], skipped_files: SkippedFiles, *, earlier_results: int = 0
) -> str:
    """Return the line with the counts of a run, and of the files that are not inputs.

    Args:
        counts: number of inputs by status.
        skipped_files: files that the walk over the folders skipped.
        earlier_results: number of results of earlier runs that the plan recognised, besides those
            that the walk recognised (`skipped_files.results`).
    """
    text = f"{counts['done']} done, {counts['skipped']} skipped, {counts['failed']} failed"
    if counts["not_tried"]:
        text += f", {counts['not_tried']} not finished (the same command starts them again)"
    others = skipped_files.others
    kinds = f" ({kinds_text(others)})" if others else ""
    # With -r all folders are entered, except those that are links back to a parent.
    hint = "" if skipped_files.is_recursive else " (-r enters them)"
    result_count = earlier_results + skipped_files.results
    for count, singular, plural, treatment in (
        (others.total(), "other file", "other files", f"ignored{kinds}"),
        (result_count, "earlier result", "earlier results", "ignored"),
        (skipped_files.folders, "folder inside", "folders inside", f"not entered{hint}"),
        (skipped_files.hidden_folders, "hidden folder", "hidden folders", "not entered"),
        (skipped_files.links, "link to a folder", "links to folders", "not followed"),
    ):
        if count:
            text += f"; {count} {singular if count == 1 else plural} {treatment}"
    return text
