"""Exception classes: every error that a user can cause, with its exit code.

    SrganGpError              exit  code in a report
    ├── UsageError             2    E_USAGE            wrong option, value or combination
    │   └── MissingExtraError  2    E_MISSING_EXTRA    a command needs packages that are missing
    ├── PictureError           3    E_DAMAGED, ...     one picture cannot be used
    ├── NothingToDoError       4    E_NOTHING_TO_DO    no picture among the inputs
    ├── OutputError            5    E_OUTPUT           a file cannot be written
    ├── LockedError            6    E_LOCKED           another run is at work there
    ├── DeviceError            7    E_DEVICE           the device asked for is not there
    ├── ModelRefusedError      8    E_MODEL            a model file breaks the contract
    ├── TrainingError          1    E_TRAINING         a run cannot go on (non-finite loss, ...)
    ├── BusyError              1    E_BUSY             a server takes no more work for now
    └── Cancelled              1    E_CANCELLED        `Upscaler.cancel` ended a call

The message is the sentence the user reads: what is wrong, with the value, and what to do.
"""

import re

_OPTION_ADVICE = re.compile(
    r"(?:[;,]| or) (?:or )?(?:raise|pass|leave)\b[^;]*--[a-z].*$", re.DOTALL
)


class SrganGpError(Exception):
    """Base of every error this package raises on purpose; `exit_code` is what the CLI ends with."""

    exit_code = 1
    code = "E_INTERNAL"


class UsageError(SrganGpError):
    """An option, a value or a combination of them makes no sense."""

    exit_code = 2
    code = "E_USAGE"


class MissingExtraError(UsageError):
    """A command needs an optional set of packages; the message names the pip line."""

    code = "E_MISSING_EXTRA"


class PictureError(SrganGpError):
    """One picture cannot be read, is refused, or cannot be upscaled.

    Args:
        code: a stable code for reports, such as `E_DAMAGED`.
        message: the sentence for the user, without the file's name.
    """

    exit_code = 3

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["PictureError"], tuple[str, str]]:
        """Let an error travel between processes with its code."""
        return type(self), (self.code, str(self))


class NothingToDoError(SrganGpError):
    """The inputs hold no picture."""

    exit_code = 4
    code = "E_NOTHING_TO_DO"


class OutputError(SrganGpError):
    """A file or folder cannot be written."""

    exit_code = 5
    code = "E_OUTPUT"


class LockedError(SrganGpError):
    """Another run is writing to the same folder."""

    exit_code = 6
    code = "E_LOCKED"


class DeviceError(SrganGpError):
    """The device asked for is not there."""

    exit_code = 7
    code = "E_DEVICE"


class ModelRefusedError(SrganGpError):
    """A model file is damaged, unsafe or breaks the contract."""

    exit_code = 8
    code = "E_MODEL"


class TrainingError(SrganGpError):
    """A training run cannot go on: non-finite loss, a checkpoint that does not fit."""

    code = "E_TRAINING"


class BusyError(SrganGpError):
    """A server takes no more work for now.

    Args:
        message: the sentence for the user.
        retry_seconds: after how many seconds it may be worth while to ask again.
    """

    code = "E_BUSY"

    def __init__(self, message: str, *, retry_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class Cancelled(SrganGpError):  # noqa: N818 - nothing went wrong
    """Somebody asked for the work at hand to end; whoever asked knows what comes next."""

    code = "E_CANCELLED"


def without_options(message: str) -> str:
    """Cut off the advice that names an option, for readers who have no such option.

    >>> without_options("it has 9 pixels, more than 8; make it smaller or raise --max-pixels")
    'it has 9 pixels, more than 8; make it smaller'
    """
    return _OPTION_ADVICE.sub("", message)
