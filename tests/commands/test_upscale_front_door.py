"""`srgan-gp upscale` as a newcomer types it: sizes, streams, looks, repeated and failed runs."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.data.face_preparation.face_sheet import SHEET_XMP, draw_sheet
from srgan_gp.images import Picture, read_image, write_image

ROOT = Path(__file__).resolve().parents[2]
HEIC = ROOT / "tests" / "images" / "files" / "photo.heic"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def size_of(path):
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize("scale", ["2", "2x", "x2", "X2", "2X"])
def test_a_scale_may_have_an_x(upscale, folder, scale):
    assert upscale(folder / "a.png", "-s", scale)[0] == 0
    assert size_of(folder / "a_x2.png") == (32, 24)


@pytest.mark.parametrize("scale", ["x", "2xx", "xx2", "-2x"])
def test_other_texts_are_no_scale(folder, scale, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["upscale", str(folder / "a.png"), f"--scale={scale}"])
    assert ended.value.code == 2
    assert f"not {scale}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["-s", "200%"], "; it is a factor such as 2 or 2.5, and --width is a size in pixels"),
        (["--width", "4k"], "need a number of pixels such as 1920, not 4k"),
    ],
)
def test_another_unit_gets_the_unit_of_the_option(folder, words, advice, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["upscale", str(folder / "a.png"), *words])
    assert ended.value.code == 2
    assert advice in capsys.readouterr().err


def test_weights_of_another_project_are_imported_first(folder, tmp_path, capsys):
    weights = tmp_path / "weights.pth"
    weights.touch()
    assert main(["upscale", str(folder / "a.png"), "-n", str(weights)]) == 8
    assert capsys.readouterr().err.endswith(f"first: srgan-gp import {weights} --name NAME\n")


@pytest.mark.parametrize("width", ["50", "50px"])
def test_a_width_sets_the_size_of_each_result(upscale, folder, tmp_path, width):
    Image.new("RGB", (5, 6)).save(folder / "c.png")
    assert upscale(folder, "-o", tmp_path / "out", "--width", width)[0] == 0
    assert size_of(tmp_path / "out" / "a.png") == (50, 38)
    assert size_of(tmp_path / "out" / "c.png") == (50, 60)


def test_a_width_is_in_the_name_and_in_the_journal(upscale, folder, tmp_path):
    assert upscale(folder / "a.png", "--width", "50")[0] == 0
    assert size_of(folder / "a_w50.png") == (50, 38)
    out = tmp_path / "out"
    for options, counts in ((["50"], (1, 0, 0)), (["50"], (0, 1, 0)), (["60"], (0, 0, 1))):
        _, report, _ = upscale(folder / "a.png", "-o", f"{out}/", "--width", *options)
        assert tuple(report[name] for name in ("done", "skipped", "failed")) == counts


@pytest.mark.parametrize(
    ("look", "fidelity"), [("faithful", "1"), ("natural", "0.5"), ("crisp", "0")]
)
def test_a_look_is_a_fidelity(partners, folder, tmp_path, look, fidelity):
    words = ["upscale", str(folder / "a.png"), "-n", "near", "--device", "cpu", "-o"]
    assert main([*words, str(tmp_path / "look.png"), "--look", look]) == 0
    assert main([*words, str(tmp_path / "fidelity.png"), "--fidelity", fidelity]) == 0
    looked = (tmp_path / "look.png").read_bytes()
    assert looked == (tmp_path / "fidelity.png").read_bytes()


def test_a_look_needs_a_partner(folder, repeating_model, capsys):
    words = ["upscale", str(folder / "a.png"), "-n", str(repeating_model), "--look", "natural"]
    assert main(words) == 2
    message = "The look natural works only with photo-x2, photo-x4, not with"
    assert message in capsys.readouterr().err


def test_a_heic_photo_becomes_a_png(upscale, tmp_path):
    shutil.copy(HEIC, tmp_path / "photo.HEIC")
    assert upscale(tmp_path / "photo.HEIC")[0] == 0
    assert size_of(tmp_path / "photo_x4.png") == (192, 256)


def run_piped(model, data, *arguments):
    words = ["upscale", *arguments, "-n", str(model), "--device", "cpu"]
    return subprocess.run(
        [sys.executable, "-m", "srgan_gp", *map(str, words)],
        cwd=ROOT, check=False, input=data, capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_standard_input_is_upscaled_to_standard_output(repeating_model, folder, name):
    done = run_piped(repeating_model, (folder / name).read_bytes(), "-", "-o", "-")
    assert done.returncode == 0
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.size, image.format) == ((64, 48), name[2:].upper().replace("JPG", "JPEG"))
    said = done.stderr.decode()
    assert "standard input: 16x12 -> 64x48 standard output; " in said
    assert "srgan-gp-" not in said  # the temporary folder


def test_streams_and_files_can_be_mixed(repeating_model, folder, tmp_path):
    data = (folder / "a.png").read_bytes()
    assert run_piped(repeating_model, data, "-", "-o", tmp_path / "b.webp").returncode == 0
    assert size_of(tmp_path / "b.webp") == (64, 48)
    done = run_piped(repeating_model, b"", folder / "a.png", "-o", "-", "-f", "jpeg")
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.size, image.format) == ((64, 48), "JPEG")


@pytest.mark.parametrize(
    ("data", "code", "status"), [(None, 0, "done"), (b"\x89PNG\r\n\x1a\ncut short", 3, "failed")]
)
def test_standard_input_has_a_report(repeating_model, folder, tmp_path, data, code, status):
    data = (folder / "a.png").read_bytes() if data is None else data
    result, lines = tmp_path / "b.png", tmp_path / "report.jsonl"
    done = run_piped(repeating_model, data, "-", "-o", result, "--json", "--report", lines)
    assert done.returncode == code
    report = json.loads(done.stdout)
    [image] = report["pictures"]
    assert json.loads(lines.read_text()) == image
    assert (image["source"], image["status"]) == ("standard input", status)
    assert image.get("target") == (str(result) if status == "done" else None)
    assert b"srgan-gp-" not in done.stdout  # the temporary folder


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\ncut short"])
def test_standard_input_without_an_image_writes_nothing(repeating_model, data):
    done = run_piped(repeating_model, data, "-", "-o", "-")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "inputs", [["nowhere.png"], ["damaged.png"], ["damaged.png", "nowhere.png"], ["tree"]]
)
def test_a_failed_run_creates_no_folders(upscale, tmp_path, inputs):
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "text.png").write_text("text")
    before = names(tmp_path)
    paths = [tmp_path / name for name in inputs]
    code, _, _ = upscale(*paths, "-r", "-o", tmp_path / "new" / "out" / "")
    assert code == 3
    assert {*names(tmp_path)} - {*before} <= {"report.jsonl", "repeating.onnx"}


def test_a_failed_image_leaves_no_folder_beside_the_results(upscale, folder, tmp_path):
    (folder / "deep").mkdir()
    (folder / "deep" / "text.png").write_text("text")
    assert upscale(folder, "-r", "-o", tmp_path / "out")[0] == 3
    assert names(tmp_path / "out") == [".srgan-gp", "a.jpg", "a.png", "b.png"]


def test_results_beside_their_images_are_not_upscaled_again(upscale, folder, tmp_path):
    upscale(folder / "a.png")
    upscale(folder / "b.gif", "--width", "40")
    Image.new("RGB", (3, 3)).save(folder / "other_x4.png")  # no image of that name
    code, report, _ = upscale(folder, "-o", tmp_path / "out")
    assert (code, report["done"]) == (0, 4)
    assert "other_x4.png" in names(tmp_path / "out")
    assert "a_x4.png" not in names(tmp_path / "out")


def test_results_of_a_run_inside_a_tree_are_not_upscaled_again(upscale, folder, tmp_path):
    assert upscale(folder, "-o", folder / "large")[1]["done"] == 3
    Image.new("RGB", (3, 3)).save(folder / "large" / "mine.png")
    code, report, _ = upscale(folder, "-r", "-o", tmp_path / "out")
    assert (code, report["done"]) == (0, 4)
    assert names(tmp_path / "out" / "large") == ["mine.png"]


def test_results_without_their_originals_are_not_enlarged_without_a_word(
    repeating_model, folder, tmp_path, capsys
):
    def lines(*words):
        fixed = ["-n", str(repeating_model), "--device", "cpu", "-o", str(tmp_path / "out")]
        assert main(["upscale", str(folder), *fixed, *words]) == 0
        printed = capsys.readouterr().err.splitlines()
        return [line for line in printed if " of a result, without the original" in line]

    original = folder / "no_suffix"
    Image.new("RGB", (3, 3)).save(original, "PNG")
    Image.new("RGB", (3, 3)).save(folder / "no_suffix_x4.png")

    assert lines() == []
    (folder / "b.gif").rename(folder / "c_x4.gif")
    expected = (
        "1 input has the name of a result, without the original beside it, and may be enlarged "
        f"for the second time: {folder / 'c_x4.gif'}"
    )
    assert lines("--dry-run") == lines() == [expected]
    Image.new("RGB", (3, 3)).save(folder / "d_w640.png")
    [line] = lines()
    assert line.startswith("2 inputs have names of a result, without the originals beside them, ")
    assert line.endswith("_x4.gif and 1 more")
    original.unlink()
    [line] = lines()
    assert line.startswith("3 inputs have names of a result, ")


def test_a_folder_of_results_is_upscaled_again_when_they_are_named(upscale, folder, tmp_path):
    assert upscale(folder, "-o", tmp_path / "large")[1]["done"] == 3
    code, _, errors = upscale(tmp_path / "large", "-o", tmp_path / "larger")
    assert code == 4
    assert "3 results of earlier runs were skipped; name such files" in errors
    assert not (tmp_path / "larger").exists()
    code, report, _ = upscale(tmp_path / "large" / "*.png", "-o", tmp_path / "larger")
    assert (code, report["done"]) == (0, 2)


def test_lines_about_the_inputs_come_before_the_images(repeating_model, folder, capsys):
    words = ["-n", str(repeating_model), "--device", "cpu", "-o", str(folder.parent / "out")]
    Image.new("RGB", (3, 3)).save(folder / "b_x4.png")
    (folder / "raw.nef").touch()
    assert main(["upscale", str(folder), *words]) == 0
    printed = capsys.readouterr().err.splitlines()
    assert printed[0].startswith("1 .nef file skipped")
    assert printed[1] == (
        "1 result of an earlier run is not enlarged again; name such files to enlarge them: "
        f"{folder / 'b_x4.png'}"
    )
    assert sum(" -> " in line for line in printed) == 3
    assert printed[-1].startswith("3 done")


def test_a_named_result_is_upscaled_with_a_word(repeating_model, folder, capsys):
    words = ["-n", str(repeating_model), "--device", "cpu"]
    assert main(["upscale", str(folder / "a.png"), *words]) == 0
    capsys.readouterr()
    assert main(["upscale", str(folder / "a_x4.png"), *words]) == 0
    expected = (
        "1 input is the result of an earlier run, enlarged again because you named it: "
        f"{folder}/a_x4.png"
    )
    assert expected in capsys.readouterr().err


def test_an_existing_file_beside_the_image_is_said_to_exist_and_no_more(upscale, folder):
    assert upscale(folder / "a.png")[0] == 0
    code, report, _ = upscale(folder / "a.png")
    [image] = report["pictures"]
    assert (code, image["code"]) == (3, "E_EXISTS")
    assert image["message"] == (
        f"{folder}/a_x4.png exists, and nothing records how it was made; pass --exist overwrite to "
        "replace it, --exist skip to keep it, or another -o"
    )


@pytest.mark.parametrize("exist", [[], ["--exist", "overwrite"], ["--exist", "rename"]])
def test_a_missing_input_is_said_to_be_missing_where_its_result_exists(upscale, folder, exist):
    assert upscale(folder / "a.png")[0] == 0
    before = (folder / "a_x4.png").read_bytes()
    code, report, _ = upscale(folder / "a.pgn", *exist)
    [image] = report["pictures"]
    assert (code, image["code"]) == (3, "E_NOT_FOUND")
    assert image["message"].startswith("it does not exist; did you mean ")
    assert (folder / "a_x4.png").read_bytes() == before


@pytest.mark.parametrize("word", ["2x", "x2", "2"])
def test_a_scale_without_its_option_is_named_with_an_output_folder_too(upscale, folder, word):
    code, _, errors = upscale(folder / "a.png", word, "-o", folder / "out")
    assert (code, (folder / "out").exists()) == (2, False)
    assert f"{word} does not exist. For a scale pass -s 2." in errors


def test_a_missing_file_beside_others_costs_only_itself(upscale, folder):
    code, report, _ = upscale(folder / "a.png", folder / "missing.png", "-o", folder / "out")
    assert (code, report["done"], report["failed"]) == (3, 1, 1)


@pytest.mark.parametrize("name", ["-gone.png", "--gone.png", "--gone=2.jpg"])
def test_a_missing_file_whose_name_begins_with_a_dash_costs_only_itself(
    repeating_model, folder, tmp_path, name, capsys
):
    out = tmp_path / "out"
    words = ["upscale", "-n", str(repeating_model), "--device", "cpu", "-o", str(out), "--json"]
    assert main([*words, "--", str(folder), name]) == 3
    report = json.loads(capsys.readouterr().out)
    assert (report["done"], report["failed"]) == (3, 1)
    [failed] = [image for image in report["pictures"] if image["status"] == "failed"]
    assert (failed["source"], failed["code"]) == (name, "E_NOT_FOUND")


@pytest.mark.parametrize("word", ["-z", "--scle", "--scle=2.5"])
def test_an_option_after_the_end_of_options_is_refused_with_an_output_folder_too(
    folder, tmp_path, word, capsys
):
    assert main(["upscale", "-o", str(tmp_path / "out"), "--", str(folder), word]) == 2
    assert f"{word} does not exist. Words after -- are" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--faces", "0.5"], "For the strength of --faces pass --face-strength 0.5."),
        (["--faces", "1"], "For the strength of --faces pass --face-strength 1."),
        (["--faces", "2"], "For a scale pass -s 2."),
        (["--faces", "1x"], "For a scale pass -s 1."),
        (["--faces", "--face-strength", "1", "0.5"], "For a scale pass -s 0.5."),
    ],
)
def test_a_number_after_faces_is_taken_for_the_strength(folder, tmp_path, words, advice, capsys):
    start = ["upscale", str(folder / "a.png"), "-o", str(tmp_path / "out")]
    assert main([*start, *words]) == 2
    assert capsys.readouterr().err.endswith(f" does not exist. {advice}\n")


def test_sheets_of_faces_among_the_inputs_are_said_once(
    repeating_model, folder, tmp_path, capsys, tiny_face_model
):
    def lines(*words):
        assert main(["upscale", *words, "-n", str(repeating_model), "--device", "cpu"]) == 0
        return [line for line in capsys.readouterr().err.splitlines() if "srgan-gp" in line]

    sheet = folder / "sheet.png"
    assert main(["generate", "--grid", "2x2", "-n", str(tiny_face_model()), "-o", str(sheet)]) == 0
    contact = Picture(draw_sheet([]), xmp=SHEET_XMP)
    write_image(contact, folder / "z-sheet.png")
    capsys.readouterr()
    expected = f"2 of the inputs were written by srgan-gp generate or prepare: {sheet} and 1 more"
    out = str(tmp_path / "out")
    assert lines(str(folder), "-o", out) == [expected]
    assert lines(str(folder), "-o", out) == []
    assert lines(str(sheet)) == []
    alone = tmp_path / "alone"
    alone.mkdir()
    sheet.rename(alone / "sheet.png")
    assert lines(str(alone), "-o", str(tmp_path / "out2")) == [
        f"1 of the inputs was written by srgan-gp generate or prepare: {alone / 'sheet.png'}"
    ]
    (alone / "sheet.png").rename(sheet)
    (folder / "sheet_x4.png").unlink()
    assert main(["upscale", str(folder), "-o", str(tmp_path / "new"), "--dry-run"]) == 0
    assert capsys.readouterr().out.count("written by srgan-gp generate or prepare\n") == 2


def test_a_folder_of_prepared_faces_inside_is_said(repeating_model, folder, tmp_path, capsys):
    (folder / "faces" / "train").mkdir(parents=True)
    (folder / "a.png").rename(folder / "faces" / "train" / "0.png")
    (folder / "faces" / "manifest.json").write_text("{}")
    words = ["-n", str(repeating_model), "--device", "cpu", "-o", str(tmp_path / "out")]
    assert main(["upscale", str(folder), "-r", *words]) == 0
    expected = f"{folder}/faces has the faces of a file of srgan-gp prepare, and they are inputs"
    assert expected in capsys.readouterr().err


def test_a_missing_command_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert "upscale images, single files or whole folders" in printed
    assert printed.endswith("srgan-gp: error: no command; type one of those above\n")


def test_a_multi_page_tiff_has_one_fate_in_dry_run_and_run(repeating_model, tmp_path):
    pages = [Image.new("RGB", (8, 6), (value, 0, 0)) for value in (0, 90)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    for options, code in (([], 0), (["-f", "png"], 3), (["-f", "png", "--frames", "first"], 0)):
        words = ["upscale", str(tmp_path / "scan.tif"), "-n", str(repeating_model), *options]
        words += ["-o", f"{tmp_path}/out{len(options)}/", "--device", "cpu"]
        assert main([*words, "--dry-run"]) == code
        assert main(words) == code


def test_a_dry_run_names_the_files_that_are_no_inputs(upscale, repeating_model, folder, capsys):
    upscale(folder / "a.png")
    (folder / "b.nef").touch()
    (folder / "c.ppm").touch()
    (folder / "inside").mkdir()
    (folder / ".hidden").mkdir()
    words = ["upscale", str(folder), "-o", str(folder / "out"), "-n", str(repeating_model)]
    capsys.readouterr()
    assert main([*words, "--dry-run"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[:6] == [
        "1 .nef file skipped: camera raw is not read; save as JPEG, PNG or TIFF first",
        "1 .ppm file skipped: PPM is not read; save as JPEG, PNG or TIFF first",
        "other files, ignored: 1 .md",
        "results of earlier runs, ignored unless they are named: 1",
        "folders inside, not entered (-r enters them): 1",
        "hidden folders, not entered unless they are named: 1",
    ]
    assert lines[7] == "Only headers were read: a damaged file is found when it is upscaled."


def test_results_of_an_earlier_version_of_the_model_are_told_once(
    tiny_model, onnx_models, folder, tmp_path, capsys
):
    words = ["upscale", str(folder), "-o", str(tmp_path / "out"), "--device", "cpu", "-n"]
    older = tiny_model("repeating", onnx_models.repeating(), scale="4", overlap="0", version="1")
    assert main([*words, str(older)]) == 0
    newer = tiny_model("repeating", onnx_models.repeating(), scale="4", overlap="0", version="2")
    capsys.readouterr()
    assert main([*words, str(newer), "--dry-run"]) == 3
    assert capsys.readouterr().out.count("E_MODEL_CHANGED") == 1
    assert main([*words, str(newer)]) == 3
    printed = capsys.readouterr().err
    assert printed.count("E_MODEL_CHANGED") == 1
    assert (
        "E_MODEL_CHANGED: 3 results exist and were made by an earlier version of repeating;"
        in printed
    )
    assert "0 done, 0 skipped, 3 failed" in printed
    assert main([*words, str(newer), "-s", "2"]) == 3
    printed = capsys.readouterr().err
    assert printed.count("were made with other options (scale 4, now 2)") == 1
    assert printed.count("E_EXISTS") == 1
    assert main([*words, str(newer), "-s", "2", "--dry-run"]) == 3
    assert capsys.readouterr().out.count("E_EXISTS: 3 results exist and were made with other") == 1
    assert main([*words, str(newer), "--exist", "overwrite"]) == 0


def test_existing_results_of_a_folder_are_one_line_and_each_is_in_the_report(
    upscale, repeating_model, folder, tmp_path, capsys
):
    out = tmp_path / "out"
    assert upscale(folder, "-o", out)[0] == 0
    words = ["upscale", str(folder), "-n", str(repeating_model), "--device", "cpu", "--width", "20"]
    assert main([*words, "-o", str(out)]) == 3
    lines = [line for line in capsys.readouterr().err.splitlines() if "E_EXISTS" in line]
    assert lines == [
        "E_EXISTS: 3 results exist and were made with other options (without --width, now --width "
        f"20); the first is that of {folder}/a.jpg. Pass --exist overwrite to make them again, "
        "--exist skip to keep them, or another -o."
    ]
    code, report, _ = upscale(folder, "-o", out, "--width", "20")
    assert (code, report["failed"]) == (3, 3)
    for image in report["pictures"]:
        assert (image["code"], "shared_text" in image) == ("E_EXISTS", False)
        assert f"{out}/{Path(image['source']).stem}." in image["message"]


@pytest.mark.parametrize("is_dry_run", [False, True])
def test_files_that_the_journal_does_not_know_are_named_one_by_one(
    repeating_model, folder, tmp_path, is_dry_run, capsys
):
    (out := tmp_path / "out").mkdir()
    names = [path.name for path in folder.iterdir() if path.is_file()]
    for name in names:
        (out / name).write_bytes(b"a file of the user")
    words = ["upscale", str(folder), "-n", str(repeating_model), "--device", "cpu", "-o", str(out)]
    assert main([*words, "--dry-run"] if is_dry_run else words) == 3
    printed = "".join(capsys.readouterr())
    lines = [line for line in printed.splitlines() if "E_EXISTS" in line]
    assert len(lines) > 1
    assert all(f"E_EXISTS: {out}/" in line for line in lines)
    assert "results exist" not in printed
    assert "make them again" not in printed


def test_the_first_frame_of_a_still_image_is_not_another_option(upscale, folder, tmp_path):
    frames = [Image.new("RGB", (8, 6), (value, 0, 0)) for value in (0, 90)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    out = tmp_path / "out"
    assert upscale(folder, "-o", out)[0] == 0
    code, report, _ = upscale(folder, "-o", out, "--frames", "first")
    assert (code, report["skipped"], report["failed"]) == (3, 3, 1)
    [moving] = [image for image in report["pictures"] if image["status"] == "failed"]
    assert "(all frames, now --frames first)" in moving["message"]
    # A changed image is not said to have other options.
    Image.new("RGB", (4, 4)).save(folder / "a.png")
    _, report, _ = upscale(folder, "-o", out, "--frames", "first")
    [still] = [image for image in report["pictures"] if image["source"].endswith("a.png")]
    assert "made from another image, or changed since" in still["message"]


def test_a_result_of_the_first_frame_of_a_still_image_is_continued_without_it(upscale, folder):
    out = folder.parent / "out"
    assert upscale(folder, "-o", out, "--frames", "first")[0] == 0
    code, report, _ = upscale(folder, "-o", out)
    assert (code, report["skipped"]) == (0, 3)


@pytest.mark.parametrize(
    ("exist", "code", "counts", "written"),
    [
        (None, 3, "0 done, 0 skipped, 2 failed", None),
        ("skip", 0, "0 done, 2 skipped, 0 failed", None),
        ("rename", 0, "2 done, 0 skipped, 0 failed", "a-2.png"),
        ("overwrite", 0, "2 done, 0 skipped, 0 failed", "a.png"),
    ],
)
@pytest.mark.parametrize("content", ["PNG", "BMP"])
def test_a_file_with_the_suffix_of_another_format_is_planned_as_it_is_run(
    repeating_model, tmp_path, capsys, content, exist, code, counts, written
):
    """The result of a PNG that is called `a.jpg` is `a.png`; the plan checks that path."""
    (photos := tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 6)).save(photos / "a.jpg", format=content)
    Image.new("RGB", (8, 6)).save(photos / "b.jpg")
    out = tmp_path / "out"
    words = ["upscale", str(photos), "-n", str(repeating_model), "--device", "cpu", "-o", str(out)]
    assert main(words) == 0
    assert sorted(path.name for path in out.glob("*.*g")) == ["a.png", "b.jpg"]
    words += ["-s", "2", *(["--exist", exist] if exist else [])]
    capsys.readouterr()
    assert main([*words, "--dry-run"]) == code
    planned = capsys.readouterr().out
    assert main(words) == code
    printed = capsys.readouterr().err
    assert counts in printed
    common = "E_EXISTS: 2 results exist and were made with other options (scale 4, now 2)"
    assert (common in planned, common in printed) == (exist is None,) * 2
    for text in (planned, printed):
        assert text.count("E_EXISTS") == (exist is None)
        assert text.count(f"skipped, its result exists: {out}/") == 2 * (exist == "skip")
        assert written is None or f"{photos}/a.jpg: 8x6 -> 16x12 {out}/{written}" in text


def test_a_dry_run_refuses_an_existing_png_of_a_result_too_large_for_its_format(
    repeating_model, tmp_path, capsys
):
    """WebP has 16383 pixels a side; the result of a longer side is a PNG."""
    Image.new("RGB", (4096, 1)).save(tmp_path / "a.webp")
    Image.new("RGB", (8, 6)).save(tmp_path / "b.webp")
    (out := tmp_path / "out").mkdir()
    (out / "a.png").write_bytes(b"a file of the user")
    words = [
        "upscale",
        str(tmp_path),
        "-n",
        str(repeating_model),
        "--device",
        "cpu",
        "-o",
        str(out),
    ]
    assert main([*words, "--dry-run"]) == 3
    planned = capsys.readouterr().out
    assert f"{tmp_path}/a.webp: E_EXISTS: {out}/a.png exists" in planned
    assert main([*words, "--dry-run", "--exist", "skip"]) == 0
    planned = capsys.readouterr().out
    assert f"{tmp_path}/a.webp: skipped, its result exists: {out}/a.png" in planned
    assert main([*words, "--exist", "skip"]) == 0
    assert f"{tmp_path}/a.webp: skipped, its result exists: {out}/a.png" in capsys.readouterr().err


@pytest.mark.parametrize("exist", [None, "skip", "rename", "overwrite"])
def test_only_the_path_that_is_written_counts_as_existing(repeating_model, tmp_path, capsys, exist):
    """The result of a PNG that is called `a.jpg` is `a.png`; a file `a.jpg` is no obstacle."""
    (photos := tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 6)).save(photos / "a.jpg", format="PNG")
    (out := tmp_path / "out").mkdir()
    (out / "a.jpg").write_text("unrelated")
    words = ["upscale", str(photos), "-n", str(repeating_model), "--device", "cpu", "-o", str(out)]
    words += ["--exist", exist] if exist else []
    assert main([*words, "--dry-run"]) == 0
    assert f"{photos}/a.jpg: 8x6 -> 32x24 {out}/a.png" in capsys.readouterr().out
    assert main(words) == 0
    assert "1 done, 0 skipped, 0 failed" in capsys.readouterr().err
    assert read_image(out / "a.png").pixels.shape == (24, 32, 3)
    assert (out / "a.jpg").read_text() == "unrelated"


@pytest.mark.parametrize(("frames", "written"), [("all", "a.png"), ("first", "a-2.avif")])
def test_an_animated_avif_becomes_a_png_beside_an_existing_avif(
    repeating_model, tmp_path, frames, written
):
    (photos := tmp_path / "photos").mkdir()
    black, white = (Image.new("RGB", (8, 6), colour) for colour in ("black", "white"))
    black.save(photos / "a.avif", save_all=True, append_images=[white])
    (out := tmp_path / "out").mkdir()
    (out / "a.avif").write_bytes(b"unrelated")
    words = ["upscale", str(photos), "-n", str(repeating_model), "--device", "cpu"]
    words += ["-o", str(out), "--exist", "rename", "--frames", frames]
    assert main(words) == 0
    assert {path.name for path in out.glob("a*")} == {"a.avif", written}
    if frames == "all":  # without a number to give: `a.avif` is not the path of the result
        (out / "a.png").unlink()
        assert main([*words, "--exist", "skip"]) == 0
        assert (out / "a.png").exists()


@pytest.fixture
def upscale_tiff(repeating_model, tmp_path, capsys):
    """Upscale `g.jpg`, a TIFF, to `out` beside existing files; return both lines about it."""

    def run(pages, existing, *options):
        (photos := tmp_path / "photos").mkdir()
        page = Image.new("RGB", (8, 6))
        page.save(photos / "g.jpg", "TIFF", save_all=True, append_images=[page] * (pages - 1))
        (out := tmp_path / "out").mkdir()
        for name in existing:
            (out / name).write_bytes(b"a file of the user")
        words = ["upscale", str(photos), "-n", str(repeating_model), "--device", "cpu"]
        words += ["-o", str(out), *options]
        code = main([*words, "--dry-run"])
        planned = capsys.readouterr().out
        assert main(words) == code
        return code, planned, capsys.readouterr().err

    return run


@pytest.mark.parametrize("existing", [["g.png"], ["g.jpg"], ["g.jpg", "g.png"]])
@pytest.mark.parametrize("exist", [None, "skip", "rename", "overwrite"])
def test_an_existing_file_does_not_hide_that_a_png_cannot_hold_pages(
    upscale_tiff, tmp_path, exist, existing
):
    """Neither a JPEG nor a PNG holds the pages of a TIFF that is called `g.jpg`."""
    code, *texts = upscale_tiff(2, existing, *(["--exist", exist] if exist else []))
    assert code == 3
    assert all("E_FRAMES: " in text for text in texts)
    assert {path.read_bytes() for path in (tmp_path / "out").glob("g*")} == {b"a file of the user"}


@pytest.mark.parametrize("pages", [1, 2])
@pytest.mark.parametrize(("existing", "fails"), [("g.jpg", False), ("g.png", True)])
def test_the_first_page_of_a_tiff_with_another_name_is_a_png(
    upscale_tiff, tmp_path, pages, existing, fails
):
    code, planned, printed = upscale_tiff(pages, [existing], "--frames", "first")
    assert code == (3 if fails else 0)
    if fails:
        assert f"E_EXISTS: {tmp_path}/out/g.png exists" in planned
        assert f"E_EXISTS: {tmp_path}/out/g.png exists" in printed
    else:
        assert f"8x6 -> 32x24 {tmp_path}/out/g.png" in planned
        assert read_image(tmp_path / "out" / "g.png").pixels.shape[:2] == (24, 32)
    assert (tmp_path / "out" / existing).read_bytes() == b"a file of the user"


def test_too_many_pages_are_not_hidden_by_an_existing_file(upscale_tiff, monkeypatch):
    monkeypatch.setattr("srgan_gp.images.animation.sequence_reading.MAX_FRAMES", 1)
    code, *texts = upscale_tiff(2, ["g.jpg"])
    assert code == 3
    assert all("E_TOO_MANY_FRAMES: " in text for text in texts)
