"""What may follow an option: argparse types, and a sentence for whatever else was typed.

Each takes the text and raises `argparse.ArgumentTypeError`; argparse prints it and ends with 2.
"""

import argparse
from typing import Literal

from srgan_gp.errors import UsageError

LARGEST_SCALE = 1000  # more is a slip of the finger: 10 pixels would pass most formats' limits


def scale(text: str) -> float:
    """Read an enlargement: a number above 0, `LARGEST_SCALE` at most."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= LARGEST_SCALE:
        raise argparse.ArgumentTypeError(
            f"the scale must be a number above 0, {LARGEST_SCALE} at most, not {text}"
        )
    return value


def fidelity(text: str) -> float:
    """Read the place between a model, 0, and its fidelity partner, 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:  # not a number is neither
        raise argparse.ArgumentTypeError(f"the fidelity must be from 0 to 1, not {text}")
    return value


def tile(text: str) -> int | Literal["auto"] | None:
    """Read the side of tiles in pixels: `auto`, `none` or a whole number of 1 or more."""
    if text == "auto":
        return "auto"
    if text == "none":
        return None
    if not text.isdecimal() or int(text) < 1:
        # Other tools take 0 for "no tiles" or for "choose": it is refused, not guessed.
        raise argparse.ArgumentTypeError(f"write auto, none or a side of 1 or more, not {text}")
    return int(text)


def suffix(text: str) -> str:
    """Read a part of a file name."""
    if any(character in text for character in "/\\\0"):
        raise argparse.ArgumentTypeError(f"it is a part of a name and takes no '/' or '\\': {text}")
    return text


def count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"need a whole number of 1 or more, not {text}")
    return int(text)


def whole_number(text: str) -> int:
    """Read a whole number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"need a whole number of 0 or more, not {text}")
    return int(text)


def gpu_ids(text: str) -> list[int]:
    """Read the numbers of GPUs, such as 0 or 0,1; each once."""
    words = text.split(",")
    if not all(word.isdecimal() for word in words) or len({*map(int, words)}) < len(words):
        raise argparse.ArgumentTypeError(
            f"need whole numbers of 0 or more, each once, such as 0 or 0,1, not {text}"
        )
    return [int(word) for word in words]


def quality(text: str) -> int | dict[str, int]:
    """Read a quality from 1 to 100 for every format, or one for each, as in `jpeg=90,webp=80`."""
    if "=" not in text:
        return _percent(text)
    from srgan_gp.images import find_format

    qualities: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            qualities[find_format(name.strip())] = _percent(number.strip())
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return qualities


def _percent(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"the quality must be from 1 to 100, not {text}")
    return int(text)
