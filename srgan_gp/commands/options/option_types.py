"""argparse types of the options: functions that parse and check the value of an option.

For a wrong value each function raises `argparse.ArgumentTypeError`, whose message argparse prints
before it exits with 2.
"""

import argparse
import math
import re
from typing import Literal

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import MAX_SCALE, MAX_TRUNCATION, scale_message

MIN_TILE = 16  # pixels, as in the app; smaller tiles would consist mostly of overlap
MAX_WIDTH = 1_000_000  # pixels, as in the app; formats and --max-pixels allow less
# As in `inference.devices`, which takes longer to import.
PRECISIONS = ("auto", "float32", "float16", "int8")
MAX_SEED = 2**63 - 1  # as in training; its digits fit into a file name
MAX_SEED_COUNT = 100_000  # more is a typing error
MAX_GRID_SIDE = 1000  # columns or rows; 1000 faces of 64 pixels are about as wide as a JPEG can be
MAX_FRAMES = 100_000  # more than an hour of an animation, at 25 frames a second
MAX_FACE_SIDE = 2048  # side in pixels, twice that of the data set FFHQ


def real_number(text: str) -> float:
    """Parse a number, such as 0.5; its range is not checked here."""
    _refuse_decimal_comma(text)
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"need a number such as 0.5, not {text}") from None


def _number_or_nan(text: str) -> float:
    """Parse a number; NaN for other text, which the caller's check of the range refuses."""
    _refuse_decimal_comma(text)
    try:
        return float(text)
    except ValueError:
        return math.nan


def _refuse_decimal_comma(text: str) -> None:
    """Refuse a number such as 0,5, with the number to write."""
    if re.fullmatch(r"[+-]?\d*,\d+", text):
        raise argparse.ArgumentTypeError(f"write {text.replace(',', '.')}, not {text}")


def scale(text: str) -> float:
    """Parse a scale factor: a number above 0, `MAX_SCALE` at most; `2x` and `x2` are 2."""
    lower = text.lower()
    number = lower[:-1] if lower.endswith("x") else lower.removeprefix("x")
    value = _number_or_nan(number)
    if not 0 < value <= MAX_SCALE:
        hint = "; it is a factor such as 2 or 2.5, and --width is a size in pixels"
        raise argparse.ArgumentTypeError(scale_message(text) + hint)
    return value


def fidelity(text: str) -> float:
    """Parse a fidelity from 0 to 1: weight of the second model in an average of two models."""
    value = _number_or_nan(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"the fidelity must be from 0 to 1, not {text}")
    return value


def face_strength(text: str) -> float:
    """Parse the strength of face enhancement: the weight of the face model in a face, 0 to 1."""
    value = _number_or_nan(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"the strength must be from 0 to 1, not {text}")
    return value


def tile(text: str) -> int | Literal["auto"] | None:
    """Parse the largest side of tiles: `auto`, `none` (None) or pixels, `MIN_TILE` or more."""
    if text == "auto":
        return "auto"
    if text == "none":
        return None
    if not text.isdecimal() or int(text) < MIN_TILE:
        # 0 means "no tiles" in some tools and "choose" in others, so it is refused.
        raise argparse.ArgumentTypeError(
            f"write auto, none or a side of {MIN_TILE} or more, not {text}"
        )
    return int(text)


def suffix(text: str) -> str:
    """Parse a part of a file name, which has no separators of folders."""
    if any(character in text for character in "/\\\0"):
        raise argparse.ArgumentTypeError(f"a part of a name cannot contain '/' or '\\': {text}")
    return text


def output_path(text: str) -> str:
    """Parse the path of a result; an empty one, which would be the current folder, is refused.

    The path stays a text: a `Path` would drop the separator at the end of `faces.v2/`.
    """
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; name a file or a folder")
    return text


