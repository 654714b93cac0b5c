"""Journal of an output folder: hashes of input, options and result, so that runs resume.

A row is a promise made before the result gets its name. A picture is done when a row fits its
bytes and the work, and the result's file has the row's size and hash. So a run that was killed
anywhere goes on where it was, and a result that was damaged or replaced is made anew.
"""

import errno
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from srgan_gp.errors import OutputError
from srgan_gp.system.files import Staged, hash_file
from srgan_gp.system.paths import is_file

JOURNAL_FOLDER = ".srgan-gp"
"""The folder of our own files inside an output folder."""

_APPLICATION_ID = 0x53524750  # "SRGP"
_VERSION = 1
_ROWS_AT_ONCE = 500
_SCHEMA = f"""
BEGIN;
CREATE TABLE results (
  target BLOB PRIMARY KEY,     -- below the output folder, as the file system's bytes
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


def work_key(model_sha256: str, **options: object) -> str:
    """Reduce everything that decides a result, apart from the input, to one text.

    Args:
        model_sha256: of the model that runs.
        options: scale, format, quality and the like; numbers, texts, booleans, None.

    >>> work_key("ab", scale=4, quality=None) == work_key("ab", quality=None, scale=4.0)
    True
    """
    values = {
        name: float(value) if type(value) is int else value for name, value in options.items()
    }
    text = json.dumps([model_sha256, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class JournalError(OutputError):
    """The journal of a folder cannot be used: no result can be promised any more."""


class Journal:
    """The journal of an output folder; safe to use from several threads."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self._folder = folder
        self._real_folder = os.path.realpath(folder)
        self._path = _path_in(folder)
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> "Journal":
        """Open the journal of an output folder, or begin one.

        Args:
            folder: the output folder, which exists.

        Raises:
            OutputError: it cannot be written, is damaged, or of a newer version; it is left as is.
        """
        path = _path_in(folder)
        with _plain_errors(path):
            path.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(folder, connection)

    @classmethod
    def open_existing(cls, folder: Path) -> "Journal | None":
        """Open the journal of a folder as `open` does, where there is one: a dry run makes none."""
        return cls.open(folder) if is_file(_path_in(folder)) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def done(
        self, source: Path, target: Path, work: str, *, fallback: Path | None = None
    ) -> Path | None:
        """Find the whole result of a picture, made by this work from the bytes it has now.

        The files are hashed only when a row speaks of the source or of one of the targets.

        Args:
            source: the picture.
            target: where its result would be written.
            work: a `work_key`.
            fallback: where else it may be written.

        Returns:
            The result's path, which may differ from `target`; None: it has to be made.
        """
        candidates = self._candidates(source, [p for p in (target, fallback) if p], work)
        input_sha256 = None
        for relative, wanted_input, size, sha256 in candidates:
            result = self._folder / os.fsdecode(relative)
            with suppress(OSError):
                if not is_file(result) or result.stat().st_size != size or not is_file(source):
                    continue
                input_sha256 = input_sha256 or hash_file(source)
                if input_sha256 == wanted_input and hash_file(result) == sha256:
                    return result
        return None

    def record(self, source: Path, staged: Staged, input_sha256: str, work: str) -> None:
        """Promise a result, before it gets its name; the row is on the disk when this returns.

        Args:
            source: the picture.
            staged: its result, written beside its target.
            input_sha256: of the bytes that were read from `source`.
            work: a `work_key`.

        Raises:
            JournalError: it cannot be written, or somebody has removed it.
        """
        row = (
            self._relative(staged.target),
            os.fsencode(os.path.realpath(source)),
            input_sha256,
            work,
            staged.size,
            staged.sha256,
        )
        with self._locked():
            if not is_file(self._path):  # SQLite would go on with the file that has no name.
                raise FileNotFoundError(errno.ENOENT, "it was removed during the run")
            self._connection.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)", row
            )

    def results(self) -> Iterator[tuple[Path, Path]]:
        """Give source and target of every row, with their real paths, in the order of targets."""
        last = b""
        while True:
            with self._locked():
                page = self._connection.execute(
                    "SELECT source, target FROM results WHERE target > ? ORDER BY target LIMIT ?",
                    (last, _ROWS_AT_ONCE),
                ).fetchall()
            if not page:
                return
            for source, target in page:
                yield Path(os.fsdecode(source)), Path(self._real_folder, os.fsdecode(target))
            last = page[-1][1]

    def _candidates(
        self, source: Path, targets: list[Path], work: str
    ) -> list[tuple[bytes, str, int, str]]:
        marks = ", ".join("?" * len(targets))
        with self._locked():
            return self._connection.execute(
                "SELECT target, input_sha256, size, sha256 FROM results "
                f"WHERE work = ? AND (source = ? OR target IN ({marks})) ORDER BY target",
                (work, os.fsencode(os.path.realpath(source)), *map(self._relative, targets)),
            ).fetchall()

    def _relative(self, target: Path) -> bytes:
        return os.fsencode(os.path.relpath(target, self._folder))

    @contextmanager
    def _locked(self) -> Generator[None, None, None]:
        with self._lock, _plain_errors(self._path):
            yield


def _path_in(folder: Path) -> Path:
    return folder / JOURNAL_FOLDER / "journal.sqlite"


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set a connection up, check what is in the file, and make the table in an empty one."""
    connection.execute("PRAGMA busy_timeout = 5000")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if objects and application != _APPLICATION_ID:
        raise OutputError(f"{path} is no journal of srgan-gp; move it away, then run again.")
    if version > _VERSION:
        raise OutputError(
            f"The journal {path} was written by a newer srgan-gp; "
            "update srgan-gp, or choose another output folder."
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if not objects:
        connection.executescript(_SCHEMA)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


@contextmanager
def _plain_errors(path: Path) -> Generator[None, None, None]:
    """Turn errors of SQLite and of the system into one sentence.

    Raises:
        JournalError: always, for those.
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
            f"{path.parent} away to begin anew: what is there is then met as --exist says."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise JournalError(f"The journal {path} cannot be used: {reason}.") from error
