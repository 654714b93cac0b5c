"""Suggestions of the command line for options, values and commands that do not exist.

A word of `ADVICE` or `VALUES` gets its advice. Any other word gets the name with the most similar
spelling, if there is one; a similar spelling of another meaning must be in the tables.
"""

import difflib
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

_METADATA = ("--strip-metadata", "metadata is kept anyway; --strip-metadata removes it")
_REPLACE = ("--exist", "to replace results, pass --exist overwrite")
_LOOK = ("--look", "--look chooses between crisp and faithful")
_SIZE = ("--width", "give --scale or --width")
ADVICE = {
    "--height": ("--width", "give --width or --scale, and the height follows"),
    **dict.fromkeys(("--size", "--resize", "--resolution"), _SIZE),
    **dict.fromkeys(("--keep-metadata", "--keep-exif"), _METADATA),
    **dict.fromkeys(("--overwrite", "--replace", "--force", "--yes", "-y"), _REPLACE),
    **dict.fromkeys(("--sharpen", "--sharpness", "--sharp"), _LOOK),
    **dict.fromkeys(
        ("--resume", "--continue"), ("--output", "to continue, type the same command again")
    ),
    **dict.fromkeys(("--count", "--number"), ("--seeds", "--seeds 0-3 gives four faces")),
    "--quiet": (None, ""),
}
"""By option that does not exist: the option that the parser must have, or None, and the advice.

Without an advice there is no suggestion.
"""
VALUES = {"replace": "overwrite", "force": "overwrite", "yes": "overwrite"}
"""By value that is no choice: the choice of the same meaning."""

_LEAST_SIMILARITY = 0.8  # difflib's ratio: one letter in ten, or two neighbours exchanged
_LEAST_PREFIX = 5  # characters, with the dashes: --out of --output
_OPTION = re.compile(r"(?<!\S)--?[a-zA-Z][\w-]*")


def suggestion(message: str, options: Iterable[str]) -> str:
    """Name the option or choice that a message of argparse is probably about; else nothing.

    >>> suggestion("unrecognized arguments: --scle 3", ["--scale", "--tile"])
    '; did you mean --scale?'
    >>> suggestion("unrecognized arguments: --force", ["--format", "--exist"])
    '; to replace results, pass --exist overwrite'
    >>> suggestion("unrecognized arguments: -m", ["-n", "--model"])
    '; the short form of --model is -n'
    """
    names = list(options)
    if choice := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
        typed, known = [choice[1]], re.findall(r"[^\s,']+", choice[2])
        if VALUES.get(choice[1]) in known:
            return f"; did you mean {VALUES[choice[1]]}?"
    elif f"{message} ".startswith("unrecognized arguments: -m ") and "--model" in names:
        return "; the short form of --model is -n"
    elif message.startswith("unrecognized arguments: "):
        typed, known = _OPTION.findall(message), [name for name in names if name[:2] == "--"]
    else:
        return ""
    for word in typed:
        needed, advice = ADVICE.get(word, (None, ""))
        if advice and needed in names:
            return f"; {advice}"
    close = [_closest(word, known) for word in typed if word not in ADVICE]
    return f"; did you mean {' '.join(filter(None, close))}?" if any(close) else ""


def _closest(word: str, known: Sequence[str]) -> str:
    """Return the name of almost the same spelling, or with the same beginning; else nothing."""
    if close := difflib.get_close_matches(word, known, 1, _LEAST_SIMILARITY):
        return close[0]
    same = [
        name
        for name in known
        if min(len(word), len(name)) >= _LEAST_PREFIX
        and (name.startswith(word) or word.startswith(name))
    ]
    return next(iter(difflib.get_close_matches(word, same, 1, 0.0)), "")


def command_message(words: Sequence[str], commands: Sequence[str]) -> str:
    """Return the message about a first word that is no command.

    Args:
        words: the words of the command line; the first one without a dash is no command.
        commands: names of the commands.
    """
    word = next((word for word in words if not word.startswith("-")), "")
    rest = words[words.index(word) + 1 :] if word else ()
    verb = next((name for name in rest if name in commands), None)
    if word == "help":
        if verb is not None:
            return f"help is an option; type: srgan-gp {verb} --help"
        return "help is an option; type: srgan-gp --help, or srgan-gp COMMAND --help"
    if verb is not None and words[0].startswith("-"):
        others = [other for other in words if other != verb]
        return f"the command comes first; type: srgan-gp {shlex.join([verb, *others])}"
    close = "" if _names_images(word) else _closest(word, commands)
    # After an option the first word without a dash may be its value.
    candidates = words if words[0].startswith("-") else [word]
    if not close and any(map(_names_images, candidates)):
        return f"the command is missing; type: srgan-gp upscale {shlex.join(words)}"
    hint = f"did you mean {close}?" if close else f"the commands are {', '.join(commands)}"
    return f"{word!r} is not a command; {hint}"


def _names_images(word: str) -> bool:
    """Return whether a word is an existing file or folder, or has the suffix of an image."""
    from srgan_gp.images.file_types import CONTAINERS

    suffixes = {suffix for row in CONTAINERS for suffix in row.suffixes}
    # Not `Path.exists`, which raises for a name that is too long.
    return Path(word).suffix.lower() in suffixes or os.path.exists(word)  # noqa: PTH110
