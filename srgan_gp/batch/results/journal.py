"""Journal of an output folder: hashes of input, options and result, so that runs resume.

A row is written before its result gets the final name. An image is done when a row has the hash of
its bytes and the work key, and the file of the result has the size and hash of the row. So a run
that was killed at any moment resumes, and a result that was damaged or replaced is made again.
"""

import errno
import os
import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path

from srgan_gp.batch.results.work import Change, Work, describe_change
from srgan_gp.errors import OutputError
from srgan_gp.system.files import Staged, hash_file
from srgan_gp.system.paths import is_file

JOURNAL_FOLDER = ".srgan-gp"
"""Folder of the journal and the lock inside an output folder."""
JOURNAL_FILE = Path(JOURNAL_FOLDER, "journal.sqlite")
"""The journal inside an output folder."""
_APPLICATION_ID = 0x53524750  # "SRGP"
_VERSION = 1
_ROWS_AT_ONCE = 500  # read from the table
_SCHEMA = f"""
BEGIN;
CREATE TABLE results (
  target BLOB PRIMARY KEY,     -- relative to the output folder, bytes of the file system
  source BLOB NOT NULL,        -- absolute, without links
  input_sha256 TEXT NOT NULL,
  work TEXT NOT NULL,
  size INTEGER NOT NULL,       -- bytes of the result
  sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX results_by_source ON results (source);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
# Without a new version, so that earlier versions of this package can still use the journal.
_WORKS = """
CREATE TABLE IF NOT EXISTS works (
  key TEXT PRIMARY KEY,        -- results.work
  model TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  options TEXT NOT NULL        -- JSON
) WITHOUT ROWID
"""


class JournalError(OutputError):
    """The journal of a folder cannot be read or written, so no result can be recorded."""


@dataclass(eq=False)
class Journal(AbstractContextManager["Journal"]):
    """The journal of an output folder; thread-safe. Every method may raise `JournalError`."""

    folder: Path
    """The output folder."""
    path: Path
    """The file of the journal."""
    work: Work | None
    """Model and options of this run, which are recorded with its results."""
    _connection: sqlite3.Connection
    recorded: int = field(default=0, init=False)
    """Number of results that this run has recorded."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def open(cls, folder: Path, work: Work | None = None) -> "Journal":
        """Open the journal of an output folder, or create one.

        Args:
            folder: the output folder, which exists.
            work: model and options of this run.

        Raises:
            OutputError: it cannot be written, is damaged or of a newer version. It stays as it is.
        """
        path = folder / JOURNAL_FILE
        with _plain_errors(path):
            path.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(folder, path, work, connection)

    @classmethod
    def open_existing(cls, folder: Path, work: Work | None = None) -> "Journal | None":
        """Open the journal of a folder if there is one; a dry run creates none."""
        return cls.open(folder, work) if is_file(folder / JOURNAL_FILE) else None

    def close(self, *_: object) -> None:
        """Close the file."""
        self._connection.close()

    __exit__ = close

    def done(
        self, source: Path, target: Path, work: str, *, fallback: Path | None = None
    ) -> Path | None:
        """Find the complete result of an image, made with these options from its current bytes.

        The files are hashed only when a row has the source or one of the targets.

        Args:
            source: the image.
            target: path of its result.
            work: result of `work.work_key`.
            fallback: other path of its result.

        Returns:
            Path of the result, which may differ from `target`; None: there is none.
        """
        targets = [target] if fallback is None else [target, fallback]
        relative = [os.fsencode(os.path.relpath(path, self.folder)) for path in targets]
        with self._lock, _plain_errors(self.path):
            candidates = self._connection.execute(
                "SELECT target, input_sha256, size, sha256 FROM results "
                f"WHERE work = ? AND (source = ? OR target IN ({', '.join('?' * len(relative))})) "
                "ORDER BY target",
                (work, os.fsencode(os.path.realpath(source)), *relative),
            ).fetchall()
        input_sha256 = None
        for found, wanted_input, size, sha256 in candidates:
            result = self.folder / os.fsdecode(found)
            with suppress(OSError):
                if not is_file(result) or result.stat().st_size != size or not is_file(source):
                    continue
                input_sha256 = input_sha256 or hash_file(source)
                if input_sha256 == wanted_input and hash_file(result) == sha256:
                    return result
        return None

    def record(self, source: Path, staged: Staged, input_sha256: str, work: str) -> None:
        """Record a result before it gets its name; the row is on the disk when this returns.

        Args:
            source: the image.
            staged: result of the image, not committed yet.
            input_sha256: SHA-256 of the bytes that were read from `source`.
            work: result of `work.work_key`.

        Raises:
            JournalError: the journal cannot be written, or was removed.
        """
        row = (
            os.fsencode(os.path.relpath(staged.target, self.folder)),
            os.fsencode(os.path.realpath(source)),
            input_sha256,
            work,
            staged.size,
            staged.sha256,
        )
        with self._lock, _plain_errors(self.path):
            if not is_file(self.path):  # SQLite would write to the unlinked file.
                raise FileNotFoundError(errno.ENOENT, "it was removed during the run")
            with self._connection as connection:  # one transaction
                connection.execute("BEGIN")
                if self.work is not None:
                    values = astuple(self.work)
                    connection.execute("INSERT OR IGNORE INTO works VALUES (?, ?, ?, ?)", values)
                connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)", row)
            self.recorded += 1

    def change(self, target: Path) -> Change:
        """Return how an existing file differs from the result that this run would write."""
        relative = os.fsencode(os.path.relpath(target, self.folder))
        with self._lock, _plain_errors(self.path):
            row = self._connection.execute(
                "SELECT work, model, model_sha256, options FROM results LEFT JOIN works ON key = "
                "work WHERE target = ?", (relative,),
            ).fetchone()  # fmt: skip
        if row is None:
            return describe_change(key=None, made=None, now=self.work)
        made = None if row[1] is None else Work(*row)  # the columns are its fields, in this order
        return describe_change(row[0], made, self.work)

    def results(self) -> Iterator[tuple[Path, Path]]:
        """Yield source and target of every row, in the order of targets.

        Both are without links, apart from links added inside the output folder since.
        """
        last, real_folder = b"", os.path.realpath(self.folder)
        while True:
            with self._lock, _plain_errors(self.path):
                page = self._connection.execute(
                    "SELECT source, target FROM results WHERE target > ? ORDER BY target LIMIT ?",
                    (last, _ROWS_AT_ONCE),
                ).fetchall()
            if not page:
                return
            for source, target in page:
                yield Path(os.fsdecode(source)), Path(real_folder, os.fsdecode(target))
            last = page[-1][1]


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Configure a connection, check the file, and create the table in an empty one."""
    connection.execute("PRAGMA busy_timeout = 5000")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if objects and application != _APPLICATION_ID:
        raise OutputError(f"{path} is not a journal of srgan-gp; move it away, then run again.")
    if version > _VERSION:
        raise OutputError(
            f"The journal {path} was written by a newer srgan-gp; "
            "update srgan-gp, or choose another output folder."
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if not objects:
        connection.executescript(_SCHEMA)
    connection.execute(_WORKS)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


@contextmanager
def _plain_errors(path: Path) -> Generator[None, None, None]:
    """Translate errors of SQLite and of the system.

    Raises:
        JournalError: in place of any of them.
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
