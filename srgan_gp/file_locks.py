"""Locks on open files, which the system releases when their process ends, however it ends."""

import os
import sys
from typing import IO, Any


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
