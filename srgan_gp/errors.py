"""Exception classes of this package, each with its exit code and its code in reports.

    SrganGpError              exit  code in a report     base class; itself: 1, E_INTERNAL
    ├── UsageError             2    E_USAGE            wrong option, value or combination
    │   └── MissingExtraError  2    E_MISSING_EXTRA    a command needs packages that are missing
    ├── PictureError           3    E_DAMAGED, ...     one image cannot be used
    ├── NothingToDoError       4    E_NOTHING_TO_DO    no image among the inputs
    ├── OutputError            5    E_OUTPUT           a file cannot be written
    ├── LockedError            6    E_LOCKED           another run writes to the same folder
    ├── DeviceError            7    E_DEVICE           the requested device is missing
    ├── ModelRefusedError      8    E_MODEL            a model file that this package cannot run
    ├── TrainingError          1    E_TRAINING         a training run cannot start or continue
    ├── BusyError              1    E_BUSY             a server accepts no more jobs for now
    └── Cancelled              1    E_CANCELLED        `Upscaler.cancel` ended a call

"exit" is the exit code of the command line, "code in a report" a stable text for programs: in JSON
reports and in the answers of the HTTP API. The message is for the user: what is wrong, with the
value, and what to do.
"""

import re

# Advice about an option of the command line, at the end of a message: a separator, a verb, and the
# option in the same sentence, such as "; or raise --max-pixels".
_OPTION_ADVICE = re.compile(
    r"(?:[;,.]| or) (?:or )?(?:raise|pass|leave|use|set|add)\b[^;.]*--[a-z].*$",
    re.DOTALL | re.IGNORECASE,
)

# Advice about an argument of a Python function that takes a file, as in messages of
# `detection.face_detection`.
_FILE_ARGUMENT = re.compile(r"pass the path of its file as `(?:\w+=\w+\()?(\w+)(?:=\.{3}\))?`")

# Advice to pass a text for an argument, as in messages of `losses.features` and
# `metrics.aligned_face_distances`.
_VALUE_ARGUMENT = re.compile(r"pass '(\w+)' as `(\w+)`")


class SrganGpError(Exception):
    """Base class of the errors of this package; the command line ends with `exit_code`."""

    exit_code = 1
    code = "E_INTERNAL"  # code in a report


class UsageError(SrganGpError):
    """An option, a value or a combination of options is not valid."""

    exit_code = 2
    code = "E_USAGE"


class MissingExtraError(UsageError):
    """A command needs an optional set of packages; the message gives the pip command."""

    code = "E_MISSING_EXTRA"


class PictureError(SrganGpError):
    """One image cannot be read, is refused, or cannot be upscaled.

    Args:
        code: a stable code for reports, such as `E_DAMAGED`, which says what is wrong.
        message: for the user. Callers that know the name of the file, such as `read_image`, put it
            before the message.
    """

    exit_code = 3

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["PictureError"], tuple[str, str]]:
        """Pickle the error with its code, so that it can be sent to another process."""
        return type(self), (self.code, str(self))


class NothingToDoError(SrganGpError):
    """The inputs contain no image."""

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
    """The requested device is missing or cannot be used."""

    exit_code = 7
    code = "E_DEVICE"


class ModelRefusedError(SrganGpError):
    """A model file is damaged, unsafe, or not a model that this package can run."""

    exit_code = 8
    code = "E_MODEL"


class TrainingError(SrganGpError):
    """A training run cannot start or continue, for example because its loss is not finite."""

    code = "E_TRAINING"


class BusyError(SrganGpError):
    """A server accepts no more jobs for now.

    Args:
        message: for the user.
        retry_seconds: number of seconds after which a client may try again. The default is short,
            because a job that ends frees a place in a full queue.
    """

    code = "E_BUSY"

    def __init__(self, message: str, *, retry_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class Cancelled(SrganGpError):  # noqa: N818 - it is not a failure
    """A call was cancelled by its caller."""

    code = "E_CANCELLED"


def without_option_advice(message: str) -> str:
    """Remove advice about command-line options, for clients of the API and the app.

    >>> without_option_advice("it has 9 pixels, more than 8; make it smaller or raise --max-pixels")
    'it has 9 pixels, more than 8; make it smaller'
    """
    # A separator that is a full stop ends the sentence before it, and is kept.
    return _OPTION_ADVICE.sub(lambda match: "." if match[0][0] == "." else "", message)


def arguments_as_options(message: str, verb: str = "") -> str:
    """Replace names of Python arguments by options, for messages of the command line.

    Args:
        message: message of an error.
        verb: the command. `finetune` takes an argument that is not a file by `--set NAME=VALUE`;
            other verbs have an option for it.

    >>> arguments_as_options("It is missing. Or pass the path of its file as `detector`.")
    'It is missing. Or pass --detector FILE.'
    >>> arguments_as_options("Or pass the path of its file as `faces=FaceOptions(detector=...)`.")
    'Or pass --detector FILE.'
    >>> arguments_as_options("It is missing, or pass 'none' as `face_detector`.", "train")
    'It is missing, or pass --face-detector none.'
    >>> arguments_as_options("It is missing, or pass 'none' as `face_detector`.", "finetune")
    'It is missing, or pass --set face_detector=none.'
    """

    def value_option(match: re.Match[str]) -> str:
        value, name = match.groups()
        if verb == "finetune":
            return f"pass --set {name}={value}"
        return f"pass --{name.replace('_', '-')} {value}"

    message = _VALUE_ARGUMENT.sub(value_option, message)
    return _FILE_ARGUMENT.sub(lambda match: f"pass --{match[1].replace('_', '-')} FILE", message)
