"""Watched folders: finds new images as soon as they are complete, for `upscale --watch`."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from srgan_gp.batch.inputs.walk import Found


class _State(NamedTuple):
    """Size and time of a file, which change while the file is written or when it is replaced."""

    size: int
    """In bytes."""
    changed_ns: int
    """Time of the last change, in nanoseconds."""


class Watch:
    """Finds new inputs; `batch.run.watch` calls `poll` about every second.

    Args:
        inputs: inputs of the run, such as a `Walk`; each iteration reads the folders again. A
            `Found` is the path of a file, or of a folder that cannot be listed, with the error.
    """

    def __init__(self, inputs: Iterable[Found]) -> None:
        self._inputs = inputs
        self._seen: dict[Path, _State] = {}  # all files at the last poll
        self._returned: dict[Path, _State] = {}  # files that were returned, as they were then

    def poll(self) -> list[Found]:
        """Return the new files that are complete: size and time are as at the last poll.

        A file is returned once, and again when it was changed, replaced, or removed and created
        again. A folder that cannot be listed is never returned; the next poll tries to list it
        again.
        """
        seen: dict[Path, _State] = {}
        returned: dict[Path, _State] = {}
        complete: list[Found] = []
        for found in self._inputs:
            state = None if found.error else _state(found.path)
            if state is None:  # a folder that cannot be listed, or a file that is gone
                continue
            seen[found.path] = state
            if self._returned.get(found.path) == state:
                returned[found.path] = state
            elif self._seen.get(found.path) == state:
                returned[found.path] = state
                complete.append(found)
            # Otherwise the file is new or still being written: the next poll decides.
        self._seen, self._returned = seen, returned
        return complete


def _state(path: Path) -> _State | None:
    """Return the state of a file; None if it does not exist or cannot be accessed."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: the path contains a null character
        return None
    return _State(status.st_size, status.st_mtime_ns)
