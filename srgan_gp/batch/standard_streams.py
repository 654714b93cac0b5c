"""`upscale - -o -`: an image from standard input, and its result to standard output.

A run reads and writes files, so temporary files take the place of the two streams.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from srgan_gp.batch.plan_runner import Outcome
from srgan_gp.errors import OutputError, PictureError, UsageError
from srgan_gp.images.file_types import HEAD_BYTES, detect_container
from srgan_gp.system.files import atomic_write

STREAM = "-"
"""Argument that stands for standard input or standard output."""
INPUT_NAME = "standard input"
"""Name of standard input in messages."""
MAX_INPUT_BYTES = 4 << 30
"""Longest standard input, 4 GiB. An image of 100 megapixels, the default of `--max-pixels`, has
0.8 GB as uncompressed RGBA of 16 bits."""
_BLOCK_BYTES = 1 << 20
"""Bytes that are copied from standard input at once, 1 MiB; they are held in memory."""


@dataclass(frozen=True)
class Streams:
    """Arguments of a run, with paths in a temporary folder in place of `-`."""

    inputs: Sequence[str]
    output: str | None
    """Value of -o as the user passed it; for `-` a temporary folder. The file in that folder is
    copied to standard output at the end."""
    folder: str
    """The temporary folder with a separator at its end, to be removed from messages."""


@contextmanager
def temporary_files(inputs: Sequence[str], output: str | None) -> Generator[Streams]:
    """Replace `-` by temporary files; at the end of the block, copy the result to standard output.

    Args:
        inputs: the inputs as the user passed them; `-` is standard input.
        output: the value of -o; `-` is standard output, None: there is no -o. At least one input or
            `output` is `-`.

    Yields:
        The arguments of the run.

    Raises:
        UsageError: there are several inputs, there is no output, or a stream is a terminal.
        PictureError: standard input is no image, or longer than `MAX_INPUT_BYTES`.
        OutputError: a temporary file or standard output cannot be written.
    """
    _check_arguments(inputs, output)
    with tempfile.TemporaryDirectory(prefix="srgan-gp-") as folder:
        # `join` with an empty name adds a separator, which marks the path as that of a folder.
        streams = Streams(inputs, output, os.path.join(folder, ""))  # noqa: PTH118
        if STREAM in inputs:
            streams = replace(streams, inputs=[str(_save_input(Path(folder)))])
        results = Path(folder, "stdout")
        if output == STREAM:
            results.mkdir()
            streams = replace(streams, output=os.path.join(results, ""))  # noqa: PTH118
        yield streams
        if output == STREAM:
            for result in results.iterdir():  # one file; none if the image failed
                _copy_to_output(result)


def with_stream_names(outcome: Outcome, folder: str) -> Outcome:
    """Return an outcome in which "standard input" and "standard output" replace temporary files.

    The path of their folder is removed from the texts.

    Args:
        outcome: outcome of the image.
        folder: `Streams.folder`.
    """
    source, target = outcome.source, outcome.target
    if os.fspath(source).startswith(folder):
        source = Path(INPUT_NAME)
    if target is not None and os.fspath(target).startswith(folder):
        target = Path("standard output")
    return replace(
        outcome,
        source=source,
        target=target,
        message=outcome.message and outcome.message.replace(folder, ""),
        warnings=tuple(warning.replace(folder, "") for warning in outcome.warnings),
    )


def _check_arguments(inputs: Sequence[str], output: str | None) -> None:
    """Raise a UsageError if a stream cannot be read or written with these arguments."""
    if STREAM in inputs and output is None:
        raise UsageError("Standard input has no name: pass -o FILE, or -o - for standard output.")
    if len(inputs) > 1:
        raise UsageError("Standard input and output take one image; pass a single input.")
    if STREAM in inputs and sys.stdin.isatty():
        raise UsageError("Standard input is a terminal; send an image: cat a.jpg | srgan-gp ...")
    if output == STREAM and sys.stdout.isatty():
        raise UsageError("Standard output is a terminal; send it to a file: srgan-gp ... > b.jpg")


def _save_input(folder: Path) -> Path:
    """Copy standard input to a file with the suffix of its format, and return the path."""
    source: BinaryIO = sys.stdin.buffer
    head = source.read(HEAD_BYTES)
    path = folder / f"stdin{detect_container(head).suffixes[0]}"
    try:
        with atomic_write(path) as file:
            file.write(head)
            while block := source.read(_BLOCK_BYTES):
                file.write(block)
                if file.tell() > MAX_INPUT_BYTES:
                    raise PictureError("E_TOO_LARGE", "standard input has more than 4 GiB")
    except OSError as error:
        raise OutputError(
            f"Standard input cannot be stored in {folder.parent} ({error.strerror}); free some "
            "space, or name another folder in TMPDIR."
        ) from error
    return path


def _copy_to_output(path: Path) -> None:
    """Write the bytes of a file to standard output."""
    try:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # The reader has ended; `srgan_gp.cli` has an exit code for that.
        raise
    except OSError as error:
        raise OutputError(f"Standard output cannot be written: {error.strerror}.") from error
