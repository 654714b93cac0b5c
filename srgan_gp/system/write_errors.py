"""`convert_write_errors`: converts an OSError of a write to an `OutputError` with advice."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.errors import OutputError

_NO_PERMISSION = "there is no permission; choose a folder you may write to"
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be larger than this system allows; choose another disk",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "a part of the path is a file, not a folder; check the path",
    errno.EEXIST: "there is a file of that name, not a folder; choose another name",  # by `mkdir`
    errno.EISDIR: "there is a folder of that name; choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
"""By error number: reason and advice, the end of a message."""
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
"""Errors that every other file on the disk would have too."""


@contextmanager
def convert_write_errors(path: Path) -> Generator[None, None, None]:
    """Convert an OSError that a `with` block raises to an OutputError about `path`.

    The OSError is the `__cause__` of the OutputError.

    Args:
        path: file or folder that the block writes; named in the message.

    Raises:
        OutputError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        # The block may write another file first, such as one that is renamed to `path` at its end.
        failed_path = error.filename if isinstance(error.filename, str) else path
        folder = os.path.dirname(os.path.realpath(failed_path))  # noqa: PTH120
        # Some file systems, such as /proc, raise ENOENT for a new file in an existing folder.
        if error.errno == errno.ENOENT and os.path.isdir(folder):  # noqa: PTH112 - never raises
            reason = "its folder takes no new file; choose another folder"
        raise OutputError(f"cannot write {path}: {reason}") from error


def concerns_the_disk(error: OutputError) -> bool:
    """Return whether an error affects every file of the disk, as a full disk does."""
    cause = error.__cause__  # set by `convert_write_errors`
    return isinstance(cause, OSError) and cause.errno in _DISK_ERRORS
