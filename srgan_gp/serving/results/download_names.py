"""File names of results, derived from the names that clients sent and safe for every system."""

import unicodedata
from pathlib import PureWindowsPath

from srgan_gp.batch.naming.name_templates import Template
from srgan_gp.batch.naming.result_names import Naming, portable
from srgan_gp.images import FORMATS, find_format

# Characters of the stem, and of the suffix: enough to recognise a file, and short on the page.
# `Naming` shortens a name further that has too many bytes for a file system.
_MAX_LENGTH = 80
_TEMPLATE = Template.parse("{stem}_{model}_{scale}x")


def result_naming(
    format: str | None, model: str, scale: float, found_format: str | None = None
) -> Naming:
    """Build the naming rule for the result of an upscale request.

    Args:
        format: format of the result, such as `png`; None: that of the suffix of the input's name,
            if it can store the result.
        model: name of the model.
        scale: scale factor of the result.
        found_format: format of the input, used if its name has no suffix of an image format.

    Raises:
        UsageError: the format is unknown.
    """
    extension = None if format is None else FORMATS[find_format(format)].suffixes[0]
    return Naming(_TEMPLATE, extension, model=model, scale=f"{scale:g}", found_format=found_format)


def safe_name(name: str) -> str:
    r"""Return a client's file name reduced to letters, marks, digits and a few signs.

    Directories and all control characters are removed, among them line breaks and those of
    bidirectional text. Any other sign, such as < and >, becomes _. Spaces, dots and _ at the ends
    of the stem are removed. Stem and suffix are cut to `_MAX_LENGTH` characters each.

    >>> safe_name("../../etc/<b>me\u202egnp.jpg")
    'b_megnp.jpg'
    """
    path = PureWindowsPath(name.replace("\0", ""))  # splits at / and at \
    stem = _plain(path.stem).strip(" ._")[:_MAX_LENGTH].rstrip(" ._")  # the cut makes a new end
    suffix = _plain(path.suffix)[:_MAX_LENGTH]
    return portable(f"{stem or 'picture'}{suffix}")


def _plain(text: str) -> str:
    """Keep letters, marks and digits, remove control characters, and replace others by `_`."""
    characters: list[str] = []
    for character in text:
        category = unicodedata.category(character)[0]  # C: control, L: letter, M: mark, N: number
        if category in "LMN" or character in " .-_()":
            characters.append(character)
        elif category != "C":
            characters.append("_")
    return "".join(characters)
