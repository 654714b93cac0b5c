"""Check that several inputs exist, with advice about a word that is no file, such as `2x`."""

import glob
import os
import re
import shlex
from collections.abc import Sequence
from itertools import product

from srgan_gp.errors import UsageError

_SCALE = re.compile(r"x?(\d+(?:\.\d+)?)x?", re.IGNORECASE)
_MOST_WORDS = 8  # of a name with spaces


def check_existence(
    arguments: Sequence[str], suffixes: frozenset[str], *, has_folder: bool = False
) -> None:
    """Check that each input exists; a pattern passes.

    Args:
        arguments: files, folders and patterns, as given.
        suffixes: suffixes of images, in lower case.
        has_folder: the results have a folder, so that a missing file is an error of its own, and
            only a word that is no name of a file is refused.

    Raises:
        UsageError: an input does not exist. The message says what it may be: a scale, a name with
            spaces without quotes, or the name of the result.
    """
    missing = [word for word in arguments if not os.path.lexists(word) and not glob.has_magic(word)]
    if not missing:
        return
    if name := _split_name(arguments):
        raise UsageError(f"Put a name with spaces in quotes: {shlex.quote(name)}.")
    words = f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not exist."
    if scale := next(filter(None, map(_SCALE.fullmatch, missing)), None):
        raise UsageError(f"{words} For a scale pass -s {scale[1]}.")
    if has_folder:
        return
    last = arguments[-1]
    if missing == [last] and os.path.splitext(last)[1].lower() in suffixes:  # noqa: PTH122
        raise UsageError(f"{words} If it is the name of the result, pass -o {shlex.quote(last)}.")
    raise UsageError(f"{words} Check the spelling, and put a name with spaces in quotes.")


def _split_name(arguments: Sequence[str]) -> str | None:
    """Return the name of a file that neighbouring words give with spaces; None: there is none."""
    for start, length in product(range(len(arguments)), range(2, _MOST_WORDS + 1)):
        name = " ".join(arguments[start : start + length])
        if start + length <= len(arguments) and os.path.lexists(name):
            return name
    return None
