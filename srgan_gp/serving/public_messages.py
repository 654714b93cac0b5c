"""Error messages for clients: without directories of the server and command-line options.

Messages of this package are written for the command line. `for_clients` replaces messages that
would reveal the server's file system, or tell a client to pass options.
"""

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
    without_option_advice,
)

_DIRECTORIES = re.compile(r"(?<!\S)/(?:[^\s/]+/)+")  # of an absolute path, without the file name
# Three messages of a `PictureError`. Both `error_responses`, for the API, and the page of the app
# show them after "This image cannot be used: ".
_NO_MEMORY_FOR_IMAGE = "the server has not enough memory for it; choose a smaller scale or image"
_NO_SPACE_FOR_IMAGE = "the server has no free disk space; try again later"
_EXPIRED_IMAGE = "the upload has expired; choose the file again"
_INTERNAL = "Something went wrong inside the server. Try again, or try another image."
NO_SPACE = "The server has no free disk space. Try again later."
"""Message about a write that failed because the disk is full."""
_NO_PERMISSION = "The server may not write to its disk. Its operator has to change that."
_MESSAGES_BY_ERRNO = {
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
_MESSAGES_BY_CLASS = {
    ModelRefusedError: "This model cannot be used here. Choose another one.",
    DeviceError: "The device of the server failed. Try again later.",
}

_log = logging.getLogger(__name__)


def for_clients(error: Exception) -> SrganGpError:
    """Convert any error of a job into one whose message may be shown to clients.

    An error that is a fault of the server is logged, with its original message.

    Args:
        error: error that ended a job.

    Returns:
        By the class of the error:
        `BusyError` and `Cancelled`: the same error.
        `PictureError` and `UsageError`: the message without directories and options. The code
        E_NOT_FOUND becomes E_VANISHED, because the file of an upload existed once. E_DISK_FULL has
        a message about the server, and is logged.
        `OutputError`: the message of `write_problem`.
        `ModelRefusedError` and `DeviceError`: a general message.
        `MemoryError`: a `PictureError` E_OUT_OF_MEMORY; not logged, since the image is too large.
        Any other class, such as `LockedError`: a `SrganGpError` with a general message.
    """
    if isinstance(error, MemoryError):
        return PictureError("E_OUT_OF_MEMORY", _NO_MEMORY_FOR_IMAGE)
    if isinstance(error, PictureError):
        if error.code == "E_DISK_FULL":
            _log.error("%r", error)
            return PictureError(error.code, _NO_SPACE_FOR_IMAGE)
        if error.code == "E_NOT_FOUND":
            return PictureError("E_VANISHED", _EXPIRED_IMAGE)
        return PictureError(error.code, _without_paths_and_options(error))
    if isinstance(error, BusyError | Cancelled):
        return error
    if isinstance(error, UsageError):
        return UsageError(_without_paths_and_options(error))
    _log.error("%r", error)
    if isinstance(error, OutputError):
        return OutputError(write_problem(error.__cause__))
    for error_class, message in _MESSAGES_BY_CLASS.items():
        if isinstance(error, error_class):
            return error_class(message)
    return SrganGpError(_INTERNAL)


def write_problem(cause: BaseException | None) -> str:
    """Return the message about a failed write, with the reason but without paths.

    Args:
        cause: the OSError of the write; another exception or None: the reason is unknown.

    >>> write_problem(OSError(errno.EIO, "failed", "/secret"))
    'The server cannot write a file (Input/output error). Try again later.'
    """
    error_number = cause.errno if isinstance(cause, OSError) else None
    if error_number is None:
        return _CANNOT_WRITE.format(reason="")
    if error_number in _MESSAGES_BY_ERRNO:
        return _MESSAGES_BY_ERRNO[error_number]
    return _CANNOT_WRITE.format(reason=f" ({os.strerror(error_number)})")


@contextmanager
def errors_for_clients() -> Generator[None]:
    """Convert errors of the block into errors for clients.

    Raises:
        SrganGpError: the result of `for_clients`, in place of any `Exception`.
    """
    try:
        yield
    except Exception as error:
        raise for_clients(error) from error


def _without_paths_and_options(error: Exception) -> str:
    """Return the message of an error without options, and with file names in place of paths."""
    return _DIRECTORIES.sub("", without_option_advice(str(error)))
