"""Locks on open files, which the system releases when their process ends."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO, Any

from srgan_gp.errors import LockedError, OutputError


@contextmanager
def locked(path: Path, folder: Path) -> Generator[None, None, None]:
    """Keep other runs out of a folder; the system lets them in when this process ends.

    Args:
        path: the lock, made with its folder where it is missing; it stays.
        folder: what it stands for, to name it.

    Raises:
        LockedError: another run is at work there.
        OutputError: the lock cannot be made.
    """
    with _open(path) as file:
        if not _try_lock(file, folder) or not _is_still_there(file, path):
            raise LockedError(
                f"Another run{_named(file)} is writing to {folder}; "
                "wait until it has ended, or choose another folder."
            )
        with suppress(OSError):  # A full disk keeps nobody from locking.
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file against all other processes; False: one of them has it.

    The lock lasts until the file, and every copy of its descriptor, is closed.

    Raises:
        OSError: the file system knows no locks.
    """
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):  # Linux and macOS, Windows
        return False
    return True


if sys.platform == "win32":
    import msvcrt

    _FAR_BEYOND = 1 << 40  # a locked byte cannot be read, so it is one that no file has

    def _lock(file: IO[Any]) -> None:
        position = file.tell()
        file.seek(_FAR_BEYOND)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(position)

    def keep_locked(file: IO[Any]) -> int | None:
        """Give None: an open file can be neither renamed nor removed here."""
        return None

else:
    import fcntl

    def _lock(file: IO[Any]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def keep_locked(file: IO[Any]) -> int | None:
        """Copy the descriptor of a locked file: the lock lasts until the copy is closed."""
        return os.dup(file.fileno())


def _open(path: Path) -> FileIO:
    try:
        path.parent.mkdir(exist_ok=True)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"The lock {path} cannot be made: {reason}.") from error


def _try_lock(file: FileIO, folder: Path) -> bool:
    try:
        return try_lock(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"The folder {folder} cannot be locked ({reason}); choose one on another disk."
        ) from error


def _is_still_there(file: FileIO, path: Path) -> bool:
    """Say whether a lock that was got late is no file that its last holder has removed."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _named(file: FileIO) -> str:
    """Name the process that holds a lock, where it has said its number."""
    number = file.read(20).decode("ascii", "replace")
    return f" (process {number})" if number.isdecimal() else ""
