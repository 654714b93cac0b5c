"""Unique target of every input of a run: rules 1 to 5 in `srgan_gp.batch.naming.plan`."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from srgan_gp.batch.inputs.walk import Found
from srgan_gp.batch.naming.plan_table import Item, PlanTable, Row
from srgan_gp.batch.naming.result_names import Naming, digest, name_key, numbered, path_key
from srgan_gp.batch.naming.single_target import Target, is_same_file, leads_out, replacement_error
from srgan_gp.batch.results.journal import Journal
from srgan_gp.errors import PictureError

_CACHED_FOLDERS = 1024  # a walk yields one folder after the other


class Targets:
    """Targets of all inputs of a run, in a table that is closed by `close`.

    Args:
        naming: rule that names a single result.
        folder: the output folder, which need not exist.

    Raises:
        OutputError: of every method: there is no space for temporary files.
    """

    def __init__(self, naming: Naming, folder: Path) -> None:
        self._table = PlanTable()
        self._naming = naming
        self._folder = folder
        self._output = os.path.realpath(folder)
        self._resolve = lru_cache(_CACHED_FOLDERS)(_resolve_links)
        self._folder_key = lru_cache(_CACHED_FOLDERS)(name_key)
        # Cached although it writes to the table: reserving the same names again has no effect.
        self._reserve_folder = lru_cache(_CACHED_FOLDERS)(self._reserve_result_folder)

    def close(self) -> None:
        """Remove the temporary file."""
        self._table.close()

    def __iter__(self) -> Iterator[Target]:
        for row in self._table.rows():
            source = Path(os.fsdecode(row.path))
            target, fallback = self._paths(row)
            error = None if row.code is None else PictureError(row.code, row.message or "")
            yield Target(source, target, fallback, error)

    def count(self) -> int:
        """Return the number of inputs."""
        return self._table.count()

    def add(self, found: Found) -> None:
        """Add an input. A file that was added before counts once."""
        path = found.path
        parent, real_name = os.path.split(os.fspath(path))
        real_folder = self._resolve(parent)
        if os.path.islink(path):  # noqa: PTH114 - `Path.is_symlink` may raise OSError
            real_folder, real_name = os.path.split(os.path.realpath(path))
        item = Item(
            path=os.fsencode(path),
            is_named=found.is_named,
            identity=_identity(real_folder, real_name),
            source_key=self._key(real_folder, real_name),
        )
        if found.error is not None:
            item = item._replace(code=found.error.code, message=str(found.error))
        else:
            folder = self._reserve_folder(parent, os.fspath(found.folder))
            name = self._naming.name(path)
            fallback = self._naming.fallback(name)
            item = item._replace(
                folder=os.fsencode(folder),
                name=os.fsencode(name),
                key=self._target_key(folder, name),
                fallback=None if fallback is None else os.fsencode(fallback),
                fallback_key=None if fallback is None else self._target_key(folder, fallback),
            )
        self._table.add(item)

    def assign_names(self, journal: Journal | None, *, may_share_input_names: bool) -> int:
        """Give every result a unique name. Call it once, after all inputs were added.

        Args:
            journal: journal of earlier runs into the output folder.
            may_share_input_names: whether a result may have the name of an input;
                `plan.Plan.settle` renames it later.

        Returns:
            Number of inputs that were results of earlier runs, and were removed. One that was named
            is never removed.

        Raises:
            UsageError: a result would replace an input.
        """
        self._table.index()
        added = self._table.count()
        if journal is not None:
            for _, target in journal.results():
                parent, name = os.path.split(target)
                self._table.remove(_identity(self._resolve(parent), name))
        self._name_results(journal)
        # An input that is the result of another one, such as a_x4.png of a.png, is found by the
        # names of the results. Names that it held are then free, so all are assigned again.
        if self._naming.adds_to_the_stem and self._remove_results():
            self._name_results(journal)
        if not may_share_input_names:
            self._check_inputs_are_kept()
        return added - self._table.count()

    def _paths(self, row: Row) -> tuple[Path, Path | None]:
        """Return target and fallback of a row; they have no meaning for an input with an error."""
        folder = self._folder / os.fsdecode(row.folder)
        fallback = None if row.fallback is None else folder / os.fsdecode(row.fallback)
        return folder / os.fsdecode(row.name or b""), fallback

    def numbered_target(self, target: Path) -> Path:
        """Return a target with the first number that no file and no result of this run has.

        A numbered name is claimed. A target that does not exist is returned unchanged.
        """
        relative = os.path.relpath(target.parent, self._folder)
        folder = "" if relative == "." else relative
        path = target
        while os.path.lexists(path):
            path = path.with_name(self._claim_free_name(folder, target.name, owner=None))
        return path

    def is_input(self, target: Path) -> bool:
        """Return whether an existing file, or the file that a link leads to, is an input."""
        key = self._key(*os.path.split(os.path.realpath(target)))
        paths = map(Path, map(os.fsdecode, self._table.paths_at(key)))
        return any(is_same_file(path, target) for path in paths)

    def leads_out(self, target: Path) -> bool:
        """Return whether links lead from a target out of the output folder."""
        return leads_out(target, self._output)

    def _name_results(self, journal: Journal | None) -> None:
        table = self._table
        table.clear_names()
        if journal is not None:
            for source, target in journal.results():
                parent, name = os.path.split(target)
                # Links may have been added to the folder of the result; sources have none.
                key = self._key(self._resolve(parent), name)
                table.reserve(key, _identity(*os.path.split(source)))
        # First the names that only one input has, so that no name below can take one of them.
        table.claim_lone_names()
        for row in table.colliding():
            # The whole name of the source: a.jpg.png and a.png.png, by rule 3.
            name = self._naming.name(Path(os.fsdecode(row.path)), is_whole=True)
            name = self._claim_free_name(os.fsdecode(row.folder), name, row.id)
            table.set_names(row.id, name, self._naming.fallback(name))
        table.claim_fallbacks()
        for row in table.with_unclaimed_fallback():
            folder, name = os.fsdecode(row.folder), os.fsdecode(row.name or b"")
            fallback = os.fsdecode(row.fallback or b"")
            if not table.claim(self._target_key(folder, fallback), row.id):
                fallback = self._claim_free_name(folder, f"{name}.png", row.id)
            table.set_names(row.id, name, fallback)

    def _claim_free_name(self, folder: str, name: str, owner: int | None) -> str:
        """Claim a name, with the first number at which it is free; return it.

        `owner` is the ID of an input; None: nobody can claim the name again.
        """
        key, candidate = self._target_key(folder, name), name
        while not self._table.claim(self._target_key(folder, candidate), owner):
            candidate = numbered(name, self._table.next_number(key))
        return candidate

    def _remove_results(self) -> bool:
        """Remove inputs that are results of other inputs; return whether there are any."""
        count = 0
        for path, row in self._table.results_at_inputs():
            if os.fsencode(path) == row.path:
                continue  # It would replace itself, which is an error.
            if any(is_same_file(path, target) for target in self._paths(row) if target is not None):
                real = os.path.split(os.path.realpath(path))
                count += self._table.remove(_identity(*real))
        return count > 0

    def _check_inputs_are_kept(self) -> None:
        for path, row in self._table.results_at_inputs():
            target, _ = self._paths(row)
            if is_same_file(path, target):
                raise replacement_error(target, path)

    def _reserve_result_folder(self, parent: str, root: str) -> str:
        """Return the folder of a result below the output folder; reserve the names in its path."""
        relative = os.path.relpath(parent or ".", root)
        if relative == ".":
            return ""
        above = ""
        for name in Path(relative).parts:
            self._table.add_folder(self._target_key(above, name))
            above = f"{above}{os.sep}{name}" if above else name
        return relative

    def _target_key(self, folder: str, name: str) -> bytes:
        # With links in the output folder, two paths can be one folder.
        return self._key(self._resolve(f"{self._output}{os.sep}{folder}"), name)

    def _key(self, folder: str, name: str) -> bytes:
        # Unlike `_identity` it ignores case: the names of results must differ on every system.
        return path_key(self._folder_key(folder.rstrip(os.sep)), name)


def _resolve_links(folder: str) -> str:
    return os.path.realpath(folder)


def _identity(folder: str, name: str) -> bytes:
    """Return the hash of a path without links, which identifies an input; case counts."""
    return digest(os.fsencode(f"{folder.rstrip(os.sep)}/{name}"))
