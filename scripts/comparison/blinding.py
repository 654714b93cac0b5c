"""Letters instead of names: a key that is drawn for each crop and kept apart from the sheets."""

import random
import string
from collections.abc import Iterable, Sequence

Key = dict[int, dict[str, str]]
"""Per crop: letter and the name behind it."""


def draw_key(spots: Iterable[int], names: Sequence[str], seed: int) -> Key:
    """Shuffle the names anew for each crop and give them the letters A, B, C and so on.

    Args:
        spots: numbers of the crops.
        names: what is compared, at most 26.
        seed: the same seed, crops and names give the same key.
    """
    draws = random.Random(seed)  # noqa: S311 - not for security
    key: Key = {}
    for spot in spots:
        shuffled = draws.sample(list(names), len(names))
        key[spot] = dict(zip(string.ascii_uppercase, shuffled, strict=False))
    return key
