"""Reference of the command line, from argparse: options of every command, presets of `train`."""

import argparse
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from html import escape
from types import SimpleNamespace

from srgan_gp.cli import COMMANDS, CommandParser, build_parser, main


def command_parser(command: str) -> CommandParser:
    """Return the parser of one command, with its options."""
    for action in build_parser()._actions:  # argparse has no public access to them
        if isinstance(action.choices, dict):  # the action that holds the commands
            parser = action.choices[command]
            assert isinstance(parser, CommandParser)
            parser.load_options()  # otherwise only the command that runs loads its options
            return parser
    raise AssertionError("the command line has no commands")


def command_sections() -> Iterator[str]:
    """Yield a section per command: description, tables of its groups of options, examples."""
    for command in COMMANDS:
        parser = command_parser(command)
        yield from ("", f"## srgan-gp {command}", "", parser.description or "")
        for group in parser._action_groups:
            actions = [
                action for action in group._group_actions if action.help != argparse.SUPPRESS
            ]
            if actions:
                yield from ("", f"**{(group.title or 'options').capitalize()}**", "")
                yield from ("| option | meaning |", "|---|---|")
                yield from (_row(action) for action in actions)
        if parser.epilog:
            yield from ("", "```text", parser.epilog, "```")
    yield ""


def _row(action: argparse.Action) -> str:
    """Format the row of an option in a table."""
    text = (action.help or "").replace("|", "&#124;").replace("<", "&lt;")
    return f"| {_code(option_head(action))} | {text} |"


def _code(text: str) -> str:
    """Format code in a table, where some Markdown readers take a bar for the end of a cell."""
    return f"<code>{escape(text).replace('|', '&#124;')}</code>"


def option_head(action: argparse.Action) -> str:
    """Format an option's names and the name of its value, alike for all versions of Python.

    >>> parser = argparse.ArgumentParser()
    >>> option_head(parser.add_argument("-q", "--quality", metavar="1-100"))
    '-q, --quality 1-100'
    """
    if action.option_strings and action.nargs == 0:  # a flag, without a value
        value = ""
    elif action.metavar:
        value = action.metavar
    else:
        value = "|".join(action.choices) if action.choices else action.dest.upper()
    return f"{', '.join(action.option_strings)} {value}".strip()


def preset_rows() -> Iterator[str]:
    """Yield a table of the presets of `srgan-gp train`, from the output of its dry run."""
    yield "| preset | task | input | generator | images | batch | critic |"
    yield "|---|---|---|---|---|---|---|"
    actions = command_parser("train")._actions
    (preset_action,) = [action for action in actions if action.dest == "preset"]
    for name in preset_action.choices or ():
        config = _configuration(str(name))
        source = "latents" if config.task == "face-generation" else config.low_res
        generator = f"`{config.generator}`, {', '.join(config.generator_args)}"
        has_critic = config.adversarial_ratio > 0
        critic = f"`{config.critic}`, width {config.critic_width}" if has_critic else "none"
        yield (
            f"| `{name}` | {config.task} | {source} | {generator} | {config.total_images:,} "
            f"| {config.batch_size} | {critic} |"
        )


def _configuration(preset: str) -> SimpleNamespace:
    """Return the fields of `TrainConfig` for a preset, without reading images."""
    output = io.StringIO()
    with redirect_stdout(output):
        code = main(["train", "--preset", preset, "--data", "photos", "--dry-run"])
    assert code == 0
    return SimpleNamespace(**json.loads(output.getvalue()))
