"""File names of results, from what a client sent and yet harmless."""

import unicodedata
from pathlib import PureWindowsPath

from srgan_gp.batch.naming.name_templates import Template
from srgan_gp.batch.naming.result_names import Naming, portable
from srgan_gp.images import FORMATS, find_format

_LONGEST_STEM = 80  # characters, of up to four bytes each
_TEMPLATE = Template.parse("{stem}_{model}_{scale}x")


def result_naming(format: str | None, model: str, scale: float) -> Naming:
    """Give the rule by which the result of a picture is called.

    Args:
        format: as for `UpscaleRequest`.
        model: its name.
        scale: enlargement of the result.

    Raises:
        UsageError: there is no such format.
    """
    extension = None if format is None else FORMATS[find_format(format)].suffixes[0]
    return Naming(_TEMPLATE, extension, model=model, scale=f"{scale:g}")


def harmless(name: str) -> str:
    r"""Reduce what a client calls a file to a plain name: letters, marks, digits and a few signs.

    Folders go, and so does everything that could be markup, break a line or turn the text around.

    >>> harmless("../../etc/<b>me\u202egnp.jpg")
    'b_megnp.jpg'
    """
    path = PureWindowsPath(name.replace("\0", ""))  # knows both kinds of separators
    stem, suffix = (_plain(part) for part in (path.stem, path.suffix))
    return portable(f"{stem.strip(' ._')[:_LONGEST_STEM] or 'picture'}{suffix[:_LONGEST_STEM]}")


def _plain(text: str) -> str:
    """Keep letters, marks and digits; invisible characters go, and others become '_'."""
    kept = (c for c in text if unicodedata.category(c)[0] != "C")
    return "".join(c if unicodedata.category(c)[0] in "LMN" or c in " .-_()" else "_" for c in kept)
