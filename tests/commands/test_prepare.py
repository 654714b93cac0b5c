import argparse
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.commands import prepare
from srgan_gp.data.image_sources import list_images
from srgan_gp.detection.face_alignment import TEMPLATE
from srgan_gp.detection.face_detection import Face, FaceDetector
from srgan_gp.errors import NothingToDoError, UsageError


@pytest.fixture
def faces(tmp_path, rng):
    """Twelve aligned faces and a file that is not an image."""
    folder = tmp_path / "aligned"
    folder.mkdir()
    for i in range(12):
        pixels = rng.integers(0, 256, (9, 9, 3), np.uint8)
        pixels = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_NEAREST)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("about the faces")
    return folder


def run(*arguments):
    parser = argparse.ArgumentParser()
    prepare.add_options(parser)
    return prepare.run(parser.parse_args([*map(str, arguments), "--size", "32"]))


def test_results_are_printed_and_written(faces, tmp_path, capsys):
    assert run(faces, "-o", tmp_path / "faces.zip", "--aligned", "--validation-share", "0.25") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "12 photos: 12 used", "12 faces: 12 kept", "9 faces to train on, 3 for validation",
        str(tmp_path / "faces.zip"), str(tmp_path / "faces-sheet.png"),
    ]  # fmt: skip
    assert "Skipped files of other types: 1 .txt" in printed.err
    assert len(list_images(f"{tmp_path / 'faces.zip'}:val")) == 3
    with Image.open(tmp_path / "faces-sheet.png") as sheet:
        assert sheet.format == "PNG"


@pytest.mark.parametrize(
    ("options", "held"), [([], 4), (["--validation-share", "0.1"], 1), (["--validation", "0.5"], 6)]
)
def test_four_faces_are_for_validation_unless_a_share_is_given(
    faces, tmp_path, capsys, options, held
):
    words = [str(faces), "-o", str(tmp_path / "faces.zip"), "--aligned", "--size", "32", *options]
    assert main(["prepare", *words]) == 0
    printed = capsys.readouterr()
    assert f"{12 - held} faces to train on, {held} for validation" in printed.out
    assert ("is now --validation-share" in printed.err) == ("--validation" in options)
    assert "too few to fine-tune" in printed.err


def test_the_next_command_is_printed(faces, tmp_path, rng, capsys):
    for i in range(12, 20):
        pixels = cv2.resize(rng.integers(0, 256, (9, 9, 3), np.uint8), (64, 64))
        Image.fromarray(pixels).save(faces / f"{i}.png")
    assert run(faces, "-o", tmp_path / "my faces.zip", "--aligned") == 0
    printed = capsys.readouterr()
    assert "16 faces to train on, 4 for validation" in printed.out
    command = f"srgan-gp finetune --from face-x4 --data '{tmp_path}/my faces.zip' --name mine"
    reason, *following = printed.err.splitlines()[-3:]
    assert "start from face-x4" in reason and "For photos start from photo-x4" in reason
    assert "from 32 to 8 pixels" in reason
    assert following[0] == f"Next: {command}"
    assert "srgan-gp finetune --from faces-64 --data " in following[1]


def test_a_photo_that_is_text_gets_the_formats_of_this_command(tmp_path, capsys):
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(NothingToDoError):
        run(tmp_path / "a.jpg", "-o", tmp_path / "a.zip", "--aligned")
    said = capsys.readouterr().err
    assert "BMP, AVIF or HEIC" in said and "GIF" not in said


def test_json_is_one_object_and_a_damaged_photo_ends_with_3(faces, tmp_path, capsys):
    (faces / "damaged.png").write_bytes((faces / "0.png").read_bytes()[:60])
    assert run(faces, "-o", tmp_path / "new" / "faces.zip", "--aligned", "--json") == 3
    result = json.loads(capsys.readouterr().out)
    assert result["photos_by_outcome"]["unreadable"] == 1
    assert (result["photos"], result["kept"], result["passed_over"]) == (13, 12, {".txt": 1})


def test_photos_above_max_pixels_are_not_decoded(faces, tmp_path, capsys):
    limit = ["--max-pixels", "4095"]  # each face has 4,096
    (faces / "large.png").write_bytes((faces / "0.png").read_bytes())
    Image.new("RGB", (60, 60)).save(faces / "0.png")
    with pytest.raises(NothingToDoError):
        run(faces, "-o", tmp_path / "faces.zip", "--aligned", *limit, "--most-blur", "0")
    problems = capsys.readouterr().err
    assert problems.count("allowed; downscale it or raise --max-pixels") == 12
    assert "\n0.png" not in f"\n{problems}"
    assert run(faces, "-o", tmp_path / "faces.zip", "--aligned") == 0


