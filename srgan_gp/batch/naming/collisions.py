"""Unique target (path of the result) of every input of a run: rules 1 to 5 in `naming.plan`.

A fallback is a PNG for a result that the format of the target cannot hold. A key is a hash that is
equal for paths that collide (`result_names`). To claim a name is to store its key for an input: no
other input gets a colliding name. An identity, a hash of a path without links, identifies an input.
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from srgan_gp.batch.inputs.walk import Found
from srgan_gp.batch.naming.plan_rows import Item, Row
from srgan_gp.batch.naming.plan_table import PlanTable
from srgan_gp.batch.naming.result_names import Naming, digest, name_key, numbered, path_key
from srgan_gp.batch.naming.single_target import (
    PlannedResult,
    is_same_file,
    leads_out,
    replacement_error,
)
from srgan_gp.batch.results.journal import Journal
from srgan_gp.errors import PictureError

_CACHED_FOLDERS = 1024
"""Folders whose keys and real paths are cached. A walk yields the files of a folder in sequence:
more would save little time, fewer little memory."""


class Targets:
    """Targets of all inputs of a run.

    Call `add` for each input, then `assign_names` once, then iterate, and at the end `close`.

    Args:
        naming: rule that makes the name of each result.
        folder: the output folder, which need not exist.

    Raises:
        OutputError: by every method: there is no space for temporary files.
    """

    def __init__(self, naming: Naming, folder: Path) -> None:
        self._table, self._naming = PlanTable(), naming
        self._folder, self._real_folder = folder, os.path.realpath(folder)
        self._resolve = lru_cache(_CACHED_FOLDERS)(_resolve_links)
        self._folder_key = lru_cache(_CACHED_FOLDERS)(name_key)
        # The cache saves time. A repeated call would only reserve the same names again.
        self._reserve_folder = lru_cache(_CACHED_FOLDERS)(self._reserve_result_folder)

    def close(self) -> None:
        """Remove the temporary file."""
        self._table.close()

    def __iter__(self) -> Iterator[PlannedResult]:
        for row in self._table.rows():
            source = Path(os.fsdecode(row.path))
            target, fallback = self._result_paths(row)
            error = None if row.code is None else PictureError(row.code, row.message or "")
            yield PlannedResult(source, target, fallback, error)

    def count(self) -> int:
        """Return the number of inputs."""
        return self._table.count()

    def add(self, found: Found) -> None:
        """Add an input. A file that was added before counts once."""
        path = found.path
        parent, real_name = os.path.split(os.fspath(path))
        real_folder = self._resolve(parent)
        # `real_folder` has no links, but the file itself may be one.
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
            folder = self._reserve_folder(parent, os.fspath(found.root))
            # Names before collisions are resolved; `assign_names` changes some of them.
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
            may_share_input_names: whether a result may have the path of an input. With
                `--exist rename`, `plan.Plan.settle` gives such a result a number later.

        Returns:
            Number of inputs that were removed, because they are results of earlier runs. An input
            that the user named is never removed.

        Raises:
            UsageError: a result would replace an input.
        """
        self._table.create_indexes()
        count_before = self._table.count()
        if journal is not None:  # rule 4: results of earlier runs are not inputs
            for _, target in journal.results():
                parent, name = os.path.split(target)
                self._table.remove(_identity(self._resolve(parent), name))
        self._name_results(journal)
        # An input that has the path of the result of another input, such as a_x4.png beside a.png,
        # is an earlier result. It is removed, and all names are assigned again.
        if self._naming.adds_to_the_stem and self._remove_results():
            self._name_results(journal)
        if not may_share_input_names:
            self._check_inputs_are_kept()
        return count_before - self._table.count()

    def _result_paths(self, row: Row) -> tuple[Path, Path | None]:
        """Return target and fallback of an input; without meaning if the input has an error."""
        folder = self._folder / os.fsdecode(row.folder)
        fallback = None if row.fallback is None else folder / os.fsdecode(row.fallback)
        return folder / os.fsdecode(row.name or b""), fallback

    def numbered_target(self, target: Path) -> Path:
        """Return a path that does not exist: the target, or its name with the first free number.

        A number is free if no file and no other result of this run has it. The name is claimed.
        """
        relative = os.path.relpath(target.parent, self._folder)
        folder = "" if relative == "." else relative
        path = target
        while os.path.lexists(path):  # The last claimed name is that of a file: claim the next one.
            path = path.with_name(self._claim_free_name(folder, target.name, owner=None))
        return path

    def is_input(self, target: Path) -> bool:
        """Return whether an existing file, at the path of a result, is an input or links to one."""
        key = self._key(*os.path.split(os.path.realpath(target)))
        paths = map(Path, map(os.fsdecode, self._table.paths_at(key)))
        return any(is_same_file(path, target) for path in paths)

    def leads_out(self, target: Path) -> bool:
        """Return whether a target lies outside of the output folder, because of links."""
        return leads_out(target, self._real_folder)

    def _name_results(self, journal: Journal | None) -> None:
        """Assign a unique name and fallback to every input, by rules 3 and 4."""
        table = self._table
        table.reset_names()
        if journal is not None:
            # Rule 4: the name of an earlier result is reserved for the input that it was made of.
            for source, target in journal.results():
                parent, name = os.path.split(target)
                # Links may have been added to the folder of the result since; `source` has none.
                key = self._key(self._resolve(parent), name)
                table.claim_for_input(key, _identity(*os.path.split(source)))
        # Names that only one input wants come first: the inputs below, which collide, get others.
        table.claim_lone_names()
        for row in table.colliding():
            # Rule 3: results with one name, a.png, get the whole names: a.jpg.png and a.png.png.
            name = self._naming.name(Path(os.fsdecode(row.path)), is_whole=True)
            name = self._claim_free_name(os.fsdecode(row.folder), name, row.id)
            table.set_names(row.id, name, self._naming.fallback(name))
        # Fallbacks come last. A fallback whose name is not free gets the result's name and `.png`.
        table.claim_fallbacks()
        for row in table.with_unclaimed_fallback():
            folder, name = os.fsdecode(row.folder), os.fsdecode(row.name or b"")
            fallback = os.fsdecode(row.fallback or b"")
            if not table.try_claim(self._target_key(folder, fallback), row.id):
                fallback = self._claim_free_name(folder, f"{name}.png", row.id)
            table.set_names(row.id, name, fallback)

    def _claim_free_name(self, folder: str, name: str, owner: int | None) -> str:
        """Claim a name, with the first free number if the name itself is claimed; return it.

        Args:
            folder: folder of the result, below the output folder.
            name: name of the result.
            owner: ID of the input that gets the name; None: no input, the name is reserved.
        """
        key, candidate = self._target_key(folder, name), name
        while not self._table.try_claim(self._target_key(folder, candidate), owner):
            candidate = numbered(name, self._table.next_number(key))
        return candidate

    def _remove_results(self) -> bool:
        """Remove inputs that are results of other inputs; return whether there are any."""
        has_removed = False
        for input_path, row_of_result in self._table.results_at_inputs():
            if os.fsencode(input_path) == row_of_result.path:
                continue  # The input would replace itself: `_check_inputs_are_kept` reports it.
            paths = [path for path in self._result_paths(row_of_result) if path is not None]
            if any(is_same_file(input_path, path) for path in paths):
                identity = _identity(*os.path.split(os.path.realpath(input_path)))
                has_removed = self._table.remove(identity) or has_removed
        return has_removed

    def _check_inputs_are_kept(self) -> None:
        """Raise a UsageError if a result would replace an input (rule 5), even its own."""
        for input_path, row_of_result in self._table.results_at_inputs():
            target, _fallback = self._result_paths(row_of_result)
            if is_same_file(input_path, target):
                raise replacement_error(target, input_path)

    def _reserve_result_folder(self, parent: str, root: str) -> str:
        """Return the folder of a result below the output folder, and reserve the names in its path.

        Args:
            parent: folder of the input.
            root: root of the tree that the results mirror; contains `parent`.
        """
        relative = os.path.relpath(parent or ".", root)
        if relative == ".":
            return ""
        above = ""
        for name in Path(relative).parts:
            self._table.add_folder(self._target_key(above, name))
            above = f"{above}{os.sep}{name}" if above else name
        return relative

    def _target_key(self, folder: str, name: str) -> bytes:
        """Return the key of a name in a folder below the output folder."""
        # Links are followed: with links in the output folder, two paths can be one folder.
        return self._key(self._resolve(f"{self._real_folder}{os.sep}{folder}"), name)

    def _key(self, folder: str, name: str) -> bytes:
        """Return the key of a name in a folder, whose path has no links.

        Unlike an identity, a key ignores case: the names of results must differ on every system.
        """
        return path_key(self._folder_key(folder.rstrip(os.sep)), name)


def _resolve_links(folder: str) -> str:
    """Return `os.path.realpath` of a folder, as a function of one argument for the cache."""
    return os.path.realpath(folder)


def _identity(folder: str, name: str) -> bytes:
    """Return the identity of an input: a hash of its path without links, which depends on case."""
    return digest(os.fsencode(f"{folder.rstrip(os.sep)}/{name}"))
