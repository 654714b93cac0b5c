"""Notes below the table of scores, on invented rows."""

import pytest

from srgan_gp.finetuning.finetune_verdict import Row
from srgan_gp.finetuning.score_notes import score_notes

WAYS = ("matlab", "area-jpeg75")


def rows(*measured):
    """Rows of PSNR-Y in both ways, and of the pattern in the named ones."""
    psnr = [Row("psnr_y", way, 20.0, 21.0) for way in WAYS]
    return [*psnr, *(Row("pattern", way, 0.1, 0.2, originals=0.05) for way in measured)]


@pytest.mark.parametrize(
    ("measured", "named"),
    [((), ""), (("matlab",), " (area-jpeg75)"), (("area-jpeg75",), " (matlab)"), (WAYS, None)],
)
def test_texture_that_is_not_measured_has_its_reason(measured, named):
    found = [note for note in score_notes(rows(*measured)) if "are not measured" in note]
    expected = [] if named is None else [f"Pattern and grain{named} are not measured: no image"]
    assert [note[: len(start)] for note, start in zip(found, expected, strict=True)] == expected
    has_originals = any("column originals" in note for note in score_notes(rows(*measured)))
    assert has_originals == bool(measured)
