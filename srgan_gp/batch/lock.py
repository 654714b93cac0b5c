"""One run at a time in an output folder."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from srgan_gp.batch.journal import JOURNAL_FOLDER
from srgan_gp.errors import LockedError, OutputError, UsageError
from srgan_gp.file_locks import try_lock


@contextmanager
def locked(folder: Path) -> Generator[None, None, None]:
    """Keep other runs out of an output folder; the system lets them in when this process ends.

    Our own folder inside is made where it is missing. When the block finds that the command makes
    no sense, one made here goes again.

    Args:
        folder: the output folder, which exists.

    Raises:
        LockedError: another run is at work there.
        OutputError: the lock cannot be made.
    """
    ours = folder / JOURNAL_FOLDER
    is_new = not ours.exists()
    with _open(ours / "lock") as file:
        if not _try_lock(file, folder) or not _is_still_there(file, ours / "lock"):
            raise LockedError(
                f"Another run{_named(file)} is writing to {folder}; "
                "wait until it has ended, or choose another folder."
            )
        with suppress(OSError):  # A full disk keeps nobody from locking.
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        try:
            yield
        except UsageError:
            if is_new:
                shutil.rmtree(ours, ignore_errors=True)
            raise


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
