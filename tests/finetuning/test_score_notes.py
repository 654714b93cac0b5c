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


def parsed_command(note):
    """Parse the command at the end of a note."""
    command = shlex.split(note.rpartition(": ")[2])
    assert command[0] == "srgan-gp"
    return build_parser().parse_args(command[1:])


@pytest.mark.parametrize(
    ("measured", "named"),
    [((), ""), (("matlab",), " (area-jpeg75)"), (("area-jpeg75",), " (matlab)"), (WAYS, None)],
)
def test_texture_that_is_not_measured_has_its_reason(measured, named):
    psnr = [Row("psnr_y", way, 20.0, 21.0) for way in WAYS]
    pattern = [Row("pattern", way, 0.1, 0.2, originals=0.05) for way in measured]
    notes = list(score_notes(outcome(*psnr, *pattern), "some"))
    found = [note for note in notes if "are not measured" in note]
    expected = [] if named is None else [f"Pattern and grain{named} are not measured: they need"]
    assert [note[: len(start)] for note, start in zip(found, expected, strict=True)] == expected
    assert all("in the centre of 512 x 512 pixels of an image" in note for note in found)
    assert any("column originals" in note for note in notes) == bool(measured)


@pytest.mark.parametrize(
    ("trained_on", "validation", "count"), [(26, 7, 7), (900, 600, 512), (500, 600, 512)]
)
def test_the_printed_command_measures_faces_as_the_table_does(trained_on, validation, count):
    rows = [Row(metric, "", 2.0, 1.0) for metric in ("kid_squeeze", "fd_yunet")]
    found = outcome(*rows, trained_on=trained_on, validation=validation)
    table, evaluate = score_notes(found, "mine", {"feature_weights": "weights.pth"})
    assert f"4 sets of {count} generated faces of truncation 1" in table
    assert ("fewer than 100 validation faces" in evaluate) == (validation < 100)
    options = parsed_command(evaluate)
    assert (options.model, options.data) == ("mine", "runs/my faces/held_out.list")
    assert (options.count, options.trunc, options.validation_half) == (count, 1.0, "all")
    # The baseline needs as many training faces as are generated.
    assert options.train_data == (["runs/my faces/train.list"] if count <= trained_on else None)
    assert str(options.feature_weights) == "weights.pth"
    assert options.detector is None  # the installed one, as in the run


@pytest.mark.parametrize(
    ("metrics", "changes", "detector", "weights"),
    [
        (("kid_squeeze", "fd_yunet"), {}, "None", "None"),
        # YuNet is not installed.
        (("kid_squeeze",), {}, "none", "None"),
        (("kid_squeeze",), {"face_detector": "none"}, "none", "None"),
        (("kid_squeeze", "fd_yunet"), {"face_detector": "my net.onnx"}, "my net.onnx", "None"),
        # The run compares without SqueezeNet.
        (("fd_yunet",), {"perceptual_loss": "none", "best_by": "fd_yunet"}, "None", "none"),
        ((), {"feature_weights": "none", "face_detector": "none"}, "none", "none"),
    ],
)
def test_the_printed_command_uses_the_networks_of_the_table(metrics, changes, detector, weights):
    rows = [Row(metric, "", 2.0, 1.0) for metric in ("fd_hog", *metrics)]
    _, evaluate = score_notes(outcome(*rows), "mine", changes)
    options = parsed_command(evaluate)
    assert (str(options.detector), str(options.feature_weights)) == (detector, weights)


@pytest.mark.parametrize(
    ("validation", "model", "number_of_notes"),
    [(1_000, "mine", 2), (1_001, "mine", 1), (7, "old.onnx", 2), (7, "old.safetensors", 1)],
)
def test_no_command_is_printed_that_measures_otherwise(validation, model, number_of_notes):
    found = outcome(Row("fd_hog", "", 2.0, 1.0), trained_on=2_000, validation=validation)
    notes = list(score_notes(found, model))
    assert len(notes) == number_of_notes
    assert sum("srgan-gp evaluate" in note for note in notes) == number_of_notes - 1
