"""The command `srgan-gp`: which verb was typed, and how the program ends.

The file name is the key here too: `commands/upscale.py` is `srgan-gp upscale`. A command's module
is imported when its verb was typed, so that `srgan-gp --help` loads nothing heavy.

Exit codes: 0 all done, 1 internal error or failed training, 2 wrong use, 3 finished but some
items failed, 4 nothing to do, 5 output cannot be written, 6 another run is at work there, 7 the
device asked for is not there, 8 model refused, 129 hung up, 130 interrupted, 141 the reader of the
output went away, 143 terminated.
"""

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from srgan_gp.errors import MissingExtraError, SrganGpError
from srgan_gp.signals import ENDING, Stopped
from srgan_gp.terminal import say, tell

COMMANDS = {
    "upscale": "enlarge pictures, files or whole folders",
    "generate": "draw faces of people who do not exist",
    "models": "list the models there are",
    "prepare": "cut aligned faces to train on out of photos",
    "train": "train a model on your own pictures",
    "finetune": "make a model better for your own pictures",
    "evaluate": "score a model against a set of pictures",
    "export": "turn a training run into a model",
    "app": "open a page that does all this in a browser",
}

_INTERRUPTED = 128 + signal.SIGINT
_READER_WENT_AWAY = 128 + 13  # SIGPIPE, a name that Windows does not have
_EXTRAS = {
    "train": {"torch", "torchvision", "kornia", "onnxscript", "skimage", "tensorboard", "tomli_w"},
    "app": {"gradio", "fastapi", "starlette", "uvicorn", "python_multipart", "pydantic"},
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: the words after the program's name; None takes them from the process.

    Raises:
        SystemExit: argparse printed a help text (0) or refused the words (2).
    """
    debug = bool(os.environ.get("SRGAN_GP_DEBUG"))
    try:
        with _ended_by_signals(), _warned_in_one_line():
            options = build_parser().parse_args(argv)
            debug = debug or options.debug
            return options.run(options)
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_WENT_AWAY
    except Stopped as stopped:
        say(
            "srgan-gp: interrupted"
            if stopped.code == _INTERRUPTED
            else "srgan-gp: ended by a signal"
        )
        return int(str(stopped.code))
    except KeyboardInterrupt:
        say("srgan-gp: interrupted")
        return _INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _explain(error)


def build_parser() -> argparse.ArgumentParser:
    """Build the tree of verbs; the options of a verb are added when it is the one typed."""
    parser = argparse.ArgumentParser(
        prog="srgan-gp",
        description="Upscale pictures, draw faces, and train the networks that do it.",
        epilog="Help for one command: srgan-gp COMMAND --help",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_ShowVersion, help="print the version and stop")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=CommandParser
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    return parser


class CommandParser(argparse.ArgumentParser):
    """The parser of one verb, which reads its options from `srgan_gp.commands` when needed."""

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self._is_complete = False

    def parse_known_args(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - as argparse's
        """Add the verb's options, then parse as usual."""
        self.complete()
        return super().parse_known_args(*args, **named)

    def complete(self) -> None:
        """Add the options of this verb, once."""
        if self._is_complete:
            return
        self._is_complete = True
        command = import_module(f"srgan_gp.commands.{self.prog.split()[-1]}")
        command.add_options(self)
        self.add_argument("--debug", action="store_true", help="show where an error comes from")
        self.set_defaults(run=command.run)


class _ShowVersion(argparse.Action):
    """Print the installed version; looked up only when asked for."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help, default=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        tell(f"srgan-gp {import_module('srgan_gp').__version__}")
        parser.exit()


@contextmanager
def _ended_by_signals() -> Generator[None]:
    """Let SIGTERM and SIGHUP unwind the program, so that no unfinished file stays; 143 and 129."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            # SIGINT has an exception of its own; a SIGHUP that nohup ignores stays ignored.
            if number != signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _warned_in_one_line() -> Generator[None]:
    """Say a warning of this package without the path and the source line that it came from."""
    show, ours = warnings.showwarning, Path(__file__).parent

    def say_ours(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        *rest: Any,  # noqa: ANN401 - as warnings.showwarning's
    ) -> None:
        if Path(filename).is_relative_to(ours):
            say(f"srgan-gp: warning: {message}")
        else:
            show(message, category, filename, *rest)

    warnings.showwarning = say_ours
    try:
        yield
    finally:
        warnings.showwarning = show


def _explain(error: Exception) -> int:
    """Say in one sentence what went wrong; return the exit code."""
    if isinstance(error, ModuleNotFoundError):
        error = _missing_package(error)
    if isinstance(error, SrganGpError):
        say(f"srgan-gp: error: {error}")
        return error.exit_code
    kind = type(error).__name__
    say(f"srgan-gp: internal error: {kind}: {error}; run again with --debug to see where")
    return 1


def _missing_package(error: ModuleNotFoundError) -> Exception:
    """Name the pip line that brings the package a command could not import."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in _EXTRAS.items():
        if package in packages:
            return MissingExtraError(
                f"This command needs the package {package}, which is not installed: "
                f'pip install "srgan-gp[{extra}]" (in a clone: pip install ".[{extra}]").'
            )
    return error
