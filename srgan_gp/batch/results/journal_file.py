"""SQLite file of a journal: its tables, its check, and the messages of its errors.

`journal.Journal` reads and writes the rows.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.errors import OutputError

_APPLICATION_ID = 0x53524750  # "SRGP", identifies SQLite files of this program
_VERSION = 1  # version of the tables; a journal of a higher version is refused
_SCHEMA = f"""
BEGIN;
CREATE TABLE results (
  target BLOB PRIMARY KEY,     -- relative to the output folder, bytes of the file system
  source BLOB NOT NULL,        -- absolute, without links
  input_sha256 TEXT NOT NULL,
  work TEXT NOT NULL,          -- work key: hash of model and options
  size INTEGER NOT NULL,       -- bytes of the result
  sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX results_by_source ON results (source);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
# Model and options of results, one row for each `work.Work`. The table was added without a new
# `_VERSION`, so that earlier versions of this program can still use the journal.
_WORKS_SCHEMA = """
CREATE TABLE IF NOT EXISTS works (
  key TEXT PRIMARY KEY,        -- work key, as in results.work
  model TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  options TEXT NOT NULL        -- JSON
) WITHOUT ROWID
"""


class JournalError(OutputError):
    """The journal of a folder cannot be read or written, so no result can be recorded."""


def prepare_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Configure a connection, check the file, and create the tables if the file is empty.

    Raises:
        OutputError: the file is not a journal, or is of a newer version.
        sqlite3.Error: the file is damaged, or cannot be written.
    """
    # Milliseconds to wait for another connection that is writing. A write takes much less; a longer
    # time would only delay the message about a file that stays locked.
    connection.execute("PRAGMA busy_timeout = 5000")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    # Number of tables and indexes; 0 in a new file.
    (object_count,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if object_count and application != _APPLICATION_ID:
        raise OutputError(f"{path} is not a journal of srgan-gp; move it away, then run again.")
    if version > _VERSION:
        raise OutputError(
            f"The journal {path} was written by a newer srgan-gp; "
            "update srgan-gp, or choose another output folder."
        )
    connection.execute("PRAGMA journal_mode = WAL")  # A commit appends to a log, with one flush.
    connection.execute("PRAGMA synchronous = FULL")  # A committed row is on the disk.
    if not object_count:
        connection.executescript(_SCHEMA)
    connection.execute(_WORKS_SCHEMA)
    # 1: the check ends at the first problem.
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


@contextmanager
def journal_errors(path: Path) -> Generator[None, None, None]:
    """Convert errors of SQLite and of the system in a `with` block to a JournalError.

    Raises:
        JournalError: the block raised such an error; the message says what to do.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalError(
            f"The journal {path} cannot be used ({error}); "
            "check its permissions and the free space, or choose another output folder."
        ) from error
    except sqlite3.DatabaseError as error:
        raise JournalError(
            f"The journal {path} is damaged ({' '.join(str(error).split())}); move the folder "
            f"{path.parent} away to start again: --exist then decides about the existing results."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise JournalError(f"The journal {path} cannot be used: {reason}.") from error
