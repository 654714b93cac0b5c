"""Error messages for clients, without directories of the server and command-line options."""

import errno
import logging
import os
import re
from collections.abc import Generator
from contextlib import contextmanager

from srgan_gp.errors import (
    BusyError,
    Cancelled,
    DeviceError,
    ModelRefusedError,
    OutputError,
    PictureError,
    SrganGpError,
    UsageError,
    without_options,
)

_DIRECTORIES = re.compile(r"(?<!\S)/(?:[^\s/]+/)+")
# Messages of a `PictureError` continue a file name; the others are whole sentences.
_NO_MEMORY = "the server has not enough memory for it; choose a smaller scale or image"
_DISK_FULL = "the server has no free disk space; try again later"
_EXPIRED = "the upload has expired; choose the file again"
_INTERNAL = "Something went wrong inside the server. Try again, or try another image."
NO_SPACE = "The server has no free disk space. Try again later."
_NO_PERMISSION = "The server may not write to its disk. Its operator has to change that."
_WRITE_PROBLEMS = {
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: NO_SPACE,
    errno.EFBIG: "The file would be too large for the disk of the server. Choose a smaller scale.",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: _NO_PERMISSION,
    errno.ENOENT: "A folder of the server was removed while it was used. Try again.",
    errno.ENAMETOOLONG: "The file name is too long for the server. Choose a shorter one.",
}
_CANNOT_WRITE = "The server cannot write a file{reason}. Try again later."
_MESSAGES = {
    ModelRefusedError: "This model cannot be used here. Choose another one.",
    DeviceError: "The device of the server failed. Try again later.",
}

_log = logging.getLogger(__name__)


def for_clients(error: Exception) -> SrganGpError:
    """Convert any error of a job into one that may be shown.

    An error whose message is replaced because of a fault of the server is logged.

    Args:
        error: error that ended a job.

    Returns:
        The same error, or one of the same code: `PictureError`, `UsageError` (without directories
        and options), `OutputError` (by `write_problem` of its cause), `ModelRefusedError` or
        `DeviceError` (with a general message).
        `PictureError` E_OUT_OF_MEMORY for a `MemoryError`, and a plain `SrganGpError` for any other
        class, such as `LockedError`.
    """
    if isinstance(error, MemoryError):
        return PictureError("E_OUT_OF_MEMORY", _NO_MEMORY)
    if isinstance(error, PictureError):
        if error.code == "E_DISK_FULL":
            _log.error("%r", error)
            return PictureError(error.code, _DISK_FULL)
        if error.code == "E_NOT_FOUND":  # It was uploaded, so it did exist.
            return PictureError("E_VANISHED", _EXPIRED)
        return PictureError(error.code, _without_directories(error))
    if isinstance(error, BusyError | Cancelled):
        return error
    if isinstance(error, UsageError):
        return UsageError(_without_directories(error))
    _log.error("%r", error)
    if isinstance(error, OutputError):
        return OutputError(write_problem(error.__cause__))
    for kind, message in _MESSAGES.items():
        if isinstance(error, kind):
            return kind(message)
    return SrganGpError(_INTERNAL)


def write_problem(cause: BaseException | None) -> str:
    """Return the reason of a failed write, as a message without paths.

    Args:
        cause: the OSError of the write; another exception or None: the reason is not known.

    >>> write_problem(OSError(errno.EIO, "failed", "/secret"))
    'The server cannot write a file (Input/output error). Try again later.'
    """
    number = cause.errno if isinstance(cause, OSError) else None
    if number in _WRITE_PROBLEMS:
        return _WRITE_PROBLEMS[number]
    return _CANNOT_WRITE.format(reason="" if number is None else f" ({os.strerror(number)})")


@contextmanager
def public_errors() -> Generator[None]:
    """Convert errors of the block by `for_clients`.

    Raises:
        SrganGpError: in place of any error.
    """
    try:
        yield
    except Exception as error:
        raise for_clients(error) from error


def _without_directories(error: Exception) -> str:
    """Return the message of an error; of an absolute path in it only the file name is kept."""
    return _DIRECTORIES.sub("", without_options(str(error)))
