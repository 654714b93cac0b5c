"""Two fixed halves of a validation set: one for model selection, the other for reported scores.

A score that was used to select runs, checkpoints or options is biased. A training run of a face
generator therefore validates on one half, and `srgan-gp evaluate` reports on the other.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from srgan_gp.errors import UsageError

if TYPE_CHECKING:  # keeps `srgan-gp evaluate --help` fast
    from srgan_gp.data.image_sources import ImageFile

CHOICE, REPORT, ALL = "choice", "report", "all"
HALVES = {
    REPORT: "images 1, 3, 5, ... of the sorted list, for reports",
    CHOICE: "images 0, 2, 4, ..., which training runs validate on",
    ALL: "both halves",
}
"""Values of the option `--validation-half` of `srgan-gp evaluate`, with their help."""
FEWEST_TO_SPLIT = 400
"""Number of images below which a set is not split. With a smaller number, scores of halves may be
of too few images; with a larger one, more scores are of images that also selected the model."""


def validation_half(files: "Sequence[ImageFile]", half: str) -> "list[ImageFile]":
    """Return one half of a validation set, by the parity of the index.

    The two halves are disjoint and depend only on the order of the list. If the names of images
    from one place, such as a camera, sort together, both halves have equally many of them.

    Args:
        files: the whole set, in the order of `image_sources.list_images`.
        half: one of `HALVES`.

    Returns:
        The half; the whole set for `all`, or if it has fewer than `FEWEST_TO_SPLIT` images.

    Raises:
        UsageError: `half` is unknown.
    """
    if half not in HALVES:
        raise UsageError(
            f"Unknown half {half!r} of the validation set. Available: {', '.join(HALVES)}."
        )
    if half == ALL or len(files) < FEWEST_TO_SPLIT:
        return list(files)
    first = 0 if half == CHOICE else 1
    return list(files[first::2])


def half_used(count: int, half: str) -> str:
    """Return the part of `count` images that `validation_half` selects: `half`, or `ALL`."""
    return half if count >= FEWEST_TO_SPLIT else ALL
