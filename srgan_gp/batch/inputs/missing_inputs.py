"""Check that several inputs exist, with advice about an argument that is no file, such as `2x`."""

import glob
import os
import re
import shlex
from collections.abc import Sequence
from itertools import product

from srgan_gp.errors import UsageError

_SCALE = re.compile(r"x?(\d+(?:\.\d+)?)x?", re.IGNORECASE)
"""An argument that looks like a scale: `2`, `2x`, `x2.5`."""
_MAX_WORDS = 8
"""Longest name with spaces that is searched for, in words."""


def check_existence(
    arguments: Sequence[str], suffixes: frozenset[str], *, has_folder: bool = False
) -> None:
    """Check that each input exists. Patterns with wildcards are not checked.

    Args:
        arguments: files, folders and patterns, as the user passed them.
        suffixes: suffixes of images, in lower case.
        has_folder: whether the results go to a folder. Then the run reports each missing file, and
            this function refuses only a scale and a name that the shell has split.

    Raises:
        UsageError: an input does not exist. The message says what it may be: a scale, a name with
            spaces without quotes, or the name of the result.
    """
    paths = [argument for argument in arguments if not glob.has_magic(argument)]
    missing = [path for path in paths if not os.path.lexists(path)]
    if not missing:
        return
    name = _split_name(arguments)
    if name is not None:
        raise UsageError(f"Put a name with spaces in quotes: {shlex.quote(name)}.")
    problem = f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not exist."
    for argument in missing:
        scale = _SCALE.fullmatch(argument)
        if scale is not None:
            raise UsageError(f"{problem} For a scale pass -s {scale[1]}.")
    if any(argument.startswith("-") for argument in missing):  # They came after `--`.
        raise UsageError(f"{problem} Words after -- are names of inputs; put options before it.")
    if has_folder:  # The run reports the missing files.
        return
    last = arguments[-1]
    suffix = os.path.splitext(last)[1].lower()  # noqa: PTH122
    if len(arguments) > 1 and missing == [last] and (suffix in suffixes or not suffix):
        result = "name of the result" if suffix else "folder for the results"
        raise UsageError(f"{problem} If it is the {result}, pass -o {shlex.quote(last)}.")
    raise UsageError(f"{problem} Check the spelling, and put a name with spaces in quotes.")


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
