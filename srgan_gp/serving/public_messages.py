"""Error messages for clients: no path of the server, no option of the command line."""

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

_FOLDERS = re.compile(r"(?<!\S)/(?:[^\s/]+/)+")
_NO_ROOM = "The server has no room for this now; try again later."
_NO_MEMORY = "the server has not enough memory for it; choose a smaller scale or picture"
_GONE = "it is no longer here, since uploads are kept for a while only; choose it again"
_INTERNAL = "Something went wrong inside the server; try again, or try another picture."
_SENTENCES = {
    OutputError: _NO_ROOM,
    ModelRefusedError: "This model cannot be used here; choose another one.",
    DeviceError: "The device of the server failed; try again later.",
}

_log = logging.getLogger(__name__)


def for_clients(error: Exception) -> SrganGpError:
    """Turn any error of a job into one that can be shown; what it hides goes to the log.

    Args:
        error: whatever ended a job.

    Returns:
        The same kind of error with a sentence for the client; an unknown one as `SrganGpError`.
    """
    if isinstance(error, MemoryError):
        return PictureError("E_OUT_OF_MEMORY", _NO_MEMORY)
    if isinstance(error, PictureError):
        if error.code == "E_DISK_FULL":
            _log.error("%r", error)
            return PictureError(error.code, _NO_ROOM)
        if error.code == "E_VANISHED":
            return PictureError(error.code, _GONE)
        return PictureError(error.code, _plain(error))
    if isinstance(error, BusyError | Cancelled):
        return error
    if isinstance(error, UsageError):
        return UsageError(_plain(error))
    _log.error("%r", error)
    for kind, sentence in _SENTENCES.items():
        if isinstance(error, kind):
            return kind(sentence)
    return SrganGpError(_INTERNAL)


@contextmanager
def shown_to_clients() -> Generator[None]:
    """Pass on what the block raises as `for_clients` gives it.

    Raises:
        SrganGpError: in place of any error.
    """
    try:
        yield
    except Exception as error:
        raise for_clients(error) from error


def _plain(error: Exception) -> str:
    return _FOLDERS.sub("", without_options(str(error)))
