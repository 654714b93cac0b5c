"""Atomic file writes: a file under its final name is always complete.

The bytes are first written to a hidden file `.NAME.TOKEN.part` in the same folder, which is then
renamed. `atomic_write` does both steps. `write_staged` stops before the rename, so that a journal
entry can be written first; `commit` renames. A process keeps a lock on each of its hidden files.
`remove_abandoned_files` removes the hidden files without a lock, which crashed processes left.
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
from srgan_gp.system.file_locks import try_lock
from srgan_gp.system.write_errors import convert_write_errors

Result = TypeVar("Result")

_KEPT_NAME_LENGTH = 40
"""Number of characters of the final name that the hidden name contains.

With fewer a user might not recognise the file. More than 60 could exceed the 255 bytes that common
file systems allow: a character has up to 4 bytes in UTF-8, and the rest of the name has 15."""
_PARTIAL_NAME = re.compile(r"\..*\.[0-9a-f]{8}\.part", re.DOTALL)  # a name may have line breaks

_unfinished: dict[Path, int | None] = {}
"""Hidden files of this process, each with the descriptor that holds its lock; None: no lock."""


@dataclass(frozen=True)
class Staged:
    """A complete file on disk under a hidden name, to be passed to `commit` or `remove_staged`."""

    partial: Path
    """The hidden name."""
    target: Path
    """The final name."""
    size: int
    """In bytes."""
    sha256: str
    """64 hexadecimal digits."""


@contextmanager
def atomic_write(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a file for a `with` block; it is written completely or not at all.

    At the end of the block the bytes are flushed to disk and the file is renamed to its final name.
    If the block raises, the hidden file is removed and an existing file under the final name is
    unchanged. The permissions of a replaced file are kept; symbolic links are followed.

    Args:
        path: the final name; its folder must exist.

    Yields:
        A binary file, open for writing and reading.

    Raises:
        OutputError: the file cannot be written, or the block raises an OSError.
    """
    with _open_partial(path) as (partial, file):
        yield file
    _take_final_name(partial, path)


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, completely or not at all; errors as in `atomic_write`."""
    with atomic_write(path) as file:
        file.write(data)


def write_staged(path: Path, write: Callable[[BinaryIO], Result]) -> tuple[Staged, Result]:
    """Write a complete file to disk under a hidden name, without renaming it.

    Args:
        path: the final name; its folder must exist. An existing file is unchanged.
        write: writes the bytes to the open file.

    Returns:
        The staged file, for `commit`, and the return value of `write`. If the staged file is sent
        to another process, which commits it, this process must call `release_staged` afterwards.

    Raises:
        OutputError: as in `atomic_write`.
    """
    with _open_partial(path) as (partial, file):
        result = write(file)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        # The cast: `file_digest` needs `readinto`. The file has it, the type `BinaryIO` does not.
        sha256 = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    return Staged(partial, path, size, sha256), result


def commit(staged: Staged) -> None:
    """Rename a staged file to its final name, and flush the folder to disk.

    The permissions of a replaced file are kept; symbolic links are followed.

    Raises:
        OutputError: the rename failed. The staged file is removed, the old file is unchanged.
    """
    _take_final_name(staged.partial, staged.target)


def remove_staged(staged: Staged) -> None:
    """Remove a staged file that is not wanted; errors are ignored."""
    _remove(staged.partial)


def release_staged(staged: Staged) -> None:
    """Release the lock on a staged file that another process commits, and forget the file.

    The other process may have renamed the file already. Afterwards `remove_unfinished_files` of
    this process does not remove the file.
    """
    _release_lock(staged.partial)


def remove_unfinished_files() -> None:
    """Remove every hidden file of this process, including those that threads are writing."""
    for partial in list(_unfinished):
        _remove(partial)


def remove_abandoned_files(folder: Path) -> int:
    """Remove the hidden files that crashed runs left in a folder; return their number.

    Files that are locked by a running process are kept. Errors are ignored.
    """
    count = 0
    with suppress(OSError):
        for entry in os.scandir(folder):
            if _PARTIAL_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                count += _remove_if_abandoned(Path(entry.path))
    return count


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _open_partial(path: Path) -> Generator[tuple[Path, BinaryIO], None, None]:
    """Open a hidden file for a `with` block: at its end the file is flushed to disk and closed.

    If the block raises, the file is removed.

    Args:
        path: the final name. If it is a symbolic link, the hidden file is in the folder of the file
            that the link leads to.

    Yields:
        The path of the hidden file, and the open file.
    """
    with convert_write_errors(path):
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            # A device or a pipe must not be replaced by a file.
            raise OutputError(f"cannot write {path}: it is not a regular file; choose another name")
        name = f".{target.name[:_KEPT_NAME_LENGTH]}.{secrets.token_hex(4)}.part"
        partial = target.with_name(name)
        with partial.open("x+b") as file:
            try:
                _unfinished[partial] = None
                is_locked = False
                with suppress(OSError):  # The file system may have no locks.
                    is_locked = try_lock(file)
                # A second descriptor keeps the lock after the file is closed. On Windows the lock
                # ends then, since an open file cannot be renamed or removed there.
                if is_locked and os.name != "nt":
                    _unfinished[partial] = os.dup(file.fileno())
                yield partial, file
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    file.close()  # Windows cannot remove an open file.
                _remove(partial)
                raise


def _take_final_name(partial: Path, path: Path) -> None:
    """Rename a hidden file to its final name; if the rename fails, remove the hidden file."""
    target = Path(os.path.realpath(path))
    with convert_write_errors(path):
        try:
            # Keep the permissions of the file that is replaced. An OSError means that no file is
            # replaced, or that the file system has no permissions.
            with suppress(OSError):
                partial.chmod(target.stat().st_mode & 0o777)
            partial.replace(target)
        except BaseException:
            _remove(partial)
            raise
    _release_lock(partial)
    _flush_folder(target.parent)


def _remove_if_abandoned(partial: Path) -> bool:
    """Remove a hidden file unless a process holds its lock; return whether it was removed.

    False also if it cannot be opened or removed.
    """
    try:
        with partial.open("rb") as file:
            is_abandoned = try_lock(file)
        if is_abandoned:
            partial.unlink()
    except OSError:
        return False
    return is_abandoned


def _remove(partial: Path) -> None:
    """Remove a hidden file of this process, and release its lock; errors are ignored."""
    with suppress(OSError):
        partial.unlink(missing_ok=True)
    _release_lock(partial)


def _release_lock(partial: Path) -> None:
    """Close the descriptor that holds the lock of a hidden file, and forget the file."""
    descriptor = _unfinished.pop(partial, None)
    if descriptor is not None:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    """Flush a rename to disk; Windows does not support it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
