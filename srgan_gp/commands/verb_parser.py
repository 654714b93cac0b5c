"""Parsers of the command line and of one verb: help in groups, examples, renamed options.

A verb is a subcommand, such as `upscale`. Its module in `srgan_gp.commands` is imported only when
the user types the verb. The module has `add_options(parser)`, `run(options)`, which returns the
exit code, `EXAMPLES` as (command line, purpose), and, if the verb takes models, `MODEL_TASKS`.
`srgan_gp.cli` builds the parsers and calls `run`. The module may have `TOO_MANY_WORDS`: advice for
the error about words that are neither options nor arguments of the verb.
"""

import argparse
import os
import re
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from srgan_gp.commands.options.suggestions import command_message, long_option, suggestion
from srgan_gp.commands.terminal import print_message

RENAMED = {
    "finetune": {"--held-out": "--validation"},
    "prepare": {"--held-out": "--validation-share", "--validation": "--validation-share"},
}
"""By verb and old name of an option: its new name. Old names work for one version, with a
warning.

Options of `train` that became generator arguments are in `training.options.generator_args`.
"""

_EXAMPLES_TITLE = "examples:"
_OPTION = re.compile(r"--?[a-zA-Z]")
"""The beginning of a word that is an option, and not a negative number."""
_ONE_DASH = re.compile(r"-[^-].")
"""The beginning of a word with one dash and at least two other characters, such as `-output`."""


class SuggestingParser(argparse.ArgumentParser):
    """Parser whose errors are one line with a suggestion: an option, a choice, or the help."""

    def error(self, message: str) -> NoReturn:
        """Print the error with a suggestion in one line on stderr, and exit with 2."""
        hint = self._hint(message) or f"; see {self.prog} --help"
        print_message(f"{self.prog}: error: {message}{hint}")
        self.exit(2)

    def _hint(self, message: str) -> str:
        """Return the end of the sentence of an error with a suggestion; "" if there is none."""
        return suggestion(message, self._option_string_actions)


class MainParser(SuggestingParser):
    """Parser of the first word of a command line, which is the name of a verb ("command").

    Attributes:
        commands: names of the commands.
        words: words of the command line, for the message about a wrong command.
    """

    commands: Sequence[str] = ()
    words: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """Print the error with a suggestion in one line on stderr, and exit with 2."""
        if not message.startswith("argument COMMAND: invalid choice"):
            super().error(message)
        print_message(f"{self.prog}: error: {command_message(self.words, self.commands)}")
        self.exit(2)


