"""Inputs of a run and the names of their results in a temporary SQLite file.

With the file, a plan can have a million inputs. SQLite unlinks the file as soon as it is created,
so that nothing is left behind, even after a kill.

A key is a hash that is equal for paths that some file systems take for the same (`plan_rows`). To
claim a name is to store its key in the table `claims`; a name is free if its key is not there. The
owner of a claim is the ID of the input that gets the name, or NULL for a name that no input may
get, such as the name of a folder. The fallback of an input is the name of the PNG that is written
if the format of its result cannot hold the result.
"""

import os
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.batch.naming.plan_rows import Item, Row
from srgan_gp.errors import OutputError

_SCHEMA = """
PRAGMA journal_mode = OFF; -- the journal of SQLite, not that of the run
PRAGMA synchronous = OFF;
-- 16000 KiB of memory; a positive number would be pages. A smaller cache reads the file more often.
PRAGMA cache_size = -16000;
CREATE TABLE items ( -- after the ID, the fields of `plan_rows.Item`
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
-- New names of items whose names collide; the ID is that of the item.
CREATE TABLE renamed (id INTEGER PRIMARY KEY, name BLOB NOT NULL, fallback BLOB);
-- Keys of the folders that results are in. No result may have such a key.
CREATE TABLE folders (key BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE claims (key BLOB PRIMARY KEY, owner INTEGER) WITHOUT ROWID;
-- The last number that was tried for a name, by its key.
CREATE TABLE numbers (key BLOB PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
BEGIN; -- one transaction for all inputs
"""
# `executescript` ends the transaction before it runs these statements. Nothing is kept in any case:
# the file ends with the connection.
_INDEXES = """
CREATE INDEX items_by_path ON items (path);
CREATE INDEX items_by_key ON items (key);
CREATE INDEX items_by_source ON items (source_key);
"""
# A file that was added twice counts once. Of the two rows, the row with the larger `is_named` is
# kept; if these are equal, the row with the smaller path (the paths in `WHERE` are swapped); if the
# paths are equal too, the row with the larger folder. So rows do not depend on the order of inputs.
# `source_key` is not updated: like `identity`, it depends on the real path only.
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
"""Selects the fields of `Row`; a condition is appended."""
_NAMESAKES = "(SELECT count(*) FROM items other WHERE other.key = items.key)"
"""Number of items that want the name of this item, including this item."""
_OWNER = "(SELECT owner FROM claims WHERE claims.key = items.{})"
"""Owner of the name whose key is in a column of this item."""
# `ORDER BY +path` in statements below: the plus sign keeps SQLite from using an index. So all rows
# are found and sorted before the first row is returned, and the caller may change the table then.
# An order that begins with an expression has the same effect.