def count(text: str) -> int:
    """Parse a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"need a whole number of 1 or more, not {text}")
    return int(text)


def width(text: str) -> int:
    """Parse a width in pixels: 1 to `MAX_WIDTH`; `3840px` is 3840."""
    number = text.lower().removesuffix("px")
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"need a number of pixels such as 1920, not {text}")
    return _count_up_to(MAX_WIDTH, number)


def frames(text: str) -> int:
    """Parse a number of frames: 1 to `MAX_FRAMES`."""
    return _count_up_to(MAX_FRAMES, text)


def face_side(text: str) -> int:
    """Parse the side of a face in pixels: 1 to `MAX_FACE_SIDE`."""
    return _count_up_to(MAX_FACE_SIDE, text)


def _count_up_to(maximum: int, text: str) -> int:
    """Parse a whole number from 1 to `maximum`."""
    value = count(text)
    if value > maximum:
        raise argparse.ArgumentTypeError(f"need {maximum} at most, not {text}")
    return value


def whole_number(text: str) -> int:
    """Parse a whole number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"need a whole number of 0 or more, not {text}")
    return int(text)


def seeds(text: str) -> list[int]:
    """Parse seeds and ranges of seeds, whose two ends are included.

    >>> seeds("0,1,4-6")
    [0, 1, 4, 5, 6]
    """
    parsed: list[int] = []
    for part in text.split(","):
        first, last = _numbers(part, r"(\d+)(?:-(\d+))?", "seeds such as 0,1,4-6", MAX_SEED)
        if last < first or last - first >= MAX_SEED_COUNT - len(parsed):
            raise argparse.ArgumentTypeError(
                f"need rising ranges and {MAX_SEED_COUNT} seeds at most, not {text}"
            )
        parsed += range(first, last + 1)
    return parsed


def seed_pair(text: str) -> tuple[int, int]:
    """Parse two seeds, as in 3-8."""
    return _numbers(text, r"(\d+)-(\d+)", "two seeds such as 3-8", MAX_SEED)


def grid(text: str) -> tuple[int, int]:
    """Parse columns and rows, as in 4x2."""
    return _numbers(text, r"([1-9]\d*)x([1-9]\d*)", "columns x rows such as 4x2", MAX_GRID_SIDE)


def _numbers(text: str, pattern: str, expected: str, largest: int) -> tuple[int, int]:
    """Parse two whole numbers; a single one is returned twice, if the pattern allows it.

    Args:
        text: value of the option, or a part of it.
        pattern: regular expression with a group for each number; the second group may be optional.
        expected: the valid form, for the message.
        largest: largest value of each number.
    """
    match = re.fullmatch(pattern, text, re.ASCII)
    # `int` raises an error for thousands of digits; such a number would be too large anyway.
    if match and len(text) < 100:
        first, second = int(match[1]), int(match[2] or match[1])
        if max(first, second) <= largest:
            return first, second
    raise argparse.ArgumentTypeError(f"need {expected}, {largest} at most each, not {text!r}")


def truncation(text: str) -> float:
    """Parse the truncation of generated faces, a factor of the latents: 0 to `MAX_TRUNCATION`."""
    value = _number_or_nan(text)
    if not 0 <= value <= MAX_TRUNCATION:
        raise argparse.ArgumentTypeError(
            f"the truncation must be from 0 to {MAX_TRUNCATION}, not {text}"
        )
    return value


def gpu_ids(text: str) -> list[int]:
    """Parse GPU numbers, such as 0 or 0,1; each once."""
    parts = text.split(",")
    are_numbers = all(part.isdecimal() for part in parts)
    numbers = [int(part) for part in parts] if are_numbers else []
    if not are_numbers or len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(
            f"need whole numbers of 0 or more, each once, such as 0 or 0,1, not {text}"
        )
    return numbers


def quality(text: str) -> int | dict[str, int]:
    """Parse a quality from 1 to 100 for all formats, or one for each, as in `jpeg=90,webp=80`.

    Returns:
        A quality; or qualities by the names of formats, such as `JPEG`.
    """
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
    """Parse a quality: a whole number from 1 to 100."""
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"the quality must be from 1 to 100, not {text}")
    return int(text)
