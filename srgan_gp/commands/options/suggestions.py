"""Suggestions of the command line for options, values and commands that do not exist.

Words that users often try have their suggestions in the tables `ADVICE` and `VALUES`. For any other
word, the name with the most similar spelling is suggested, if a name is similar. A word whose most
similar name has another meaning must be in a table. `verb_parser` adds the suggestions to its
errors.
"""

import difflib
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

# Values of `ADVICE` that several options share.
_METADATA = ("--strip-metadata", "metadata is kept anyway; --strip-metadata removes it")
_REPLACE = ("--exist", "to replace results, pass --exist overwrite")
_LOOK = ("--look", "--look chooses between crisp and faithful")
_LENGTH = ("--set", "--set total_images=8000 sets the length of the training")
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
    **dict.fromkeys(("--epochs", "--steps", "--iterations"), _LENGTH),
    **dict.fromkeys(("--model", "-n"), ("--from", "--from names the model")),
    # Only `models` has `--scores`.
    "--list": ("--scores", "srgan-gp models lists them"),
    "--verify": ("--scores", "type srgan-gp models verify"),
    "--remove": ("--scores", "type srgan-gp models remove NAME"),
}
"""By an option that does not exist: the option that the advice needs, and the advice.

A parser without the needed option suggests nothing, even if another option is similar.
"""
VALUES = {"replace": "overwrite", "force": "overwrite", "yes": "overwrite", "sharp": "crisp"}
"""By a value that is no choice: the choice of the same meaning."""

_WITH_A_NAME = ("-o", "--output", "--suffix", "-n", "--model")
"""Options whose value may be equal to the name of a command."""
_LEAST_SIMILARITY = 0.8
"""Least ratio of difflib, 0 to 1: twice the number of equal characters, divided by the number of
all characters of both words. In a word of 5 characters one may be wrong, or two neighbours may be
exchanged; in a word of 10 characters, two may be wrong. With a lower ratio, words of another
meaning would be suggested."""
_LEAST_PREFIX = 5
"""Fewest characters of a common beginning, with the dashes, such as --out of --output. A shorter
one, such as --s, is the beginning of many options."""
_LEAST_LETTERS = 2
"""Fewest letters after a single dash that stand for a long option: `-in` for --input. One letter is
the short form of an option."""
_OPTION = re.compile(r"(?<!\S)--?[a-zA-Z][\w-]*")
"""An option at the beginning of a word, without a value such as `=3`."""


def suggestion(message: str, options: Iterable[str]) -> str:
    """Return the end of a sentence with a suggestion for an error of argparse; "" if there is none.

    Args:
        message: message of argparse about an unknown option or choice.
        options: all options of the parser, such as `--scale`.

    >>> suggestion("unrecognized arguments: --scle 3", ["--scale", "--tile"])
    '; did you mean --scale?'
    >>> suggestion("unrecognized arguments: --force", ["--format", "--exist"])
    '; to replace results, pass --exist overwrite'
    >>> suggestion("unrecognized arguments: -m", ["-n", "--model"])
    '; the short form of --model is -n'
    """
    names = list(options)
    choice_error = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
    if choice_error:
        value = choice_error[1]
        typed, known = [value], re.findall(r"[^\s,']+", choice_error[2])
        if VALUES.get(value) in known:
            return f"; did you mean {VALUES[value]}?"
    elif f"{message} ".startswith("unrecognized arguments: -m ") and "--model" in names:
        return "; the short form of --model is -n"
    elif message.startswith("unrecognized arguments: "):
        typed, known = _OPTION.findall(message), [name for name in names if name[:2] == "--"]
        # Only `finetune` has `--set`.
        if "--set" in names and (advice := _set_advice(message)):
            return f"; {advice}"
    else:
        return ""
    for word in typed:  # a value of a choice has no advice: all keys of `ADVICE` are options
        needed_option, advice = ADVICE.get(word, (None, ""))
        if needed_option in names:
            return f"; {advice}"
    similar = [
        long_option(word, known) or _closest(word, known) for word in typed if word not in ADVICE
    ]
    suggested = [name for name in similar if name]
    return f"; did you mean {' '.join(suggested)}?" if suggested else ""