def test_an_existing_file_is_kept_by_default(faces, tmp_path, capsys):
    output = tmp_path / "faces.zip"
    output.write_bytes(b"of somebody")
    with pytest.raises(UsageError, match="exists; choose another name"):
        run(faces, "-o", output, "--aligned")
    assert output.read_bytes() == b"of somebody"
    assert run(faces, "-o", output, "--aligned", "--exist", "overwrite") == 0
    assert len(list_images(output)) == 12


def test_a_contact_sheet_among_the_photos_is_not_an_input(faces, capsys):
    for _ in range(2):
        assert run(faces, "-o", faces / "faces.zip", "--aligned", "--exist", "overwrite") == 0
        assert "12 photos: 12 used" in capsys.readouterr().out


def test_zip_files_and_single_images_are_inputs_too(faces, tmp_path, capsys):
    assert run(faces, "-o", tmp_path / "all.zip", "--aligned", "--validation-share", "0") == 0
    assert "add 8 or more" in capsys.readouterr().err
    places = [f"{tmp_path / 'all.zip'}:train", faces / "3.png"]
    assert run(*places, "-o", tmp_path / "b.zip", "--aligned", "--smallest", "1") == 0
    # The photo is in the zip file too, at half its size.
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "13 photos: 12 used, 1 no face kept"
    assert second == "13 faces: 12 kept, 1 dropped (1 there already)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--validation-share", "1"], "from 0 to below 1"),
        (["--most-blur", "-1"], "from 0 to 1"),
        (["--most-blur", "nan"], "from 0 to 1"),
        (["--detector", "yunet.onnx"], "drop one"),
        (["--sheet", "faces.txt"], "is a PNG file"),
        (["-o", "faces.tar"], r"use faces\.zip"),
        (["-o", "."], r"use faces\.zip"),
    ],
)
def test_wrong_options_are_refused(arguments, message, faces, tmp_path):
    with pytest.raises(UsageError, match=message):
        run(faces, "-o", tmp_path / "faces.zip", "--aligned", *arguments)


def test_unfinished_files_of_a_killed_run_are_removed(faces, tmp_path):
    left = [tmp_path / name / ".faces.0123abcd.part" for name in ("new", "sheets")]
    for path in left:
        path.parent.mkdir()
        path.write_bytes(b"half a")
    arguments = [
        "-o",
        left[0].with_name("a.zip"),
        "--sheet",
        left[1].with_name("a.png"),
        "--aligned",
    ]
    assert run(faces, *arguments) == 0
    assert not any(path.exists() for path in left)


def test_a_folder_as_the_result_is_refused(faces):
    with pytest.raises(UsageError, match=r"use .*aligned\.zip\.$"):
        run(faces, "-o", faces, "--aligned")
    (faces / "other").mkdir()
    with pytest.raises(UsageError, match=r"other.faces\.zip\.$"):
        run(faces, "-o", faces / "other", "--aligned")


def test_the_advice_states_the_limit_of_small_faces(faces, tmp_path, rng, capsys):
    Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(faces / "small.png")
    assert run(faces, "-o", tmp_path / "faces.zip", "--aligned", "--smallest", "20") == 0
    printed = capsys.readouterr().err
    assert "a side below 20 pixels in the photo; --smallest 10 keeps smaller ones" in printed
    assert "manifest.json in faces.zip has the photo of each face." in printed


def test_enlarged_faces_are_counted(faces, tmp_path, rng, capsys):
    pixels = rng.integers(0, 256, (9, 9, 3), np.uint8)
    Image.fromarray(cv2.resize(pixels, (90, 90))).save(faces / "larger.png")
    words = ["prepare", str(faces), "-o", str(tmp_path / "faces.zip"), "--aligned"]
    words += ["--exist", "overwrite", "--most-blur", "1"]
    assert main([*words, "--size", "100"]) == 0
    advice = (
        "12 of 13 faces are enlarged by more than a quarter, to 100 pixels; --size 64 --smallest "
        "64 enlarges none, and --smallest 80 drops them."
    )
    assert advice in capsys.readouterr().err
    for option, side, kept in [("--size", "64", 13), ("--size", "80", 13), ("--smallest", "80", 1)]:
        size = [] if option == "--size" else ["--size", "100"]
        assert main([*words, *size, option, side, "--json"]) == 0
        counts = json.loads(capsys.readouterr().out)
        assert (counts["kept"], counts["enlarged"]) == (kept, 0)
        assert main([*words, *size, option, side]) == 0
        assert "enlarged" not in capsys.readouterr().err


