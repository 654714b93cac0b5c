"""Lock of an output folder: one run at a time."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.batch.results.journal import JOURNAL_FOLDER
from srgan_gp.errors import UsageError
from srgan_gp.system import file_locks


@contextmanager
def locked(folder: Path) -> Generator[None, None, None]:
    """Lock an output folder against other runs; the system unlocks it when this process ends.

    The folder of the journal inside is created where it is missing. When the block raises a
    `UsageError`, a folder created here is removed again.

    Args:
        folder: the output folder, which exists.

    Raises:
        LockedError: another run holds the lock.
        OutputError: the lock cannot be created.
    """
    journal_folder = folder / JOURNAL_FOLDER
    is_created = not journal_folder.exists()
    with file_locks.locked(journal_folder / "lock", folder):
        try:
            yield
        except UsageError:
            if is_created:
                shutil.rmtree(journal_folder, ignore_errors=True)
            raise
