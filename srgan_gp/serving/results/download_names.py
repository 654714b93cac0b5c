"""Safe file names of results, derived from the names that clients sent."""

import unicodedata
from pathlib import PureWindowsPath

from srgan_gp.batch.naming.name_templates import Template
from srgan_gp.batch.naming.result_names import Naming, portable
from srgan_gp.images import FORMATS, find_format

_MAX_LENGTH = 80  # characters of the stem, and of the suffix; `Naming` shortens it further
_TEMPLATE = Template.parse("{stem}_{model}_{scale}x")


def result_naming(
    format: str | None, model: str, scale: float, found_format: str | None = None
) -> Naming:
    """Build the naming rule for the result of an upscale request.

    Args:
        format: such as `png`; None: that of the suffix of the input's name, if it can store the
            result.
        model: name of the model.
        scale: scale factor of the result.
        found_format: format of the input, for a name without the suffix of an image.

    Raises:
        UsageError: the format is unknown.
    """
    extension = None if format is None else FORMATS[find_format(format)].suffixes[0]
    return Naming(_TEMPLATE, extension, model=model, scale=f"{scale:g}", found_format=found_format)


def safe_name(name: str) -> str:
    r"""Reduce a client's file name to letters, marks, digits and a few signs.

    Directories and all control characters are removed, among them line breaks and those of
    bidirectional text. Any other sign, such as < and >, becomes _.

    >>> safe_name("../../etc/<b>me\u202egnp.jpg")
    'b_megnp.jpg'
    """
    path = PureWindowsPath(name.replace("\0", ""))  # splits at both kinds of separators
    stem, suffix = (_plain(part) for part in (path.stem, path.suffix))
    return portable(f"{stem.strip(' ._')[:_MAX_LENGTH] or 'picture'}{suffix[:_MAX_LENGTH]}")


def _plain(text: str) -> str:
    """Keep letters, marks and digits, remove control characters, replace others by '_'."""
    kept = (c for c in text if unicodedata.category(c)[0] != "C")
    return "".join(c if unicodedata.category(c)[0] in "LMN" or c in " .-_()" else "_" for c in kept)