def _set_advice(message: str) -> str:
    """Return the advice to pass an option of a training run in `--set`; "" if none was typed.

    Args:
        message: message of argparse about unknown options of `finetune`.

    >>> _set_advice("unrecognized arguments: --patch-sizes 24 32")
    'pass --set patch_sizes=24,32'
    """
    from srgan_gp.training.options.config import TrainConfig

    known = {field.name for field in fields(TrainConfig)}
    # Each option with the words up to the next option, which are its values.
    for option, values in re.findall(r"(?<!\S)--([a-z][\w-]*)((?:[ =](?!--)\S+)*)", message):
        name = option.replace("-", "_")
        if name in known:
            value = ",".join(re.split("[ =]", values)[1:]) or "VALUE"
            return f"pass --set {shlex.quote(f'{name}={value}')}"
    return ""


def long_option(word: str, options: Iterable[str]) -> str:
    """Return the long option that a word with one dash stands for; "" if there is none.

    Argparse takes `-output` for `-o utput`, and `-scale` for `-s cale`.

    Args:
        word: a word of the command line: one dash and the first letters of a long option, at least
            two.
        options: all options of the parser.

    Returns:
        The option. If several options begin with these letters, the shortest of them.

    >>> long_option("-out=a.jpg", ["-o", "--output"])
    '--output'
    >>> long_option("-s2", ["-s", "--scale"])
    ''
    """
    name = word.partition("=")[0]
    if len(name) < _LEAST_LETTERS + 1 or name[0] != "-" or name[1] == "-":
        return ""
    return min((option for option in options if option.startswith(f"-{name}")), key=len, default="")


def _closest(word: str, known: Sequence[str]) -> str:
    """Return the known name of similar spelling, or else with the same beginning; else ""."""
    similar = difflib.get_close_matches(word, known, 1, _LEAST_SIMILARITY)
    if similar:
        return similar[0]
    with_same_beginning = [
        name
        for name in known
        if min(len(word), len(name)) >= _LEAST_PREFIX
        and (name.startswith(word) or word.startswith(name))
    ]
    # The most similar name of these, however low its ratio is.
    similar = difflib.get_close_matches(word, with_same_beginning, 1, cutoff=0.0)
    return similar[0] if similar else ""


def command_message(words: Sequence[str], commands: Sequence[str]) -> str:
    """Return the message about a command line that does not begin with a command.

    Args:
        words: the words of the command line, at least one word. The first word that does not begin
            with a dash is not a command, or `--` comes before it.
        commands: names of the commands.
    """
    plain_words = [word for word in words if not word.startswith("-")]
    # "" if the user typed an empty word, or only words with a dash, as in `srgan-gp -- -x`.
    word = plain_words[0] if plain_words else ""
    following = words[words.index(word) + 1 :] if word else ()
    # Commands that come later, unless they are the value of an option such as -o.
    pairs = zip([word, *following], following, strict=False)
    verbs = [name for before, name in pairs if name in commands and before not in _WITH_A_NAME]
    if word == "help":
        if verbs:
            return f"help is an option; type: srgan-gp {verbs[0]} --help"
        return "help is an option; type: srgan-gp --help, or srgan-gp COMMAND --help"
    if word in commands:  # only after --, which ends the options
        others = list(words)
        others.remove("--")  # the first one; a later one belongs to the command
        others.remove(word)
        return f"-- comes before the command; type: srgan-gp {shlex.join([word, *others])}"
    if verbs and words[0].startswith("-"):
        others = list(words)
        others.remove(verbs[0])
        return f"the command comes first; type: srgan-gp {shlex.join([verbs[0], *others])}"
    similar = "" if _names_images(word) else _closest(word, commands)
    # If the line begins with an option, `word` may be its value, and a later word may be the image.
    candidates = words if words[0].startswith("-") else [word]
    if not similar and any(map(_names_images, candidates)):
        return f"the command is missing; type: srgan-gp upscale {shlex.join(words)}"
    hint = f"did you mean {similar}?" if similar else f"the commands are {', '.join(commands)}"
    return f"{word!r} is not a command; {hint}"


def _names_images(word: str) -> bool:
    """Return whether a word is an existing file or folder, or has the suffix of an image."""
    from srgan_gp.images.file_types import CONTAINERS

    suffixes = {suffix for row in CONTAINERS for suffix in row.suffixes}
    # Not `Path.exists`, which raises for a name that is too long.
    return Path(word).suffix.lower() in suffixes or os.path.exists(word)  # noqa: PTH110
