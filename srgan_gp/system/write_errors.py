"""System errors of writing translated into `OutputError`."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.errors import OutputError

_ELSEWHERE = "there is no permission; choose a folder you may write to"
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be larger than this system allows; choose a smaller scale",
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "there is a file of that name, not a folder",
    errno.EISDIR: "there is a folder of that name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
_ABOUT_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


@contextmanager
def errors_about(path: Path) -> Generator[None, None, None]:
    """Turn an OSError of the block into the sentence about a file that cannot be written.

    Raises:
        OutputError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise OutputError(f"cannot write {path}: {reason}") from error


def concerns_the_disk(error: OutputError) -> bool:
    """Say whether no other file can be written either, as on a full disk."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in _ABOUT_THE_DISK
