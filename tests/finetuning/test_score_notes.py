"""Notes below the table of scores, on invented rows."""

import shlex
from pathlib import Path

import pytest

from srgan_gp.cli import build_parser
from srgan_gp.finetuning.finetune_result import FinetuneResult
from srgan_gp.finetuning.finetune_verdict import Row, Verdict
from srgan_gp.finetuning.score_notes import score_notes

WAYS = ("matlab", "area-jpeg75")


def outcome(*rows, trained_on=26, validation=7):
    verdict = Verdict(False, ("no gain",), rows)
    run = Path("runs/my faces")
    return FinetuneResult("some", run, trained_on, validation, "", 64, 64, "", 1.0, verdict)


@pytest.mark.parametrize(
    ("measured", "named"),
    [((), ""), (("matlab",), " (area-jpeg75)"), (("area-jpeg75",), " (matlab)"), (WAYS, None)],
)
def test_texture_that_is_not_measured_has_its_reason(measured, named):
    psnr = [Row("psnr_y", way, 20.0, 21.0) for way in WAYS]
    pattern = [Row("pattern", way, 0.1, 0.2, originals=0.05) for way in measured]
    notes = list(score_notes(outcome(*psnr, *pattern), "some"))
    found = [note for note in notes if "are not measured" in note]
    expected = [] if named is None else [f"Pattern and grain{named} are not measured: no image"]
    assert [note[: len(start)] for note, start in zip(found, expected, strict=True)] == expected
    assert any("column originals" in note for note in notes) == bool(measured)


@pytest.mark.parametrize(
    ("trained_on", "validation", "count"), [(26, 7, 7), (900, 600, 512), (500, 600, 512)]
)
def test_the_printed_command_measures_faces_as_the_table_does(trained_on, validation, count):
    found = outcome(Row("fd_hog", "", 2.0, 1.0), trained_on=trained_on, validation=validation)
    table, evaluate = score_notes(found, "mine", "weights.pth")
    assert f"4 sets of {count} generated faces of truncation 1" in table
    assert ("fewer than 100 validation faces" in evaluate) == (validation < 100)
    command = shlex.split(evaluate.rpartition(": ")[2])
    assert command[0] == "srgan-gp"
    options = build_parser().parse_args(command[1:])
    assert (options.model, options.data) == ("mine", "runs/my faces/held_out.list")
    assert (options.count, options.trunc, options.validation_half) == (count, 1.0, "all")
    # The baseline needs as many training faces as are generated.
    assert options.train_data == (["runs/my faces/train.list"] if count <= trained_on else None)
    assert str(options.feature_weights) == "weights.pth"
