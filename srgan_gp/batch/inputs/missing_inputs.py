"""Check that several inputs exist, with advice about an argument that is no file, such as `2x`.

A run with a single input does not need it: the run reports an input that does not exist.
"""

import glob
import os
import re
import shlex
from collections.abc import Sequence
from itertools import product

from srgan_gp.errors import UsageError

_SCALE = re.compile(r"x?(\d+(?:\.\d+)?)x?", re.IGNORECASE)
"""An argument that looks like a scale: `2`, `2x`, `x2.5`."""
_OPTION = re.compile(r"-[a-zA-Z]|--[a-zA-Z][\w-]*(=.*)?", re.DOTALL)
"""An argument that looks like an option: `-x`, `--name` or `--name=value`."""
_MAX_WORDS = 8
"""Longest name with spaces that is searched for, in words. Each further word costs a look-up in the
file system for each argument; longer names are rare, and only the advice is lost."""


def check_existence(
    arguments: Sequence[str],
    suffixes: frozenset[str],
    *,
    has_folder: bool = False,
    number_may_be_strength: bool = False,
) -> None:
    """Check that each input exists. The run itself reports a pattern without matches.

    Args:
        arguments: files, folders and patterns, as the user passed them; at least two.
        suffixes: suffixes of images, in lower case.
        has_folder: whether the results go to a folder. Then the run reports each missing file, and
            this function refuses only a number, an option after `--`, and a name that the shell has
            split.
        number_may_be_strength: whether the user passed `--faces` without `--face-strength`, so that
            a number from 0 to 1 may be the strength.

    Raises:
        UsageError: an input does not exist. The message says what it may be: a scale, a strength,
            an option, a name with spaces without quotes, or the name of the result.
    """
    paths = [argument for argument in arguments if not glob.has_magic(argument)]  # no patterns
    missing = [path for path in paths if not os.path.lexists(path)]
    if not missing:
        return
    name = _split_name(arguments)
    if name is not None:
        raise UsageError(f"Put a name with spaces in quotes: {shlex.quote(name)}.")
    problem = f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not exist."
    if advice := _advice(missing, suffixes, number_may_be_strength):
        raise UsageError(f"{problem} {advice}")
    if has_folder:  # The run reports the missing files.
        return
    # The last argument may be meant as the path of the result.
    last, suffix = arguments[-1], _suffix(arguments[-1])
    if missing == [last] and (suffix in suffixes or not suffix):
        result = "name of the result" if suffix else "folder for the results"
        raise UsageError(f"{problem} If it is the {result}, pass -o {shlex.quote(last)}.")
    raise UsageError(f"{problem} Check the spelling, and put a name with spaces in quotes.")


def _advice(missing: Sequence[str], suffixes: frozenset[str], number_may_be_strength: bool) -> str:
    """Return a sentence about the first missing number or option; "" if no argument is one.

    Args:
        missing: arguments that do not exist.
        suffixes: as for `check_existence`.
        number_may_be_strength: as for `check_existence`.
    """
    for argument in missing:
        if number := _SCALE.fullmatch(argument):
            is_without_x = argument == number[1]
            if number_may_be_strength and is_without_x and float(argument) <= 1:
                return f"For the strength of --faces pass --face-strength {argument}."
            return f"For a scale pass -s {number[1]}."
    for argument in missing:  # An option among the inputs came after `--`.
        if _OPTION.fullmatch(argument) and _suffix(argument) not in suffixes:
            return "Words after -- are names of inputs; put options before it."
    return ""


def _suffix(name: str) -> str:
    """Return the suffix of a name in lower case, such as `.png`; "" if it has none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def _split_name(arguments: Sequence[str]) -> str | None:
    """Return the name of an existing file that the shell has split at its spaces.

    Consecutive arguments are joined with spaces, up to `_MAX_WORDS` of them. None: no such name is
    that of a file.
    """
    for start, length in product(range(len(arguments)), range(2, _MAX_WORDS + 1)):
        name = " ".join(arguments[start : start + length])
        if start + length <= len(arguments) and os.path.lexists(name):
            return name
    return None
