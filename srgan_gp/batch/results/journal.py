"""Journal of an output folder: hashes of input, options and result, so that runs resume.

The journal is an SQLite file. A row is written before its result gets the final name. An image is
done if a row has the hash of its bytes and the work key (a hash of model and options), and the file
of the result has the size and hash of the row. So a run that was killed at any moment resumes, and
a result that was damaged or replaced is made again.

The target of an image is the planned path of its result. Its fallback is the path of a PNG, which
is written if the format of the target cannot hold the result, such as a JPEG with alpha.
"""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import astuple, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from srgan_gp.batch.naming.kept_formats import keeps_format
from srgan_gp.batch.results.journal_file import journal_errors, prepare_journal
from srgan_gp.batch.results.work import Work, is_same_work, reduce_to_file
from srgan_gp.batch.results.work_changes import Change, describe_change
from srgan_gp.system.files import Staged, hash_file
from srgan_gp.system.paths import is_file

JOURNAL_FOLDER = ".srgan-gp"
"""Folder of the journal and the lock inside an output folder."""
JOURNAL_FILE = Path(JOURNAL_FOLDER, "journal.sqlite")
"""The journal inside an output folder."""
_ROWS_AT_ONCE = 500
"""Rows that `Journal.results` reads at once: more need more memory, fewer need more queries."""


