"""Rows of a plan in a temporary SQLite file, so that a plan can have a million inputs.

`result_names.path_key` maps paths that collide on a common file system to one key. A name is free
when its key is not among the claims. SQLite unlinks its file as soon as it is created, so nothing
is left behind, even after a kill.
"""

import os
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from srgan_gp.errors import OutputError

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000; -- KiB
CREATE TABLE items (
  id INTEGER PRIMARY KEY,
  path BLOB NOT NULL,
  is_named INTEGER NOT NULL,
  identity BLOB NOT NULL UNIQUE,
  source_key BLOB NOT NULL,
  folder BLOB NOT NULL,
  name BLOB,
  key BLOB,
  fallback BLOB,
  fallback_key BLOB,
  code TEXT,
  message TEXT
);
CREATE TABLE renamed (id INTEGER PRIMARY KEY, name BLOB NOT NULL, fallback BLOB);
CREATE TABLE folders (key BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE claims (key BLOB PRIMARY KEY, owner INTEGER) WITHOUT ROWID;
CREATE TABLE numbers (key BLOB PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
BEGIN; -- never committed: nothing is kept after the connection
"""
_INDEXES = """
CREATE INDEX items_by_path ON items (path);
CREATE INDEX items_by_key ON items (key);
CREATE INDEX items_by_source ON items (source_key);
"""
# A file reached twice counts once: as named rather than as found, under its first path, and as
# deep in the tree as it can be mirrored. So the rows do not depend on the order of the inputs.
_ADD = """
INSERT INTO items (path, is_named, identity, source_key, folder, name, key, fallback,
                   fallback_key, code, message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (identity) DO UPDATE SET
  path = excluded.path, is_named = excluded.is_named, folder = excluded.folder,
  name = excluded.name, key = excluded.key, fallback = excluded.fallback,
  fallback_key = excluded.fallback_key, code = excluded.code, message = excluded.message
WHERE (excluded.is_named, items.path, excluded.folder)
    > (items.is_named, excluded.path, items.folder)
"""
_ROWS = """
SELECT items.id, items.path, items.folder, coalesce(renamed.name, items.name),
       CASE WHEN renamed.id IS NULL THEN items.fallback ELSE renamed.fallback END,
       items.code, items.message
FROM items LEFT JOIN renamed USING (id)
"""
# Callers change the table while they iterate. `ORDER BY +path` uses no index, so all rows are found
# and sorted before the first one is returned.
_WANTED_BY = "(SELECT count(*) FROM items other WHERE other.key = items.key)"
_OWNER = "(SELECT owner FROM claims WHERE claims.key = items.{})"


class Item(NamedTuple):
    """One input as it was found; paths and names are bytes, as in the file system."""

    path: bytes
    is_named: bool
    identity: bytes
    """Hash of the path without links."""
    source_key: bytes
    """`path_key` of the path without links."""
    folder: bytes = b""
    """Folder of the result below the output folder; empty for that folder itself."""
    name: bytes | None = None
    """Name of the result before collisions are resolved; None for an input with an error."""
    key: bytes | None = None
    """`path_key` of the result."""
    fallback: bytes | None = None
    fallback_key: bytes | None = None
    code: str | None = None
    """Code of the error of an input that cannot be used."""
    message: str | None = None


class Row(NamedTuple):
    """One input with its current names; fields as in `Item`."""

    id: int
    path: bytes
    folder: bytes
    name: bytes | None
    fallback: bytes | None
    code: str | None
    message: str | None


class PlanTable:
    """Inputs of a run, names of their results, and claimed names.

    Raises:
        OutputError: of every method: there is no space for temporary files.
    """

    def __init__(self) -> None:
        with _plain_errors():
            # An empty name is a temporary file. A lock of the plan keeps threads apart.
            self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Remove the temporary file."""
        self._connection.close()

    def add(self, item: Item) -> None:
        """Add an input, unless the same file was added before."""
        self._run(_ADD, *item)

    def add_folder(self, key: bytes) -> None:
        """Reserve a name for a folder of results."""
        self._run("INSERT OR IGNORE INTO folders VALUES (?)", key)

    def index(self) -> None:
        """Create the indexes that all methods except `add` need, after the last input."""
        with _plain_errors():
            self._connection.executescript(_INDEXES)

    def count(self) -> int:
        """Return the number of inputs."""
        return self._run("SELECT count(*) FROM items").fetchone()[0]

    def rows(self) -> Iterator[Row]:
        """Yield all inputs in the order of their paths; the table may change meanwhile."""
        last = b""
        while page := list(self._rows("WHERE path > ? ORDER BY path LIMIT 200", last)):
            yield from page
            last = page[-1].path

    def paths_at(self, source_key: bytes) -> list[bytes]:
        """List the paths of inputs with this key."""
        found = self._run("SELECT path FROM items WHERE source_key = ?", source_key)
        return [path for (path,) in found]

    def remove(self, identity: bytes) -> bool:
        """Remove an input that was not named; return whether there was one."""
        statement = "DELETE FROM items WHERE identity = ? AND NOT is_named"
        return self._run(statement, identity).rowcount > 0

    def reserve(self, key: bytes, identity: bytes) -> None:
        """Reserve a name for an input, if the table has that input."""
        statement = "INSERT OR IGNORE INTO claims SELECT ?, id FROM items WHERE identity = ?"
        self._run(statement, key, identity)

    def claim(self, key: bytes, owner: int | None = None) -> bool:
        """Claim a name; return whether it was free or belongs to `owner`.

        The owner is the ID of an input. With None, as for a folder, nobody can claim it again.
        """
        if self._run("INSERT OR IGNORE INTO claims VALUES (?, ?)", key, owner).rowcount:
            return True
        (other,) = self._run("SELECT owner FROM claims WHERE key = ?", key).fetchone()
        return other is not None and other == owner

    def claim_lone_names(self) -> None:
        """Claim every name that only one input wants."""
        self._run(
            "INSERT OR IGNORE INTO claims SELECT key, min(id) FROM items WHERE key IS NOT NULL "
            "GROUP BY key HAVING count(*) = 1"
        )

    def colliding(self) -> Iterator[Row]:
        """Yield the inputs without a unique name, in the order in which they are renamed."""
        return self._rows(
            f"WHERE key IS NOT NULL AND ({_WANTED_BY} > 1 OR {_OWNER.format('key')} IS NOT "
            f"items.id) ORDER BY {_WANTED_BY}, path"
        )

    def set_names(self, id: int, name: str, fallback: str | None) -> None:
        """Set the name and the fallback of an input."""
        fallback_bytes = None if fallback is None else os.fsencode(fallback)
        values = (id, os.fsencode(name), fallback_bytes)
        self._run("INSERT OR REPLACE INTO renamed VALUES (?, ?, ?)", *values)

    def claim_fallbacks(self) -> None:
        """Claim every fallback for the first input that wants it and was not renamed."""
        self._run(
            "INSERT OR IGNORE INTO claims SELECT fallback_key, id FROM items "
            "WHERE fallback_key IS NOT NULL AND id NOT IN (SELECT id FROM renamed) ORDER BY path"
        )

    def with_unclaimed_fallback(self) -> Iterator[Row]:
        """Yield the inputs that want a fallback and do not own it, in the order of their paths.

        They were renamed, or their fallback belongs to another input.
        """
        return self._rows(
            "WHERE coalesce(renamed.fallback, items.fallback) IS NOT NULL AND (renamed.id IS NOT "
            f"NULL OR {_OWNER.format('fallback_key')} IS NOT items.id) ORDER BY +path"
        )

    def next_number(self, key: bytes) -> int:
        """Return the next number to try for names of a key, from 2."""
        return self._run(
            "INSERT INTO numbers VALUES (?, 2) ON CONFLICT DO UPDATE SET last = last + 1 "
            "RETURNING last", key,
        ).fetchone()[0]  # fmt: skip

    def clear_names(self) -> None:
        """Remove all claims and renamings except the reserved names of folders."""
        for name in ("renamed", "claims", "numbers"):
            self._run(f"DELETE FROM {name}")
        self._run("INSERT INTO claims SELECT key, NULL FROM folders")

    def results_at_inputs(self) -> Iterator[tuple[Path, Row]]:
        """Yield each input whose name is that of a result: its path, and the row of the result.

        The row is that of the input, often another one, which the result is made of.
        """
        found = self._run(
            "SELECT items.path, claims.owner FROM items JOIN claims ON claims.key = "
            "items.source_key WHERE claims.owner IS NOT NULL ORDER BY +items.path"
        )
        for path, owner in found:
            for row in self._rows("WHERE items.id = ?", owner):
                yield Path(os.fsdecode(path)), row

    def _rows(self, conditions: str, *values: object) -> Iterator[Row]:
        return map(Row._make, self._run(_ROWS + conditions, *values))

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        with _plain_errors():
            return self._connection.execute(statement, values)


@contextmanager
def _plain_errors() -> Generator[None, None, None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(
            f"The plan of the run needs space for temporary files ({error}); "
            "free some space, or name another folder in TMPDIR."
        ) from error
