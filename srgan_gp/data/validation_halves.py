"""Two fixed halves of a validation set: one to choose with, the other to report on.

A score that chose among runs, checkpoints or options is flattered. So a training run validates on
one half and `srgan-gp evaluate` reports on the other.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from srgan_gp.errors import UsageError

if TYPE_CHECKING:  # `srgan-gp evaluate --help` stays instant
    from srgan_gp.data.sources import PictureFile

CHOICE, REPORT, ALL = "choice", "report", "all"
HALVES = {
    REPORT: "images 1, 3, 5, ... of the sorted list, for reports",
    CHOICE: "images 0, 2, 4, ..., which training runs validate on",
    ALL: "both halves",
}
FEWEST_TO_SPLIT = 400
"""Images. A smaller set is used whole for both: its halves would be too small to compare."""


def validation_half(files: "Sequence[PictureFile]", half: str) -> "list[PictureFile]":
    """Take one half of a validation set by the parity of the index.

    The two halves have no index in common, depend on nothing but the order of the list, and hold
    equal shares of each source where the names of a source sort together.

    Args:
        files: the whole set, in the order of `list_pictures`.
        half: one of `HALVES`.

    Returns:
        The half; the whole set for `all`, or where it has fewer than `FEWEST_TO_SPLIT` images.

    Raises:
        UsageError: there is no such half.
    """
    if half not in HALVES:
        raise UsageError(f"There is no half {half!r} of a validation set: {', '.join(HALVES)}.")
    if half == ALL or len(files) < FEWEST_TO_SPLIT:
        return list(files)
    return list(files[0 if half == CHOICE else 1 :: 2])


def half_used(count: int, half: str) -> str:
    """Name what `validation_half` takes of a set of `count` images."""
    return half if count >= FEWEST_TO_SPLIT else ALL