class CommandParser(SuggestingParser):
    """Parser of one verb, whose options come from the module of the verb.

    The main parser calls `parse_known_args` when the user types the verb.
    """

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            add_help=False,  # `load_options` adds `-h` last, in a group of its own
            formatter_class=_HelpFormatter,
        )
        self._verb = prog.split()[-1]  # argparse passes `srgan-gp VERB`
        self._words: Sequence[str] = ()
        self._module: ModuleType | None = None

    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str],
        namespace: Any = None,  # noqa: ANN401 - as argparse's
    ) -> Any:  # noqa: ANN401
        """Parse the arguments of the verb; unlike argparse's method, exit at an unknown option.

        Otherwise the main parser would report the unknown option, and it cannot suggest an option
        of the verb.
        """
        self.load_options()
        if self._verb in RENAMED:
            args = _with_new_names(self._verb, args)
        self._words = args
        if "--" in args:
            self._check_end_of_options(args)
        if any(_ONE_DASH.match(word) for word in args):  # such as -output, or the correct -s4
            self._check_dashes(args)
        options, unknown = super().parse_known_args(args, namespace)
        if unknown and not self._add_inputs(options, unknown):
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, []

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with 2.

        If an option is missing and another option is unknown, the unknown option is reported, since
        it may be a misspelling of the missing option.
        """
        if message.startswith("the following arguments are required"):
            words = list(self._words)
            if "--" in words:  # Words after it are no options.
                words = words[: words.index("--")]
            names = [word.partition("=")[0] for word in words if _OPTION.match(word)]
            unknown = [name for name in names if not self._is_known(name)]
            if unknown:
                message = f"unrecognized arguments: {' '.join(unknown)}"
        super().error(message)

    def _hint(self, message: str) -> str:
        """As in the base class; about words without a dash, the advice of the verb comes first."""
        advice = getattr(self._module, "TOO_MANY_WORDS", "")
        prefix = "unrecognized arguments: "
        if advice and message.startswith(prefix):
            words = message.removeprefix(prefix).split(" ")
            if not any(word.startswith("-") for word in words):
                return f"; {advice}"
        return super()._hint(message)

    def _is_known(self, name: str) -> bool:
        """Return whether a word is an option of this verb, or a short option with its value."""
        known = self._option_string_actions
        return name in known or (not name.startswith("--") and name[:2] in known)

    def _check_end_of_options(self, words: Sequence[str]) -> None:
        """Exit with an error at an option of this verb after `--`, unless a file has its name.

        Argparse would take it for the name of an input, and report that there is no such file.
        """
        for word in words[list(words).index("--") + 1 :]:
            name = word.partition("=")[0]
            # Not `Path.exists`, which raises for a name that is too long.
            if name in self._option_string_actions and not os.path.lexists(word):
                self.error(f"{name} comes after --, which ends the options; put it before --")

    def _check_dashes(self, words: Sequence[str]) -> None:
        """Exit with an error at a long option with one dash, such as `-output`.

        Argparse would take it for `-o utput`. Words after `--` are no options.
        """
        for word in words:
            if word == "--":
                return
            if long_option(word, self._option_string_actions):
                self.error(f"unrecognized arguments: {word}")

    def _add_inputs(self, options: argparse.Namespace, words: Sequence[str]) -> bool:
        """Add words to the inputs of the verb, if it takes several inputs and no word is an option.

        Argparse takes only inputs that follow one another, and leaves those after an option over.

        Args:
            options: the parsed command line, whose list of inputs is replaced.
            words: the words that argparse has left over, perhaps with `--`.

        Returns:
            Whether the words were added; if not, `options` are unchanged.
        """
        end = list(words).index("--") if "--" in words else len(words)
        if any(word.startswith("-") and word != "-" for word in words[:end]):
            return False
        for action in self._actions:
            if not action.option_strings and action.nargs in ("*", "+"):
                inputs = [*getattr(options, action.dest), *words[:end], *words[end + 1 :]]
                setattr(options, action.dest, inputs)
                return True
        return False

    def load_options(self) -> None:
        """Add the options, the usage line and the examples of the verb, once."""
        if self._module is not None:
            return
        self._module = import_module(f"srgan_gp.commands.{self._verb}")
        self._module.add_options(self)
        group = self.add_argument_group("Help")
        group.add_argument("-h", "--help", action="help", help="print this help and exit")
        group.add_argument("--debug", action="store_true", help="print the traceback of an error")
        usage = [self.prog, "[options]"]
        for action in self._actions:
            if action.required or not action.option_strings:
                usage += action.option_strings[:1]
                usage.append(str(action.metavar or action.dest.upper()))
                if action.nargs in ("*", "+"):
                    usage.append("...")
        self.usage = " ".join(usage)
        examples = [f"  {line}\n      {purpose}" for line, purpose in self._module.EXAMPLES]
        self.epilog = "\n".join([_EXAMPLES_TITLE, *examples])
        self.set_defaults(run=self._module.run)  # `srgan_gp.cli` calls `options.run(options)`

    @property
    def model_tasks(self) -> tuple[str, ...]:
        """Tasks of the models that the verb takes; empty if it takes none."""
        return getattr(self._module, "MODEL_TASKS", ())

    def format_help(self) -> str:
        """Return the help text, followed by the names of the models that the verb takes."""
        text = super().format_help()
        tasks = self.model_tasks
        if not tasks:
            return text
        from srgan_gp.models.catalog import list_models

        cards = list_models(on_refused=lambda _: None)  # models that cannot be used are skipped
        names = [card.name for card in cards if card.task in tasks]
        return f"{text}\nmodels: {', '.join(names)}\n"


class _HelpFormatter(argparse.HelpFormatter):
    """Keeps the line breaks of the examples; wraps every other text."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(_EXAMPLES_TITLE):
            return text
        return super()._fill_text(text, width, indent)


def _with_new_names(verb: str, words: Sequence[str]) -> list[str]:
    """Return the words of a command line with the new names of options; warn about each old one."""
    new_names, changed = RENAMED[verb], list(words)
    end = changed.index("--") if "--" in changed else len(changed)  # No options come after it.
    for index, word in enumerate(changed[:end]):
        old, equals, value = word.partition("=")
        new = new_names.get(old)
        if new is not None:
            changed[index] = f"{new}{equals}{value}"
            print_message(
                f"srgan-gp: warning: {old} is now {new}. The next version removes the old name."
            )
    return changed
