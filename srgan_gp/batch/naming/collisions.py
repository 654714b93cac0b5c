"""Settles the names of all results of a plan: rules 1 to 5 of `plan`."""

import os
from functools import lru_cache
from pathlib import Path

from srgan_gp.batch.inputs.walk import Found, is_link
from srgan_gp.batch.naming.plan_table import Item, PlanTable, Row
from srgan_gp.batch.naming.result_names import Naming, digest, name_key, numbered, path_key
from srgan_gp.batch.results.journal import Journal
from srgan_gp.errors import UsageError

_FOLDERS_AT_HAND = 1024  # a walk gives one folder after the other


class Targets:
    """The names of all results of a run, and the keys that they are found by.

    Args:
        table: takes the inputs; whoever made it closes it.
        naming: of a single result.
        folder: the output folder, which need not exist.
    """

    def __init__(self, table: PlanTable, naming: Naming, folder: Path) -> None:
        self._table = table
        self._naming = naming
        self._folder = folder
        self._real_folder = _real(folder)
        self._real = lru_cache(_FOLDERS_AT_HAND)(_real)
        self._folder_key = lru_cache(_FOLDERS_AT_HAND)(name_key)
        self._mirrored = lru_cache(_FOLDERS_AT_HAND)(self._add_mirrored)

    def add(self, found: Found) -> None:
        """Add an input; one that is there already counts once."""
        path = found.path
        parent, real_name = os.path.split(path)
        real_folder = self._real(parent)
        if is_link(path):
            real_folder, real_name = os.path.split(_real(path))
        item = Item(
            path=os.fsencode(path),
            is_named=found.is_named,
            identity=_identity(real_folder, real_name),
            source_key=self._key(real_folder, real_name),
        )
        if found.error is not None:
            item = item._replace(code=found.error.code, message=str(found.error))
        else:
            folder = self._mirrored(parent, os.fspath(found.folder))
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

    def settle(self, journal: Journal | None, *, may_replace_inputs: bool) -> int:
        """Give every result a name of its own, when all inputs are there.

        Args:
            journal: of earlier runs into the output folder.
            may_replace_inputs: a result that bears an input's name will get another one later.

        Returns:
            How many of the inputs were results of earlier runs, and were taken out.

        Raises:
            UsageError: a result would replace an input.
        """
        self._table.index()
        before = self._table.count()
        if journal is not None:
            for _, target in journal.results():
                parent, name = os.path.split(target)
                self._table.forget(_identity(self._real(parent), name))
        self._give_names(journal)
        if self._naming.adds_to_the_stem and self._forget_results():
            self._give_names(journal)
        if not may_replace_inputs:
            self._refuse_to_replace_inputs()
        return before - self._table.count()

    def paths(self, row: Row) -> tuple[Path, Path | None]:
        """Give target and fallback of an input that can be used."""
        folder = self._folder / os.fsdecode(row.folder)
        fallback = None if row.fallback is None else folder / os.fsdecode(row.fallback)
        return folder / os.fsdecode(row.name or b""), fallback

    def another(self, target: Path) -> Path:
        """Number a target until no file and no result of this run bears the name."""
        relative = os.path.relpath(target.parent, self._folder)
        folder = "" if relative == "." else relative
        path = target
        while os.path.lexists(path):
            path = path.with_name(self._free(folder, target.name, None))
        return path

    def is_input(self, target: Path) -> bool:
        """Say whether a file that is there, or what a link leads to, is one of the inputs."""
        key = self._key(*os.path.split(_real(target)))
        paths = map(Path, map(os.fsdecode, self._table.paths_at(key)))
        return any(_is_same(path, target) for path in paths)

    def _give_names(self, journal: Journal | None) -> None:
        table = self._table
        table.forget_names()
        if journal is not None:
            for source, target in journal.results():
                parent, name = os.path.split(target)
                table.reserve(
                    self._key(self._real(parent), name), _identity(*os.path.split(source))
                )
        # Names that nobody shares come first, so that a whole name cannot push one aside.
        table.claim_lone_names()
        for row in table.meeting():
            name = self._naming.name(Path(os.fsdecode(row.path)), is_whole=True)
            name = self._free(os.fsdecode(row.folder), name, row.id)
            table.call(row.id, name, self._naming.fallback(name))
        table.claim_fallbacks()
        for row in table.without_fallback():
            folder, name = os.fsdecode(row.folder), os.fsdecode(row.name or b"")
            fallback = os.fsdecode(row.fallback or b"")
            if not table.claim(self._target_key(folder, fallback), row.id):
                fallback = self._free(folder, f"{name}.png", row.id)
            table.call(row.id, name, fallback)

    def _free(self, folder: str, name: str, owner: int | None) -> str:
        """Number a name until it is free, and claim it."""
        key, candidate = self._target_key(folder, name), name
        while not self._table.claim(self._target_key(folder, candidate), owner):
            candidate = numbered(name, self._table.next_number(key))
        return candidate

    def _forget_results(self) -> bool:
        """Take out the inputs found that are what another input gave; say whether there are any."""
        count = 0
        for path, row in self._table.named_alike():
            if os.fsencode(path) == row.path:
                continue  # It would replace itself, which is refused.
            if any(_is_same(path, target) for target in self.paths(row) if target is not None):
                real = os.path.split(_real(path))
                count += self._table.forget(_identity(*real))
        return count > 0

    def _refuse_to_replace_inputs(self) -> None:
        for path, row in self._table.named_alike():
            target, _ = self.paths(row)
            if _is_same(path, target):
                raise UsageError(
                    f"{target} would replace the input {path}; "
                    "pass --suffix, or another output folder."
                )

    def _add_mirrored(self, parent: str, root: str) -> str:
        """Give the folder of a result below the output folder, and keep the name for the folder."""
        relative = os.path.relpath(parent or ".", root)
        if relative == ".":
            return ""
        above = ""
        for name in Path(relative).parts:
            self._table.add_folder(self._target_key(above, name))
            above = f"{above}{os.sep}{name}" if above else name
        return relative

    def _target_key(self, folder: str, name: str) -> bytes:
        # A link in the output folder can make one folder of two.
        return self._key(self._real(f"{self._real_folder}{os.sep}{folder}"), name)

    def _key(self, folder: str, name: str) -> bytes:
        return path_key(self._folder_key(folder.rstrip(os.sep)), name)


def _real(path: str | Path) -> str:
    return os.path.realpath(path)


def _identity(folder: str, name: str) -> bytes:
    """Reduce a real path to what tells it from all others."""
    return digest(os.fsencode(f"{folder.rstrip(os.sep)}/{name}"))


def _is_same(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:  # One of them is not there.
        return _real(source) == _real(target)