class TightCrops:
    """Replaces YuNet: in an image of 64 pixels the square of the face has twice its side."""

    def __init__(self, file):
        self.file = file

    def detect(self, pixels):
        side = pixels.shape[0]
        square = TEMPLATE * 2 * side - side / 2 if side == 64 else TEMPLATE * side - 0.5
        return [Face((0, 0, side, side), square, 0.9)]


def test_faces_that_are_cut_off_get_the_advice_of_aligned_faces(
    faces, tmp_path, rng, capsys, monkeypatch
):
    detector = TightCrops(faces / "notes.txt")
    monkeypatch.setattr(FaceDetector, "load", lambda *_: detector)
    advice = "If the images are faces already, each a square crop of one face, pass --aligned."
    with pytest.raises(NothingToDoError, match=r"12 cut off.* pass --aligned\.") as error:
        run(faces, "-o", tmp_path / "none.zip")
    assert str(error.value).endswith(advice)
    pixels = cv2.resize(rng.integers(0, 256, (9, 9, 3), np.uint8), (80, 80))
    Image.fromarray(pixels).save(faces / "larger.png")
    assert run(faces, "-o", tmp_path / "one.zip") == 0
    printed = capsys.readouterr()
    assert "13 faces: 1 kept, 12 dropped (12 cut off)" in printed.out
    assert f"{advice}\n" in printed.err


def test_sides_above_the_limit_are_refused(faces, tmp_path, capsys):
    arguments = [str(faces), "-o", str(tmp_path / "faces.zip"), "--aligned", "--size", "2049"]
    with pytest.raises(SystemExit):
        main(["prepare", *arguments])
    assert "need 2048 at most, not 2049" in capsys.readouterr().err


def test_named_inputs_are_never_replaced(faces, tmp_path):
    archive, photo = tmp_path / "faces.zip", faces / "3.png"
    run(faces, "-o", archive, "--aligned")
    before = archive.read_bytes(), photo.read_bytes()
    arguments = ["--aligned", "--exist", "overwrite", "--smallest", "1"]
    for place in (archive, f"{archive}:train", tmp_path / "*.zip"):
        with pytest.raises(UsageError, match="is among the photos"):
            run(place, "-o", archive, *arguments)
    with pytest.raises(UsageError, match="is among the photos"):
        run(faces, photo, "-o", tmp_path / "new.zip", "--sheet", photo, *arguments)
    with pytest.raises(UsageError, match="is among the photos"):
        run(faces / "*.png", "-o", tmp_path / "new.zip", "--sheet", photo, *arguments)
    assert (archive.read_bytes(), photo.read_bytes()) == before


def test_an_unreadable_folder_is_reported_and_ends_with_3(faces, tmp_path, capsys, monkeypatch):
    closed = faces / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refuse(path):  # root may read every folder
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(closed))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert run(faces, "-o", tmp_path / "faces.zip", "--aligned") == 3
    assert f"The folder {closed} cannot be read: Permission denied." in capsys.readouterr().err


@pytest.mark.parametrize("place", ["nothing", "nothing-*.jpg"])
def test_a_mistyped_input_is_named_before_a_missing_detector(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    with pytest.raises(UsageError, match=r"(does not exist|Nothing matches).*Check the pa"):
        run(tmp_path / place, "-o", tmp_path / "faces.zip")


def test_the_message_about_a_missing_detector_names_the_option(
    faces, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    assert main(["prepare", str(faces), "-o", str(tmp_path / "faces.zip")]) == 2
    assert capsys.readouterr().err.endswith(" Or pass --detector FILE.\n")


def test_without_a_detector_nothing_is_written(faces, tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    with pytest.raises(UsageError, match="srgan-gp fetch face-detector"):
        run(faces, "-o", tmp_path / "new" / "faces.zip")
    assert not (tmp_path / "new").exists()


def test_no_kept_face_is_an_error_with_the_reasons(faces, tmp_path):
    with pytest.raises(NothingToDoError, match=r"12 dropped \(12 too small\)"):
        run(faces, "-o", tmp_path / "faces.zip", "--aligned", "--smallest", "65")


def test_the_command_works_without_torch(faces, tmp_path):
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import argparse; from srgan_gp.commands import prepare\n"
        "parser = argparse.ArgumentParser(); prepare.add_options(parser)\n"
        "raise SystemExit(prepare.run(parser.parse_args(sys.argv[1:])))"
    )
    arguments = [str(faces), "-o", str(tmp_path / "faces.zip"), "--aligned", "--size", "32"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr
