"""Notes below the table of scores of a fine-tuning, which `srgan-gp finetune` prints."""

from collections.abc import Iterator, Sequence

from srgan_gp.finetuning.finetune_verdict import Row
from srgan_gp.metrics.pattern import no_texture_line

_DOWNSCALERS_NOTE = (
    "In brackets is how the images were downscaled. matlab: by the bicubic method of MATLAB. "
    "area-jpeg75: by the mean of areas, and saved as JPEG of quality 75. The scores that were "
    "printed during the training differ: their images were downscaled as the training images."
)
_ORIGINALS_NOTE = (
    "The column originals has the values of the validation images themselves. The grain that is "
    "nearest to theirs is the best; more is not better."
)
_FACES_NOTE = (
    "Each value is the mean over 4 sets of generated faces, each compared with all validation "
    "images. The scores that were printed during the training differ: they use one set of "
    "generated faces and, if there are 400 validation images or more, only half of these. All of "
    "these faces have truncation 1. `srgan-gp evaluate` uses the default truncation of the model; "
    "pass it --trunc 1 to compare."
)


def score_notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what a reader must know about the scores, each note as one line.

    Args:
        rows: the table of scores, at least one row.
    """
    ways = dict.fromkeys(row.way for row in rows if row.way)  # only rows of an upscaler have a way
    if not ways:
        yield _FACES_NOTE
        return
    yield _DOWNSCALERS_NOTE
    if any(row.originals is not None for row in rows):
        yield _ORIGINALS_NOTE
    measured = {row.way for row in rows if row.metric == "pattern"}
    missing = [way for way in ways if way not in measured]
    if missing:
        yield no_texture_line("" if not measured else f" ({', '.join(missing)})")
