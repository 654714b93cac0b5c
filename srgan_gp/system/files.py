"""Atomic writes of files: a file under its final name is always whole.

Bytes go to a hidden `.NAME.TOKEN.part` in the folder of the final name first. `atomic_write` does
both steps; `write_staged` stops before the last one, so that a journal can be written in between.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from srgan_gp.errors import OutputError
from srgan_gp.system.file_locks import keep_locked, try_lock
from srgan_gp.system.write_errors import errors_about

Result = TypeVar("Result")

_KEPT_NAME_LENGTH = 40  # 40 characters of 4 bytes, a token and two dots stay below 255 bytes
_PARTIAL_NAME = re.compile(r"\..*\.[0-9a-f]{8}\.part", re.DOTALL)

_unfinished: dict[Path, int | None] = {}
"""Hidden files of this process, each with a descriptor that keeps it locked."""


@dataclass(frozen=True)
class Staged:
    """A whole file, safe on the disk, that waits under a hidden name; `commit` or `drop` it."""

    partial: Path
    target: Path
    size: int
    """In bytes."""
    sha256: str


@contextmanager
def atomic_write(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a file to be written in full, or not at all.

    When the block ends the bytes are flushed to the disk and the file takes its final name in one
    step. When the block raises, the hidden file is removed and whatever was under the final name
    is untouched. A symbolic link is followed.

    Args:
        path: the final name; its folder must exist.

    Yields:
        A binary file, open for writing and reading.

    Raises:
        OutputError: the file cannot be written; any OSError raised inside the block counts as that.
    """
    with errors_about(path):
        partial = _partial_beside(path)
        with _open_partial(partial) as file:
            yield file
    _take_final_name(partial, path)


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, in full or not at all; errors as in `atomic_write`."""
    with atomic_write(path) as file:
        file.write(data)


def write_staged(path: Path, write: Callable[[BinaryIO], Result]) -> tuple[Staged, Result]:
    """Write a file up to its last step: it is whole and on the disk, under a hidden name.

    Args:
        path: the final name; its folder must exist. What is there stays as it is.
        write: puts the bytes into the open file.

    Returns:
        What `commit` needs, and what `write` returned. Where another process is to commit it, call
        `release` before this one ends or goes on.

    Raises:
        OutputError: as in `atomic_write`.
    """
    with errors_about(path):
        partial = _partial_beside(path)
        with _open_partial(partial) as file:
            result = write(file)
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            sha256 = _hash(file)
    return Staged(partial, path, size, sha256), result


def commit(staged: Staged) -> None:
    """Give a staged file its final name, in one step that survives a power cut.

    The file that it replaces hands down its permissions; a symbolic link is followed.

    Raises:
        OutputError: it cannot be done; the staged file is gone then, the old one is not.
    """
    _take_final_name(staged.partial, staged.target)


def drop(staged: Staged) -> None:
    """Remove a staged file that nobody wants."""
    _remove(staged.partial)


def release(staged: Staged) -> None:
    """Leave a staged file to the process that will commit it."""
    _forget(staged.partial)


def drop_unfinished() -> None:
    """Remove every hidden file of this process, also those that a thread still writes."""
    for partial in list(_unfinished):
        _remove(partial)


def sweep(folder: Path) -> int:
    """Remove the hidden files that ended runs left in a folder, and say how many.

    One that a living process writes, or has staged and not released, stays: it is locked.
    """
    count = 0
    with suppress(OSError):
        for entry in os.scandir(folder):
            if _PARTIAL_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                count += _remove_if_left(Path(entry.path))
    return count


def hash_file(path: Path) -> str:
    """Hash the content of a file: SHA-256, 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _hash(file)


def _partial_beside(path: Path) -> Path:
    """Choose the hidden name, in the folder that the file really is in."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        # Replacing a device or a pipe by a file would be a surprise.
        raise OutputError(f"cannot write {path}: it exists and is not a regular file")
    return target.with_name(f".{target.name[:_KEPT_NAME_LENGTH]}.{secrets.token_hex(4)}.part")


@contextmanager
def _open_partial(partial: Path) -> Generator[BinaryIO, None, None]:
    """Open a hidden file; afterwards it is on the disk, or gone."""
    with partial.open("x+b") as file:
        try:
            _unfinished[partial] = keep_locked(file) if _is_locked(file) else None
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.close()  # Windows cannot remove an open file.
            _remove(partial)
            raise


def _take_final_name(partial: Path, path: Path) -> None:
    target = Path(os.path.realpath(path))
    with errors_about(path):
        try:
            _copy_permissions(target, partial)
            partial.replace(target)
        except BaseException:
            _remove(partial)
            raise
    _forget(partial)
    _flush_folder(target.parent)


def _remove_if_left(partial: Path) -> bool:
    """Remove a hidden file unless a living process has it locked."""
    try:
        with partial.open("rb") as file:
            is_left = try_lock(file)
        if is_left:
            partial.unlink()
    except OSError:
        return False
    return is_left


def _remove(partial: Path) -> None:
    with suppress(OSError):
        partial.unlink(missing_ok=True)
    _forget(partial)


def _forget(partial: Path) -> None:
    descriptor = _unfinished.pop(partial, None)
    if descriptor is not None:
        os.close(descriptor)


def _is_locked(file: BinaryIO) -> bool:
    """Lock a hidden file where that is possible; where it is not, `sweep` removes nothing."""
    with suppress(OSError):
        return try_lock(file)
    return False


def _hash(file: BinaryIO) -> str:
    return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()


def _copy_permissions(target: Path, partial: Path) -> None:
    """Give the new file the permissions of the file it replaces."""
    with suppress(OSError):
        partial.chmod(target.stat().st_mode & 0o777)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can (Windows cannot)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
