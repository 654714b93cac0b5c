"""The options of every command, from argparse; and the presets of `train`."""

import argparse
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from html import escape
from types import SimpleNamespace

from srgan_gp.cli import COMMANDS, CommandParser, build_parser, main


def command_parser(command: str) -> CommandParser:
    """Find the parser of one command, with its options."""
    for action in build_parser()._actions:  # argparse has no public way to walk a parser
        if isinstance(action.choices, dict):
            found = action.choices[command]
            assert isinstance(found, CommandParser)
            found.load_options()
            return found
    raise AssertionError("the command line has no commands")


def command_sections() -> Iterator[str]:
    """Write a section a command: what it does, its options in their groups, its examples."""
    for command in COMMANDS:
        parser = command_parser(command)
        yield from ("", f"## srgan-gp {command}", "", parser.description or "")
        for group in parser._action_groups:
            actions = [a for a in group._group_actions if a.help != argparse.SUPPRESS]
            if actions:
                yield from ("", f"**{(group.title or 'options').capitalize()}**", "")
                yield from ("| option | meaning |", "|---|---|")
                yield from map(_row, actions)
        if parser.epilog:
            yield from ("", "```text", parser.epilog, "```")
    yield ""


def _row(action: argparse.Action) -> str:
    text = (action.help or "").replace("|", "&#124;").replace("<", "&lt;")
    return f"| {_code(option_head(action))} | {text} |"


def _code(text: str) -> str:
    """Write code in a table, where a bar would begin a column on some readers of Markdown."""
    return f"<code>{escape(text).replace('|', '&#124;')}</code>"


def option_head(action: argparse.Action) -> str:
    """Write an option's names and the name of its value, the same on every Python.

    >>> parser = argparse.ArgumentParser()
    >>> option_head(parser.add_argument("-q", "--quality", metavar="1-100"))
    '-q, --quality 1-100'
    """
    value = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
    if action.option_strings and action.nargs == 0:
        value = ""
    return f"{', '.join(action.option_strings)} {value}".strip()


def preset_rows() -> Iterator[str]:
    """List the presets of `srgan-gp train`, one row each, by what a dry run prints."""
    yield "| preset | task | input | generator | images | batch | critic |"
    yield "|---|---|---|---|---|---|---|"
    (names,) = [a.choices for a in command_parser("train")._actions if a.dest == "preset"]
    for name in names or ():
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
    """Return the fields of `TrainConfig` that a preset gives; it reads no images."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main(["train", "--preset", preset, "--data", "photos", "--dry-run"])
    assert code == 0
    return SimpleNamespace(**json.loads(printed.getvalue()))
