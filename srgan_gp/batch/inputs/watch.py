"""Watched folders: new images, each once it is complete."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from srgan_gp.batch.inputs.walk import Found


class _State(NamedTuple):
    """What changes while a file is still being copied, or when it is replaced."""

    size: int
    changed_ns: int


class Watch:
    """Finds what is new among the inputs; call `poll` every few seconds.

    Args:
        inputs: the walk over them, gone through at each poll.
    """

    def __init__(self, inputs: Iterable[Found]) -> None:
        self._inputs = inputs
        self._seen: dict[Path, _State] = {}
        self._given: dict[Path, _State] = {}

    def poll(self) -> list[Found]:
        """Give the files that have come to rest: same size and time as at the last poll.

        Each is given once, and again when it was changed or replaced. A folder that cannot be
        listed is looked at again the next time, and never given.
        """
        seen: dict[Path, _State] = {}
        given: dict[Path, _State] = {}
        rested: list[Found] = []
        for found in self._inputs:
            state = None if found.error else _state(found.path)
            if state is None:
                continue
            seen[found.path] = state
            if self._given.get(found.path) == state:
                given[found.path] = state
            elif self._seen.get(found.path) == state:
                given[found.path] = state
                rested.append(found)
        self._seen, self._given = seen, given
        return rested


def _state(path: Path) -> _State | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return _State(status.st_size, status.st_mtime_ns)
