"""`srgan-gp upscale`: each failure is one message with a code, and leaves other files alone."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.system.write_errors import convert_write_errors


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".srgan-gp")


def test_an_unreadable_file_is_one_failure_and_the_others_are_upscaled(upscale, folder, tmp_path):
    (folder / "broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:400])
    (folder / "text.png").write_text("not an image")
    code, report, _ = upscale(folder, folder / "nowhere.png", "-o", tmp_path / "out")
    assert (code, report["done"], report["failed"]) == (3, 3, 3)
    failures = {Path(p["source"]).name: p["code"] for p in report["pictures"] if "code" in p}
    assert failures == {
        "broken.jpg": "E_DAMAGED", "text.png": "E_NOT_AN_IMAGE", "nowhere.png": "E_NOT_FOUND",
    }  # fmt: skip
    assert names(tmp_path / "out") == ["a.jpg", "a.png", "b.png"]


def test_each_failure_is_one_line_of_stderr_with_its_code(
    repeating_model, folder, tmp_path, capsys
):
    (folder / "te\nxt.png").write_text("not an image")
    code = main(["upscale", str(folder), "-o", str(tmp_path / "out"), "-n", str(repeating_model)])
    captured = capsys.readouterr()
    assert (code, captured.out) == (3, "")
    [line] = [line for line in captured.err.splitlines() if "E_NOT_AN_IMAGE" in line]
    assert r"te\nxt.png: E_NOT_AN_IMAGE: " in line
    assert "3 done, 0 skipped, 1 failed; 1 other file ignored (1 .md)" in captured.err


def test_too_many_pixels_are_refused(upscale, folder):
    code, report, _ = upscale(folder / "a.png", "--max-pixels", "191")
    assert (code, report["pictures"][0]["code"]) == (3, "E_TOO_MANY_PIXELS")
    assert upscale(folder / "a.png", "--max-pixels", "192")[0] == 0


def test_a_result_of_too_many_pixels_is_refused_at_the_start(upscale, folder):
    code, report, _ = upscale(folder / "a.png", "--max-pixels", "192", "-s", "4.1")
    assert (code, report["pictures"][0]["code"]) == (3, "E_TOO_MANY_PIXELS")


def test_a_result_above_the_limit_of_its_format_is_refused_at_the_start(upscale, tmp_path):
    Image.new("RGB", (4097, 1)).save(tmp_path / "wide.png")
    code, report, _ = upscale(tmp_path / "wide.png", "-f", "webp")
    assert (code, report["pictures"][0]["code"]) == (3, "E_ENCODER_LIMIT")
    assert not (tmp_path / "wide_x4.webp").exists()


def test_a_folder_without_images_is_nothing_to_do(upscale, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").touch()
    code, _, errors = upscale(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 4
    assert "1 other file" in errors
    assert not (tmp_path / "out").exists()


def test_a_file_that_never_existed_is_said_not_to_exist(upscale, tmp_path):
    code, report, _ = upscale(tmp_path / "nowhere.png")
    [entry] = report["pictures"]
    assert (code, entry["code"]) == (3, "E_NOT_FOUND")
    assert entry["message"] == "it does not exist; check the name"


def test_a_similar_name_is_suggested_for_a_missing_folder(upscale, folder, tmp_path):
    for name in ("In", "inn"):
        [entry] = upscale(tmp_path / name, "-r", "-o", tmp_path / "out")[1]["pictures"]
        assert entry["message"] == f"it does not exist; did you mean {folder}?"
    # A common suffix is no similarity.
    (tmp_path / "in.jpg").touch()
    [entry] = upscale(tmp_path / "missing.jpg")[1]["pictures"]
    assert entry["message"] == "it does not exist; check the name"


def test_a_pattern_without_matches_is_nothing_to_do(upscale, tmp_path):
    assert upscale(tmp_path / "*.png", "-o", tmp_path / "out")[0] == 4


def test_a_pattern_without_matches_among_others_is_a_failure(upscale, folder, tmp_path):
    code, report, _ = upscale(folder / "*.tif", folder / "a.png", "-o", tmp_path / "out")
    assert (code, report["done"], report["failed"]) == (3, 1, 1)
    assert {p["code"] for p in report["pictures"] if "code" in p} == {"E_NOT_FOUND"}


LONG_NAME = 300 * "a"


def test_an_input_name_too_long_for_the_system_fails_alone(upscale, folder, tmp_path):
    code, report, _ = upscale(LONG_NAME, folder / "a.png", "-o", tmp_path / "out")
    assert (code, report["done"]) == (3, 1)
    # Two images run at the same time, so that either may end first.
    assert [p["code"] for p in report["pictures"] if "code" in p] == ["E_UNREADABLE"]


def test_an_output_name_too_long_for_the_system_is_reported(upscale, folder):
    code, _, errors = upscale(folder / "a.png", "-o", LONG_NAME)
    assert code == 5
    assert "File name too long" in errors


def test_an_output_folder_that_is_a_file_is_refused_at_the_start(upscale, folder, tmp_path):
    (tmp_path / "out").touch()
    code, report, errors = upscale(folder, "-o", tmp_path / "out")
    assert (code, report) == (5, None)
    assert "is a file" in errors


def test_a_read_only_output_folder_is_refused_at_the_start(upscale, folder):
    code, report, errors = upscale(folder, "-o", "/proc/self/results")
    assert (code, report) == (5, None)
    assert "cannot be written" in errors


def test_a_full_disk_ends_the_run_and_counts_the_rest(upscale, folder, tmp_path, monkeypatch):
    def full_disk(path, _write):
        with convert_write_errors(path):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("srgan_gp.batch.one_image.write_staged", full_disk)
    code, report, errors = upscale(folder, "-o", tmp_path / "out")
    assert (code, report["done"], report["not_tried"]) == (5, 0, 3)
    assert "disk is full" in errors
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_refused(folder, capsys):
    assert main(["upscale", str(folder / "a.png"), "-n", "no-such-model"]) == 8
    assert "no-such-model" in capsys.readouterr().err


def test_a_file_that_is_not_a_model_is_refused(folder, capsys):
    (folder / "fake.onnx").write_bytes(b"not a model")
    assert main(["upscale", str(folder / "a.png"), "-n", str(folder / "fake.onnx")]) == 8
    expected = f"The file {folder / 'fake.onnx'} is not an ONNX model, or is damaged."
    assert capsys.readouterr().err == f"srgan-gp: error: {expected}\n"


def test_a_missing_gpu_is_an_error_and_not_replaced_by_the_cpu(folder, repeating_model, capsys):
    code = main(["upscale", str(folder / "a.png"), "-n", str(repeating_model), "-g", "99"])
    assert code == 7
    assert "99" in capsys.readouterr().err
    assert not (folder / "a_x4.png").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "No input"),
        (["FOLDER"], "-o FOLDER"),
        (["FOLDER", "-o", "FOLDER"], "would replace the input"),
        (["FOLDER/a.png", "-o", "FOLDER/a.png"], "pass another name for -o"),
        (["FOLDER", "-o", "FOLDER", "--name-template", "{stem}"], "would replace the input"),
        (["FOLDER", "-o", "one.png"], "is the name of one image"),
        (["FOLDER/a.png", "-o", "one.png", "-f", "jpeg"], "suffix of --format jpeg"),
        (["FOLDER/a.png", "-o", "one.heic"], "cannot write '.heic'"),
        (["FOLDER/a.png", "-o", "one.tga"], "cannot write '.tga'"),
        (["FOLDER/a.png", "-o", "one.xyz"], "write one.xyz/ for a folder"),
        (["FOLDER/a.png", "--width", "9", "-s", "2"], "--width and --scale"),
        (["FOLDER/a.png", "--look", "crisp", "--fidelity", "1"], "--look is a name"),
        (["FOLDER/a.png", "--width", "9", "--name-template", "{scale}"], "remove {scale}"),
        (["https://example.org/a.png", "-o", "FOLDER/new"], "is an address"),
        (["-", "-o", "-", "--json"], "--json and -o - do not go together; pass -o FILE"),
        (["-", "-o", "-", "--report", "FOLDER/r"], "--report and -o - do not go together; pass"),
        (["-", "-o", "-", "--suffix", "_b"], "--suffix names a file, and -o - writes none"),
        (["-", "-o", "-", "--name-template", "{stem}"], "--name-template names a file, and -o -"),
        (["-", "-o", "b.png", "--watch"], "--watch and - do not go together"),
        (["-"], "Standard input has no name"),
        (["FOLDER/a.png", "FOLDER/a.jpg", "-o", "-"], "take one image"),
        (["FOLDER/a.png", "-o", ""], "value of -o is empty"),
        (["", "-o", "FOLDER"], "inputs is an empty text"),
        (["FOLDER/a.png", "-f", "heic"], "heic"),
        (["FOLDER/a.png", "--device", "tpu"], "tpu"),
        (["FOLDER/a.png", "--device", "cpu", "-g", "0"], "disagree"),
        (["FOLDER/a.png", "--device", "CPU", "-g", "0"], "disagree"),
    ],
)
def test_wrong_use_is_one_line(folder, repeating_model, capsys, arguments, expected):
    arguments = [word.replace("FOLDER", str(folder)) for word in arguments]
    before = names(folder)
    assert main(["upscale", *arguments, "-n", str(repeating_model)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("srgan-gp: error: ")
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert names(folder) == before


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("a.jpg", "would replace an image"),
        ("README.md", "not a report of an earlier run"),
        ("out", "is a folder; name a file, such as "),
        ("", "is a folder; name a file"),
        ("pipe", "not a report of an earlier run"),
        ("list.json", "not a report of an earlier run"),
        ("out/.srgan-gp/journal.sqlite", "a folder of journals"),
    ],
)
def test_a_report_replaces_only_a_report_and_is_checked_at_the_start(
    folder, repeating_model, capsys, monkeypatch, report, expected
):
    monkeypatch.chdir(folder)
    os.mkfifo("pipe")
    Path("list.json").write_text("[1]")
    Path("out").mkdir()
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    arguments = ["upscale", "README.md", "a.png", "-o", "out", "-n", str(repeating_model)]
    assert main([*arguments, "--report", report]) == 2
    assert expected in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize("earlier", ["", '{"source": "a", "status": "done"}\n{"source": "b"'])
def test_an_earlier_report_is_replaced(folder, repeating_model, tmp_path, earlier):
    report = tmp_path / "report.txt"
    report.write_text(earlier)
    arguments = [folder / "a.png", "-n", repeating_model, "--device", "cpu", "--report", report]
    assert main(["upscale", *map(str, arguments)]) == 0
    [line] = report.read_text().splitlines()
    assert json.loads(line)["status"] == "done"


@pytest.mark.parametrize("suffix", ["/../a", "\\\\a", "/", "a\0b"])
def test_a_suffix_that_is_a_path_is_refused(folder, suffix, capsys):
    before = (folder / "a.jpg").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(["upscale", str(folder / "a.jpg"), "-o", str(folder), "--suffix", suffix])
    assert ended.value.code == 2
    assert "part of a name" in capsys.readouterr().err
    assert (folder / "a.jpg").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["a.png", "2x"], "2x does not exist. For a scale pass -s 2."),
        (["a.png", "X3.5", "-o", "b.png"], "X3.5 does not exist. For a scale pass -s 3.5."),
        (["My", "Holiday", "1.JPG"], "Put a name with spaces in quotes: 'My Holiday 1.JPG'."),
        (
            ["a.png", "large.jpg"],
            "large.jpg does not exist. If it is the name of the result, pass -o large.jpg.",
        ),
        (
            ["a.png", "trip_big"],
            "trip_big does not exist. If it is the folder for the results, pass -o trip_big.",
        ),
        (
            ["a.png", "-r", "trip_big"],
            "trip_big does not exist. If it is the folder for the results, pass -o trip_big.",
        ),
        (
            ["one.jpg", "a.png", "two"],
            "one.jpg, two do not exist. Check the spelling, and put a name with spaces in quotes.",
        ),
        (
            ["a.png", "My Holiday 1.JPG"],
            "Several images need a folder for the results: pass -o FOLDER, such as -o upscaled.",
        ),
    ],
)
def test_a_word_that_is_no_file_is_named_before_a_folder_is_asked_for(
    folder, words, advice, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    (folder / "My Holiday 1.JPG").write_bytes((folder / "a.jpg").read_bytes())
    assert main(["upscale", *words]) == 2
    assert capsys.readouterr().err == f"srgan-gp: error: {advice}\n"
