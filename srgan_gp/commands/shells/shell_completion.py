"""Completion scripts of shells, for `srgan-gp --completion SHELL`.

The package shtab writes the scripts from the parsers of argparse.
"""

import argparse
from collections.abc import Iterable, Mapping
from typing import cast

from srgan_gp.commands.verb_parser import CommandParser

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
_PATH_METAVARS = (
    "PATH",
    "FILE",
    "INPUT",
    "DIR",
    "RUN",
    "PLACE",
    "PHOTOS",
    "DIR_OR_ZIP",
    "DIR_OR_ZIP[:FOLDER]",
)
"""Metavars of the options and arguments whose values are files or folders."""


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script that completes verbs, options, choices, models and paths.

    Args:
        parser: the parser of all verbs; this function loads their options.
        shell: one of `SHELLS`.
    """
    import shtab

    from srgan_gp.models.catalog import list_models

    # A model that cannot be used is not completed; its error is no part of the script.
    models = [(card.name, card.task) for card in list_models(on_refused=lambda _: None)]
    for verb in _verbs_of(parser):
        verb.load_options()
        # `model_tasks`: tasks of the models that the verb takes.
        names = [name for name, task in models if task in verb.model_tasks]
        for action in verb._actions:  # argparse has no public list of the options
            _set_completion(action, names)
    return shtab.complete(parser, shell)


def _verbs_of(parser: argparse.ArgumentParser) -> Iterable[CommandParser]:
    """Yield the parsers of all verbs: argparse keeps them as the choices of one action."""
    for action in parser._actions:
        # `vars`, since the type hint of `action.choices` allows no mapping.
        choices: object = vars(action)["choices"]
        if isinstance(choices, Mapping):
            for verb in cast("Mapping[str, object]", choices).values():
                if isinstance(verb, CommandParser):
                    yield verb


def _set_completion(action: argparse.Action, models: list[str]) -> None:
    """Set the values that an option completes to: models or paths. Choices are kept.

    Args:
        action: option or argument of a verb.
        models: names of the models that the verb takes.
    """
    import shtab

    if action.dest == "model" and action.choices is None and models:
        action.choices = models
    elif action.choices is None and action.metavar in _PATH_METAVARS:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
