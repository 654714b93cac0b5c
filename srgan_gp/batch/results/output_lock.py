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
    with file_locks.locked(ours / "lock", folder):
        try:
            yield
        except UsageError:
            if is_new:
                shutil.rmtree(ours, ignore_errors=True)
            raise
