"""File and folder locks, which the operating system releases when the process ends."""

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
    """Hold an exclusive lock that stands for a folder.

    The lock is released at the end of the block, or when the process ends.

    Args:
        path: the lock file. It is created if missing, with its parent folder, and is not removed.
        folder: the folder that is locked; used in messages only.

    Raises:
        LockedError: another process holds the lock.
        OutputError: the lock file cannot be created or locked.
    """
    with _open(path) as file:
        if not _try_lock(file, folder) or not _is_same_file(file, path):
            raise LockedError(
                f"Another run{_holder(file)} is writing to {folder}. "
                "Wait until it has ended, or choose another folder."
            )
        with suppress(OSError):  # The process number is only for messages.
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield


def try_lock(file: IO[Any]) -> bool:
    """Try to lock an open file exclusively; return False if another process holds the lock.

    The lock lasts until the file and every duplicate of its descriptor are closed.

    Raises:
        OSError: the file system does not support locks.
    """
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):  # Linux and macOS, Windows
        return False
    return True


if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = (
        1 << 40
    )  # a locked byte cannot be read, so one beyond the end of any file is used

    def _lock(file: IO[Any]) -> None:
        position = file.tell()
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(position)

    def keep_locked(file: IO[Any]) -> int | None:
        """Return None: Windows can neither rename nor remove an open file."""
        return None

else:
    import fcntl

    def _lock(file: IO[Any]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def keep_locked(file: IO[Any]) -> int | None:
        """Duplicate the descriptor of a locked file, which keeps the lock until it is closed."""
        return os.dup(file.fileno())


def _open(path: Path) -> FileIO:
    try:
        path.parent.mkdir(exist_ok=True)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"The lock file {path} cannot be created: {reason}.") from error


def _try_lock(file: FileIO, folder: Path) -> bool:
    try:
        return try_lock(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"The folder {folder} cannot be locked ({reason}). Choose one on another disk."
        ) from error


def _is_same_file(file: FileIO, path: Path) -> bool:
    """Check that the previous holder has not removed or replaced the lock file."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _holder(file: FileIO) -> str:
    """Return the process number in the lock file as text for a message; "" if there is none."""
    number = file.read(20).decode("ascii", "replace")
    return f" (process {number})" if number.isdecimal() else ""
