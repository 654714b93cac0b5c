"""Error messages for clients, without paths of the server and command-line options."""

import logging
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
_NO_SPACE = "The server has no free disk space. Try again later."
_NO_MEMORY = "the server has not enough memory for it; choose a smaller scale or image"
_DISK_FULL = "the server has no free disk space; try again later"
_EXPIRED = "the upload has expired; choose the file again"
_INTERNAL = "Something went wrong inside the server. Try again, or try another image."
_MESSAGES = {
    OutputError: _NO_SPACE,
    ModelRefusedError: "This model cannot be used here. Choose another one.",
    DeviceError: "The device of the server failed. Try again later.",
}

_log = logging.getLogger(__name__)


def for_clients(error: Exception) -> SrganGpError:
    """Convert any error of a job into one that may be shown; hidden details are logged.

    Args:
        error: error that ended a job.

    Returns:
        An error of the same class with a message for the client; `SrganGpError` for an unknown
        class.
    """
    if isinstance(error, MemoryError):
        return PictureError("E_OUT_OF_MEMORY", _NO_MEMORY)
    if isinstance(error, PictureError):
        if error.code == "E_DISK_FULL":
            _log.error("%r", error)
            return PictureError(error.code, _DISK_FULL)
        if error.code == "E_VANISHED":
            return PictureError(error.code, _EXPIRED)
        return PictureError(error.code, _without_paths(error))
    if isinstance(error, BusyError | Cancelled):
        return error
    if isinstance(error, UsageError):
        return UsageError(_without_paths(error))
    _log.error("%r", error)
    for kind, message in _MESSAGES.items():
        if isinstance(error, kind):
            return kind(message)
    return SrganGpError(_INTERNAL)


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


def _without_paths(error: Exception) -> str:
    return _DIRECTORIES.sub("", without_options(str(error)))