class PlanTable:
    """Inputs of a run, names of their results, and claimed names.

    The order of the calls: `add` and `add_folder` for all inputs, then `create_indexes`. To assign
    names: `reset_names`, `claim_for_input` for names of earlier results, `claim_lone_names`, and
    `set_names` for each row of `colliding`; then `claim_fallbacks`, and `set_names` for each row of
    `with_unclaimed_fallback`. `Targets._name_results` does so, twice if inputs are removed.

    Raises:
        OutputError: by every method: there is no space for temporary files.
    """

    def __init__(self) -> None:
        with _plain_errors():
            # An empty name makes SQLite create a temporary file. Only one thread at a time uses it.
            self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Remove the temporary file."""
        self._connection.close()

    def add(self, item: Item) -> None:
        """Add an input; of two for the same file, one is kept, whatever their order (`_ADD`)."""
        self._run(_ADD, *item)

    def add_folder(self, key: bytes) -> None:
        """Add the name of a folder of results, which no input may get: `reset_names` claims it."""
        self._run("INSERT OR IGNORE INTO folders VALUES (?)", key)

    def create_indexes(self) -> None:
        """Create the indexes that all methods except `add` need, after the last input."""
        with _plain_errors():
            self._connection.executescript(_INDEXES)

    def count(self) -> int:
        """Return the number of inputs."""
        return self._run("SELECT count(*) FROM items").fetchone()[0]

    def rows(self) -> Iterator[Row]:
        """Yield all inputs in the order of their paths; the table may change meanwhile."""
        last_path = b""
        # 200 rows at a time are in memory: more need more memory, fewer need more queries.
        while page := list(self._rows("WHERE path > ? ORDER BY path LIMIT 200", last_path)):
            yield from page
            last_path = page[-1].path

    def paths_at(self, source_key: bytes) -> list[bytes]:
        """List the paths of the inputs whose `source_key` is this one."""
        found = self._run("SELECT path FROM items WHERE source_key = ?", source_key)
        return [path for (path,) in found]

    def remove(self, identity: bytes) -> bool:
        """Remove an input unless the user named it; return whether one was removed."""
        statement = "DELETE FROM items WHERE identity = ? AND NOT is_named"
        return self._run(statement, identity).rowcount > 0

    def claim_for_input(self, key: bytes, identity: bytes) -> None:
        """Claim a name for the input of this identity, if there is one and the name is free."""
        statement = "INSERT OR IGNORE INTO claims SELECT ?, id FROM items WHERE identity = ?"
        self._run(statement, key, identity)

    def try_claim(self, key: bytes, owner: int | None = None) -> bool:
        """Claim a name; return whether it was free or belongs to `owner` already.

        The owner is the ID of an input; None: no input may get the name.
        """
        if self._run("INSERT OR IGNORE INTO claims VALUES (?, ?)", key, owner).rowcount:
            return True
        (other,) = self._run("SELECT owner FROM claims WHERE key = ?", key).fetchone()
        return other is not None and other == owner

    def claim_lone_names(self) -> None:
        """Claim every name that only one input wants."""
        self._run(
            # `min`: SQL needs a function here, though there is only one ID.
            "INSERT OR IGNORE INTO claims SELECT key, min(id) FROM items WHERE key IS NOT NULL "
            "GROUP BY key HAVING count(*) = 1"
        )

    def colliding(self) -> Iterator[Row]:
        """Yield the inputs without a unique name, in the order in which they are to be renamed."""
        return self._rows(
            f"WHERE key IS NOT NULL AND ({_NAMESAKES} > 1 OR {_OWNER.format('key')} IS NOT "
            f"items.id) ORDER BY {_NAMESAKES}, path"
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
        """Yield the inputs whose fallback is not claimed for them, in the order of their paths.

        They were renamed, or another input owns the name.
        """
        return self._rows(
            "WHERE coalesce(renamed.fallback, items.fallback) IS NOT NULL AND (renamed.id IS NOT "
            f"NULL OR {_OWNER.format('fallback_key')} IS NOT items.id) ORDER BY +path"
        )

    def next_number(self, key: bytes) -> int:
        """Return the next number to try for the name of a key: 2, then 3, and so on."""
        return self._run(
            "INSERT INTO numbers VALUES (?, 2) ON CONFLICT DO UPDATE SET last = last + 1 "
            "RETURNING last", key,
        ).fetchone()[0]  # fmt: skip

    def reset_names(self) -> None:
        """Remove all claims and new names, and claim the names of folders again."""
        for name in ("renamed", "claims", "numbers"):
            self._run(f"DELETE FROM {name}")
        self._run("INSERT INTO claims SELECT key, NULL FROM folders")

    def results_at_inputs(self) -> Iterator[tuple[Path, Row]]:
        """Yield each input whose path has the key of a result.

        Yields:
            Path of the input, and the row of the input that the result is made of. Both can be the
            same input.
        """
        found = self._run(
            "SELECT items.path, claims.owner FROM items JOIN claims ON claims.key = "
            "items.source_key WHERE claims.owner IS NOT NULL ORDER BY +items.path"
        )
        for path, owner in found:
            for row in self._rows("WHERE items.id = ?", owner):
                yield Path(os.fsdecode(path)), row

    def _rows(self, conditions: str, *values: object) -> Iterator[Row]:
        """Yield the rows that meet the conditions, which are the end of a statement."""
        return map(Row._make, self._run(_ROWS + conditions, *values))

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Execute a statement; `values` replace its question marks."""
        with _plain_errors():
            return self._connection.execute(statement, values)


@contextmanager
def _plain_errors() -> Generator[None, None, None]:
    """Convert an error of SQLite to an OutputError, which says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(
            f"The plan of the run needs space for temporary files ({error}); "
            "free some space, or name another folder in TMPDIR."
        ) from error
