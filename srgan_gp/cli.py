"""Command line `srgan-gp`: chooses the verb and returns its exit code.

A verb is a subcommand: `srgan-gp upscale` is the module `commands/upscale.py`. The module of a verb
is imported only if the user types the verb, so that `srgan-gp --help` imports nothing heavy.

Exit codes: 0 success, 1 internal error or failed training, 2 wrong use, 3 finished but some items
failed, 4 nothing to do, 5 output cannot be written, 6 another run writes to the same folder, 7 the
requested device is missing, 8 model refused, 129 hung up (SIGHUP), 130 interrupted (SIGINT), 141
the reader of stdout closed it (SIGPIPE), 143 terminated (SIGTERM).
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

from srgan_gp.commands.terminal import print_message, print_result
from srgan_gp.commands.verb_parser import CommandParser, MainParser
from srgan_gp.errors import MissingExtraError, SrganGpError, arguments_as_options
from srgan_gp.system.signals import ENDING, Stopped

COMMANDS = {
    "upscale": "upscale images, single files or whole folders",
    "generate": "generate faces of people who do not exist",
    "models": "list the models, show one, or verify their files",
    "fetch": "install the face detector or the feature network",
    "prepare": "cut aligned faces out of photos, for training",
    "train": "train a model on your own images",
    "finetune": "adapt a model to your own images",
    "evaluate": "score a model on a validation set",
    "export": "export a training run as a model",
    "import": "install a model of another project",
    "app": "start the web page and the HTTP API",
    "doctor": "check the installation, for bug reports",
}
"""Verbs in the order of the help, each with its summary."""

# Exit codes as shells report them for a process that a signal ended: 128 + number of the signal.
_INTERRUPTED = 128 + signal.SIGINT
_READER_CLOSED = 128 + 13  # SIGPIPE, whose name Windows does not have
_EXTRAS = {
    "import": {"einops", "spandrel"},
    "metrics": {"torchmetrics", "torch_fidelity"},
    "train": {"torch", "torchvision", "kornia", "onnxscript", "skimage", "tensorboard", "tomli_w"},
    "app": {
        "gradio",
        "fastapi",
        "starlette",
        "uvicorn",
        "python_multipart",
        "pydantic",
        "prometheus_client",
    },
}
"""Import names of the packages of each extra, as in `pip install srgan-gp[train]`.
`_missing_package` finds the extra of a package. `ray_cluster` names the extra ray itself."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: arguments without the program name; None: the arguments of the process.

    Raises:
        SystemExit: argparse printed the help (0) or refused the arguments (2), or the process was
            told to end, by SIGTERM (143) or SIGHUP (129). If a run stops at a safe point, these
            codes are returned instead.
        Exception: any other error, with `--debug` or SRGAN_GP_DEBUG.
    """
    debug = bool(os.environ.get("SRGAN_GP_DEBUG"))
    words = sys.argv[1:] if argv is None else argv
    try:
        with _signals_as_exit(), _one_line_warnings():
            parser = build_parser()
            parser.words = words  # `MainParser.error` needs them, and argparse passes no words
            options = parser.parse_args(words)
            if "run" not in options:  # No verb was typed: the parser of a verb sets `run`.
                parser.print_help(sys.stderr)
                parser.exit(2, "\nsrgan-gp: error: no command; type one of those above\n")
            debug = debug or options.debug  # `CommandParser.load_options` adds it to every verb
            return options.run(options)
    except BrokenPipeError:
        # Replace stdout by the null device: Python flushes stdout at exit, and would report the
        # error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_CLOSED
    except Stopped as stopped:
        # Some verbs handle signals themselves and raise `Stopped` at a safe point (`StopRequest`).
        # During all other verbs, `_signals_as_exit` raises SystemExit at once, which is not caught
        # here.
        cause = "interrupted" if stopped.exit_code == _INTERRUPTED else "ended by a signal"
        print_message(f"srgan-gp: {cause}")
        return stopped.exit_code
    except KeyboardInterrupt:
        print_message("srgan-gp: interrupted")
        return _INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _report_error(error, words[0] if words else "")


def build_parser() -> MainParser:
    """Build the main parser. The parser of a verb adds its options when the user types the verb."""
    parser = MainParser(
        prog="srgan-gp",
        description="Upscale images, generate faces, and train the networks for both.",
        epilog="Help for one command: srgan-gp COMMAND --help",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action=_ShowVersion,
        nargs=0,
        default=argparse.SUPPRESS,
        help="print the version and exit",
    )
    parser.add_argument(
        "--completion",
        action=_PrintCompletion,
        metavar="SHELL",
        default=argparse.SUPPRESS,
        help="print the completion script of bash, zsh, fish, tcsh or powershell, and exit",
    )
    parser.commands = tuple(COMMANDS)  # for `MainParser.error`; argparse gets them below
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", parser_class=CommandParser
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    return parser


class _ShowVersion(argparse.Action):
    """Option `--version`: prints the installed version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        # Not `srgan_gp.__version__`: type checkers do not see it, since `__getattr__` makes it.
        print_result(f"srgan-gp {import_module('srgan_gp').__version__}")
        parser.exit()


