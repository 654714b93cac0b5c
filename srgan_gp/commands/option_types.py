"""argparse types of the options, with a message for each wrong value.

Each takes the text and raises `argparse.ArgumentTypeError`; argparse prints it and ends with 2.
"""

import argparse
import math
import re
from typing import Literal

from srgan_gp.errors import UsageError

LARGEST_SCALE = 1000  # more is a slip of the finger: 10 pixels would pass most formats' limits
LARGEST_SEED = 2**63 - 1  # as in training; its digits fit into a file's name
MOST_SEEDS = 100_000  # more is a slip of the finger
LARGEST_GRID = 1000  # columns or rows
MOST_FRAMES = 100_000  # more than an hour
LARGEST_FACE = 2048  # its side in pixels, twice that of FFHQ's
LARGEST_TRUNCATION = 4  # latents of four deviations; beyond it lies nothing that training has seen


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


def place(text: str) -> str:
    """Read the path of a result; an empty one, which would be the current folder, is a slip.

    It stays a text: a `Path` would forget the separator at the end of `faces.v2/`.
    """
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; name a file or a folder")
    return text


def count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"need a whole number of 1 or more, not {text}")
    return int(text)


def frames(text: str) -> int:
    """Read a number of frames: 1 to `MOST_FRAMES`."""
    return _count_up_to(MOST_FRAMES, text)


def face_side(text: str) -> int:
    """Read the side of a face in pixels: 1 to `LARGEST_FACE`."""
    return _count_up_to(LARGEST_FACE, text)


def _count_up_to(largest: int, text: str) -> int:
    value = count(text)
    if value > largest:
        raise argparse.ArgumentTypeError(f"need {largest} at most, not {text}")
    return value


def whole_number(text: str) -> int:
    """Read a whole number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"need a whole number of 0 or more, not {text}")
    return int(text)


def seeds(text: str) -> list[int]:
    """Read seeds and ranges of them, both ends included.

    >>> seeds("0,1,4-6")
    [0, 1, 4, 5, 6]
    """
    found: list[int] = []
    for part in text.split(","):
        first, last = _numbers(part, r"(\d+)(?:-(\d+))?", "seeds such as 0,1,4-6", LARGEST_SEED)
        if last < first or last - first >= MOST_SEEDS - len(found):
            raise argparse.ArgumentTypeError(
                f"a range rises, and there are {MOST_SEEDS} seeds at most, not {text}"
            )
        found += range(first, last + 1)
    return found


def seed_pair(text: str) -> tuple[int, int]:
    """Read two seeds, as in 3-8."""
    return _numbers(text, r"(\d+)-(\d+)", "two seeds such as 3-8", LARGEST_SEED)


def grid(text: str) -> tuple[int, int]:
    """Read columns and rows, as in 4x2."""
    return _numbers(text, r"([1-9]\d*)x([1-9]\d*)", "columns x rows such as 4x2", LARGEST_GRID)


def _numbers(text: str, pattern: str, what: str, largest: int) -> tuple[int, int]:
    """Read two whole numbers, the first one twice where the pattern lets the second be missing."""
    match = re.fullmatch(pattern, text, re.ASCII)
    # Python refuses to read thousands of digits; none of them could be small enough.
    if match and len(text) < 100:
        first, second = int(match[1]), int(match[2] or match[1])
        if max(first, second) <= largest:
            return first, second
    raise argparse.ArgumentTypeError(f"need {what}, {largest} at most each, not {text!r}")


def truncation(text: str) -> float:
    """Read what latents are multiplied by: 0 to `LARGEST_TRUNCATION`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= LARGEST_TRUNCATION:
        raise argparse.ArgumentTypeError(
            f"the truncation must be from 0 to {LARGEST_TRUNCATION}, not {text}"
        )
    return value


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
