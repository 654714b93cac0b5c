"""Lock of an output folder, with its journal: only one run at a time writes into a folder.

The journal is a subfolder that records which results are complete, and how they were made.
"""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.batch.results.journal import JOURNAL_FOLDER, Journal
from srgan_gp.batch.results.work import Work
from srgan_gp.system import file_locks


@contextmanager
def locked_journal(
    folder: Path, work: Work | None = None, *, keeps_journal: bool = True
) -> Generator[Journal | None, None, None]:
    """Lock an output folder against other runs, and open its journal, for a `with` block.

    The system releases the lock when this process ends. The folder of the journal is created if it
    is missing, and removed again if no result was recorded.

    Args:
        folder: the output folder, which exists.
        work: model and options of the run, recorded with its results; None: not recorded.
        keeps_journal: whether the folder gets a journal and a lock; False for a run without an
            output folder of its own, such as one that writes next to its input.

    Yields:
        The journal; None if `keeps_journal` is False.

    Raises:
        LockedError: another run holds the lock.
        OutputError: the lock or the journal cannot be created.
    """
    if not keeps_journal:
        yield None
        return
    journal_folder = folder / JOURNAL_FOLDER
    is_to_be_removed = not journal_folder.exists()
    # The first path is the locked file, which is created with its folder. The second one is the
    # folder that an error message names.
    with file_locks.locked(journal_folder / "lock", folder):
        try:
            with Journal.open(folder, work) as journal:
                try:
                    yield journal
                finally:
                    if journal.recorded_count > 0:
                        is_to_be_removed = False
        finally:
            if is_to_be_removed:  # Errors are ignored: an empty journal does no harm.
                shutil.rmtree(journal_folder, ignore_errors=True)