class _PrintCompletion(argparse.Action):
    """Option `--completion`: prints the completion script of a shell."""

    def __call__(
        self, parser: argparse.ArgumentParser, _namespace: object, shell: object, *_: object
    ) -> NoReturn:
        from srgan_gp.commands.shells.shell_completion import SHELLS, completion_script

        # Not checked by `choices` of the option: every command would import `shell_completion`.
        if shell not in SHELLS:
            parser.error(
                f"argument --completion: invalid choice: '{shell}' (choose from "
                f"{', '.join(SHELLS)})"
            )
        print_result(completion_script(parser, str(shell)))
        parser.exit()


@contextmanager
def _signals_as_exit() -> Generator[None]:
    """Raise SystemExit at SIGTERM (143) and SIGHUP (129) in a `with` block.

    By default these signals end a process at once; an exception lets `finally` remove unfinished
    files.
    """

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    previous_handlers: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
    # Python allows handlers in the main thread only.
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            # SIGINT raises KeyboardInterrupt; a SIGHUP that nohup ignores stays ignored.
            if number != signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
                previous_handlers[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)


@contextmanager
def _one_line_warnings() -> Generator[None]:
    """In a `with` block, print warnings of this package without their path and source line."""
    previous_function, package = warnings.showwarning, Path(__file__).parent

    def show_in_one_line(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        *others: Any,  # noqa: ANN401 - as warnings.showwarning's
    ) -> None:
        if Path(filename).is_relative_to(package):
            print_message(f"srgan-gp: warning: {message}")
        else:
            previous_function(message, category, filename, *others)

    warnings.showwarning = show_in_one_line
    try:
        yield
    finally:
        warnings.showwarning = previous_function


def _report_error(error: Exception, verb: str) -> int:
    """Print one line about an error of a command; return the exit code."""
    if isinstance(error, ModuleNotFoundError):
        error = _missing_package(error)
    if isinstance(error, SrganGpError):
        # The message may name an argument of a Python function; the user typed an option.
        print_message(f"srgan-gp: error: {arguments_as_options(str(error), verb)}")
        return error.exit_code
    name = type(error).__name__
    print_message(
        f"srgan-gp: internal error: {name}: {error}; run again with --debug for the traceback"
    )
    return 1


def _missing_package(error: ModuleNotFoundError) -> Exception:
    """Return an error with the pip command, if the missing package belongs to an extra.

    An error about any other package is returned unchanged, and reported as an internal error.
    """
    package = (error.name or "").partition(".")[0]
    for extra, packages in _EXTRAS.items():
        if package in packages:
            return MissingExtraError(
                f"This command needs the package {package}, which is not installed: "
                f'pip install "srgan-gp[{extra}]" (in a clone: pip install ".[{extra}]").'
            )
    return error
