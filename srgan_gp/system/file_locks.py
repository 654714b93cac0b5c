"""File and folder locks, which the operating system releases when the process ends.

The package filelock is not used, because it opens its files itself: it cannot lock a file that is
open already, as `system.files` needs.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO, Any

from srgan_gp.errors import LockedError, OutputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def locked(path: Path, folder: Path) -> Generator[None, None, None]:
    """Hold an exclusive lock on a folder during a `with` block.

    The operating system locks the file `path`, which stands for the folder. The lock is released at
    the end of the block, or when the process ends.

    Args:
        path: the lock file, in or near the folder. It is created if it is missing, with its parent
            folder. It is not removed here; the caller may remove it inside the block.
        folder: the folder; used in messages only.

    Raises:
        LockedError: another process holds the lock, or has just removed the file.
        OutputError: the lock file cannot be created or locked.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"The lock file {path} cannot be created: {reason}.") from error
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        try:
            is_locked = try_lock(file)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"The folder {folder} cannot be locked ({reason}). Choose one on another disk."
            ) from error
        # Between `open` and `try_lock` the previous holder may have removed the file. Then this
        # lock has no effect: other processes would lock a new file of the same name.
        is_same_file = False
        with suppress(OSError):  # An OSError: the file was removed and not created again.
            is_same_file = os.path.samestat(os.fstat(file.fileno()), path.stat())
        if not is_locked or not is_same_file:
            raise LockedError(
                f"Another run{_holder(file)} is writing to {folder}. "
                "Wait until it has ended, or choose another folder."
            )
        with suppress(OSError):  # The process number is used in messages of other processes only.
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
        if sys.platform == "win32":
            _lock_byte(file)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # on Linux and macOS; on Windows
        return False
    return True


if sys.platform == "win32":
    # Offset in bytes of the byte that is locked. Windows locks bytes and not files, and other
    # processes cannot read a locked byte. So a byte beyond the end of any file is locked: 1 TiB.
    _LOCKED_BYTE = 1 << 40

    def _lock_byte(file: IO[Any]) -> None:
        """Lock the byte at `_LOCKED_BYTE`; raise a PermissionError if another process holds it."""
        position = file.tell()
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(position)


def _holder(file: FileIO) -> str:
    """Return the process that holds the lock, such as ` (process 1234)`; "" if it is unknown."""
    # `locked` wrote the number of the process, which has fewer than 20 digits.
    number = file.read(20).decode("ascii", "replace")
    return f" (process {number})" if number.isdecimal() else ""