@dataclass(eq=False)
class Journal(AbstractContextManager["Journal"]):
    """The journal of an output folder; thread-safe.

    Every method may raise `JournalError`, which is an `OutputError`.

    `open` and `open_existing` create one.
    """

    folder: Path
    """The output folder."""
    path: Path
    """The file of the journal."""
    work: Work | None
    """Model and options of this run, which are recorded with its results; None: not recorded."""
    _connection: sqlite3.Connection
    recorded_count: int = field(default=0, init=False)
    """Number of results that this run has recorded."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def open(cls, folder: Path, work: Work | None = None) -> "Journal":
        """Open the journal of an output folder, or create one.

        Args:
            folder: the output folder, which exists.
            work: model and options of this run; None: they are not recorded.

        Raises:
            OutputError: the file is no journal, or of a newer version of this program; it is not
                changed.
            JournalError: the file is damaged, or cannot be written.
        """
        path = folder / JOURNAL_FILE
        with journal_errors(path):
            path.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                prepare_journal(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(folder, path, work, connection)

    @classmethod
    def open_existing(cls, folder: Path, work: Work | None = None) -> "Journal | None":
        """Open the journal of a folder if there is one; else return None. For dry runs."""
        return cls.open(folder, work) if is_file(folder / JOURNAL_FILE) else None

    def close(self, *_: object) -> None:
        """Close the file; the arguments of `__exit__`, about an exception, are ignored."""
        self._connection.close()

    __exit__ = close

    def find_finished(
        self,
        source: Path,
        target: Path,
        work_key: str,
        *,
        fallback: Path | None = None,
        only_planned: bool = False,
    ) -> Path | None:
        """Find the complete result that this run's work gives for the current bytes of an image.

        The files are hashed only if a row has the source, the target or the fallback.

        Args:
            source: the image.
            target: path of its result.
            work_key: hash of model and options of this run: `self.work.key`, if `work` is not None.
            fallback: fallback of the image; None: there is none.
            only_planned: search the target and the fallback only.

        Returns:
            Path of the result. It may be the fallback or, without `only_planned`, any other path at
            which an earlier run wrote it. None: there is no such result.
        """
        paths = [target] if fallback is None else [target, fallback]
        targets = [os.fsencode(os.path.relpath(path, self.folder)) for path in paths]
        placeholders = ", ".join("?" * len(targets))
        real_source = b"" if only_planned else os.fsencode(os.path.realpath(source))  # b"": no row
        with self._lock, journal_errors(self.path):
            rows = self._connection.execute(
                "SELECT target, input_sha256, size, sha256, work, model, model_sha256, options "
                "FROM results LEFT JOIN works ON key = work "
                f"WHERE source = ? OR target IN ({placeholders}) ORDER BY target",
                (real_source, *targets),
            ).fetchall()
        source_sha256 = None  # computed at most once
        for relative_path, input_sha256, size, sha256, *work_columns in rows:
            result = self.folder / os.fsdecode(relative_path)
            is_planned = relative_path in targets
            is_same = partial(self._is_same, work_columns, work_key, source, result)
            if not is_same(has_planned_path=is_planned):
                continue
            if fallback is not None and not is_same(has_planned_path=False):
                # Only `--format`, `--suffix` or `--name-template` differ, which determine the path.
                # The earlier run may have used the target where this run would use the fallback, or
                # the other way round. Then the row is not used.
                is_at_target = relative_path == targets[0]
                would_use_target = keeps_format(source, target)
                if would_use_target != is_at_target:
                    continue
            with suppress(OSError):  # A file that cannot be read is no complete result.
                if not is_file(result) or result.stat().st_size != size or not is_file(source):
                    continue
                source_sha256 = source_sha256 or hash_file(source)
                if source_sha256 == input_sha256 and hash_file(result) == sha256:
                    return result
        return None

    def _is_same(
        self, columns: list[Any], work_key: str, source: Path, result: Path, *,
        has_planned_path: bool,
    ) -> bool:  # fmt: skip
        """Return whether a row is of the work of this run, or of a work that gives the same file.

        Args:
            columns: fields of the row's `Work`; None, except the key, if it was not recorded.
            work_key: hash of model and options of this run. With another key than that of
                `self.work`, only a row of this key is the same.
            source: the image.
            result: path of the result in the row.
            has_planned_path: whether this run would write to `result`. Then the options that
                determine the path make no difference.
        """
        key, model, *_ = columns
        if key == work_key:
            return True
        if self.work is None or self.work.key != work_key or model is None:
            return False
        return is_same_work(
            Work(*columns), self.work, source, result, has_planned_path=has_planned_path
        )

    def record(self, source: Path, staged: Staged, input_sha256: str, work_key: str) -> None:
        """Record a result before it gets its name; the row is on the disk when this returns.

        Args:
            source: the image.
            staged: result of the image, a complete file under a hidden name.
            input_sha256: SHA-256 of the bytes that were read from `source`.
            work_key: hash of model and options, the result of `work.work_key`.

        Raises:
            JournalError: the journal cannot be written, or was removed.
        """
        row = (
            os.fsencode(os.path.relpath(staged.target, self.folder)),
            os.fsencode(os.path.realpath(source)),
            input_sha256,
            work_key,
            staged.size,
            staged.sha256,
        )
        with self._lock, journal_errors(self.path):
            if not is_file(self.path):  # SQLite would go on writing to the removed file.
                raise FileNotFoundError(errno.ENOENT, "it was removed during the run")
            with self._connection as connection:  # commits at its end, or takes back both rows
                connection.execute("BEGIN")
                if self.work is not None:
                    values = astuple(self.work)
                    connection.execute("INSERT OR IGNORE INTO works VALUES (?, ?, ?, ?)", values)
                connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)", row)
            self.recorded_count += 1

    def find_change(self, target: Path) -> Change:
        """Return how an existing file differs from the result that this run would write.

        Called only for a file that is not up to date, as `find_finished` has found.
        """
        relative = os.fsencode(os.path.relpath(target, self.folder))
        with self._lock, journal_errors(self.path):
            row = self._connection.execute(
                "SELECT source, work, model, model_sha256, options FROM results LEFT JOIN works "
                "ON key = work WHERE target = ?", (relative,),
            ).fetchone()  # fmt: skip
        if row is None:
            return describe_change(key=None, made=None, now=self.work)
        source, (key, model, *_) = Path(os.fsdecode(row[0])), row[1:]
        if model is None or self.work is None:
            return describe_change(key, made=None, now=self.work)
        made = Work(*row[1:])  # the columns are the fields of `Work`
        # Without `--format` this run may write a fallback, a PNG, in place of `target`. If a run
        # with `--format` wrote `target`, it is not sure that this run would use the same path.
        may_write_fallback = target.suffix.lower() != ".png" and self.work.format is None
        has_planned_path = made.format is None or not may_write_fallback
        if is_same_work(made, self.work, source, target, has_planned_path=has_planned_path):
            key = self.work.key  # Then the input or the file itself has changed.
        # Only the options that apply to this file are compared.
        made_for_file = reduce_to_file(source, target, made)
        return describe_change(key, made_for_file, reduce_to_file(source, target, self.work))

    def results(self) -> Iterator[tuple[Path, Path]]:
        """Yield (source, target) of every row, in the order of targets.

        The paths are absolute, without links. Only links that were added to the output folder after
        the result was written are not resolved.
        """
        last_target, real_folder = b"", os.path.realpath(self.folder)
        while True:
            with self._lock, journal_errors(self.path):
                page = self._connection.execute(
                    "SELECT source, target FROM results WHERE target > ? ORDER BY target LIMIT ?",
                    (last_target, _ROWS_AT_ONCE),
                ).fetchall()
            if not page:
                return
            for source, target in page:
                yield Path(os.fsdecode(source)), Path(real_folder, os.fsdecode(target))
            _, last_target = page[-1]
