"""The command line: main(words) -> exit code, files, lines on stderr, JSON on stdout."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)


@pytest.fixture
def folder(tmp_path, pixels):
    """Three pictures and a text file."""
    path = tmp_path / "in"
    path.mkdir()
    image = Image.fromarray(pixels)
    image.save(path / "a.jpg")
    image.save(path / "a.png")
    image.save(path / "b.gif")
    (path / "README.md").write_text("about the pictures")
    return path


@pytest.fixture
def upscale(tiny_model, tmp_path, capsys):
    """Run `srgan-gp upscale` with the tiny model: (exit code, object of --json, stderr)."""

    def run(*words):
        code = main(
            ["upscale", "--json", "-n", str(tiny_model), "--device", "cpu", *map(str, words)]
        )
        captured = capsys.readouterr()
        report = json.loads(captured.out) if captured.out else None
        if report:
            assert report["inputs"] == report["done"] + report["skipped"] + report["failed"]
            assert report["inputs"] == len(report["pictures"])
        assert "Traceback" not in captured.err
        assert [path.name for path in tmp_path.rglob("*.part")] == []
        return code, report, captured.err

    return run


def look(path):
    """Open a picture, decode it and close its file."""
    with Image.open(path) as image:
        image.load()
        return image


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# What comes out.


def test_a_folder_becomes_a_folder_and_its_text_file_is_no_failure(upscale, folder, tmp_path):
    code, report, _ = upscale(folder, "-o", tmp_path / "out")
    assert code == 0
    assert (report["done"], report["ignored"]) == (3, 1)
    assert names(tmp_path / "out") == ["a.jpg", "a.png", "b.png"]
    for path in (tmp_path / "out").iterdir():
        assert look(path).size == (64, 48)


def test_one_picture_without_output_lies_beside_its_source(upscale, folder):
    assert upscale(folder / "a.png")[0] == 0
    assert look(folder / "a_x4.png").size == (64, 48)


def test_one_picture_can_go_to_a_file(upscale, folder, tmp_path):
    target = tmp_path / "deep" / "result.webp"
    assert upscale("-i", folder / "a.png", "-o", target)[0] == 0
    assert look(target).format == "WEBP"


@pytest.mark.parametrize(("scale", "size"), [("2", (32, 24)), ("3", (48, 36)), ("1.5", (24, 18))])
def test_any_scale_is_reached(upscale, folder, scale, size):
    assert upscale(folder / "a.png", "-s", scale)[0] == 0
    assert look(folder / f"a_x{scale}.png").size == size


def test_the_tiny_model_enlarges_without_changing_the_picture(upscale, folder, pixels):
    upscale(folder / "a.png", "-t", "5")
    shrunk = np.asarray(look(folder / "a_x4.png").resize((16, 12), Image.Resampling.BOX))
    assert np.abs(shrunk.astype(int) - pixels).max() <= 1


def test_grey_stays_grey(upscale, tmp_path, pixels):
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png")
    assert upscale(tmp_path / "grey.png")[0] == 0
    assert look(tmp_path / "grey_x4.png").mode == "L"


def test_alpha_is_kept(upscale, tmp_path, pixels):
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(tmp_path / "alpha.png")
    assert upscale(tmp_path / "alpha.png")[0] == 0
    assert look(tmp_path / "alpha_x4.png").mode == "RGBA"


def test_sixteen_bits_are_kept(upscale, tmp_path):
    import cv2

    deep = np.random.default_rng(1).integers(0, 65536, (6, 5, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert upscale(tmp_path / "deep.png")[0] == 0
    result = cv2.imread(str(tmp_path / "deep_x4.png"), cv2.IMREAD_UNCHANGED)
    assert (result.dtype, result.shape) == (np.uint16, (24, 20, 3))
    assert np.any(result % 257)  # 8 bits spread over 16 would be multiples of 257


def test_a_rotated_photo_comes_out_upright(upscale, tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    assert upscale(tmp_path / "turned.jpg")[0] == 0
    result = look(tmp_path / "turned_x4.jpg")
    assert result.size == (48, 64)
    assert result.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)])
def test_the_smallest_pictures_work(upscale, tmp_path, size):
    Image.new("RGB", size, (10, 20, 30)).save(tmp_path / "dot.png")
    assert upscale(tmp_path / "dot.png")[0] == 0
    assert look(tmp_path / "dot_x4.png").size == (4 * size[0], 4 * size[1])


def test_a_format_that_cannot_hold_the_result_becomes_png(upscale, tmp_path, pixels):
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(tmp_path / "really_a_png.jpg", "PNG")
    code, _, _ = upscale(tmp_path / "really_a_png.jpg", "-o", tmp_path / "out")
    assert (code, names(tmp_path / "out")) == (0, ["really_a_png.png"])


def test_a_format_that_was_asked_for_is_given_and_what_it_costs_is_said(upscale, tmp_path, pixels):
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(tmp_path / "alpha.png")
    code, report, _ = upscale(tmp_path / "alpha.png", "-f", "jpg")
    assert (code, look(tmp_path / "alpha_x4.jpg").mode) == (0, "RGB")
    assert "transparency" in " ".join(report["pictures"][0]["warnings"])


def test_one_format_for_all_gives_names_that_do_not_collide(upscale, folder, tmp_path):
    code, _, _ = upscale(folder, "-o", tmp_path / "out", "-f", "png", "--suffix", "_big")
    assert code == 0
    assert names(tmp_path / "out") == ["a.jpg_big.png", "a.png_big.png", "b_big.png"]


def test_an_existing_result_is_met_as_the_user_chose(upscale, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").write_bytes(b"precious")
    for choice, code, counts in [
        ("error", 3, (2, 0, 1)),
        ("skip", 0, (0, 3, 0)),
        ("rename", 0, (3, 0, 0)),
        ("overwrite", 0, (3, 0, 0)),
    ]:
        if choice == "overwrite":
            assert (out / "a.jpg").read_bytes() == b"precious"
        ended, report, _ = upscale(folder, "-o", out, "--exist", choice)
        assert (ended, *map(report.get, ("done", "skipped", "failed"))) == (code, *counts), choice
    assert (out / "a.jpg").read_bytes() != b"precious"


def test_a_second_run_into_the_folder_itself_takes_no_result_for_an_input(upscale, folder):
    assert upscale(folder, "-o", folder, "--suffix", "_x4")[1]["done"] == 3
    code, report, _ = upscale(folder, "-o", folder, "--suffix", "_x4", "--exist", "skip")
    assert (code, report["skipped"], report["inputs"]) == (0, 3, 3)


def test_the_report_says_what_happened(upscale, folder):
    _, report, _ = upscale(folder / "a.png")
    [entry] = report["pictures"]
    assert entry["size"] == [16, 12]
    assert entry["result_size"] == [64, 48]
    assert entry["device"] == "cpu"
    assert entry["precision"] == "float32"
    assert entry["tiles"] == 1
    assert entry["seconds"] > 0
    assert entry["target"] == str(folder / "a_x4.png")


# What goes wrong.


def test_what_cannot_be_read_is_one_line_and_the_others_go_on(upscale, folder, tmp_path):
    (folder / "broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:400])
    (folder / "text.png").write_text("no picture")
    code, report, _ = upscale(folder, folder / "nowhere.png", "-o", tmp_path / "out")
    assert (code, report["done"], report["failed"]) == (3, 3, 3)
    failures = {Path(p["source"]).name: p["code"] for p in report["pictures"] if "code" in p}
    assert failures == {
        "broken.jpg": "E_DAMAGED", "text.png": "E_NOT_AN_IMAGE", "nowhere.png": "E_VANISHED",
    }  # fmt: skip
    assert names(tmp_path / "out") == ["a.jpg", "a.png", "b.png"]


def test_each_failure_is_one_line_of_stderr_with_its_code(tiny_model, folder, tmp_path, capsys):
    (folder / "te\nxt.png").write_text("no picture")
    code = main(["upscale", str(folder), "-o", str(tmp_path / "out"), "-n", str(tiny_model)])
    captured = capsys.readouterr()
    assert (code, captured.out) == (3, "")
    [line] = [line for line in captured.err.splitlines() if "E_NOT_AN_IMAGE" in line]
    assert r"te\nxt.png: E_NOT_AN_IMAGE: " in line
    assert "3 done, 0 skipped, 1 failed; 1 other file ignored" in captured.err


def test_too_many_pixels_are_refused(upscale, folder):
    code, report, _ = upscale(folder / "a.png", "--max-pixels", "191")
    assert (code, report["pictures"][0]["code"]) == (3, "E_TOO_MANY_PIXELS")
    assert upscale(folder / "a.png", "--max-pixels", "192")[0] == 0


def test_a_result_of_too_many_pixels_is_refused_before_the_work(upscale, folder):
    code, report, _ = upscale(folder / "a.png", "--max-pixels", "192", "-s", "4.1")
    assert (code, report["pictures"][0]["code"]) == (3, "E_TOO_MANY_PIXELS")


def test_a_result_beyond_the_limit_of_its_format_is_refused_before_the_work(upscale, tmp_path):
    Image.new("RGB", (4097, 1)).save(tmp_path / "wide.png")
    code, report, _ = upscale(tmp_path / "wide.png", "-f", "webp")
    assert (code, report["pictures"][0]["code"]) == (3, "E_ENCODER_LIMIT")
    assert not (tmp_path / "wide_x4.webp").exists()


def test_a_folder_without_pictures_is_nothing_to_do(upscale, tmp_path):
    (tmp_path / "notes.txt").touch()
    code, _, errors = upscale(tmp_path, "-o", tmp_path / "out")
    assert code == 4
    assert "1 other file" in errors
    assert not (tmp_path / "out").exists()


def test_a_pattern_without_matches_is_nothing_to_do(upscale, tmp_path):
    assert upscale(tmp_path / "*.png", "-o", tmp_path / "out")[0] == 4


def test_an_output_folder_that_is_a_file_is_said_before_the_work(upscale, folder, tmp_path):
    (tmp_path / "out").touch()
    code, report, errors = upscale(folder, "-o", tmp_path / "out")
    assert (code, report) == (5, None)
    assert "is a file" in errors


def test_an_output_folder_that_takes_no_files_is_said_before_the_work(upscale, folder):
    code, report, errors = upscale(folder, "-o", "/proc/self/results")
    assert (code, report) == (5, None)
    assert "cannot be written" in errors


def test_a_disk_that_fills_up_ends_the_run_and_counts_what_was_not_tried(
    upscale, folder, tmp_path, monkeypatch
):
    def full_disk(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    code, report, errors = upscale(folder, "-o", tmp_path / "out")
    assert (code, report["done"], report["failed"]) == (5, 0, 3)
    assert "disk is full" in errors
    assert names(tmp_path / "out") == []


def test_a_model_that_nobody_knows_is_refused(folder, capsys):
    assert main(["upscale", str(folder / "a.png"), "-n", "no-such-model"]) == 8
    assert "no-such-model" in capsys.readouterr().err


def test_a_model_that_is_none_is_refused(folder, capsys):
    (folder / "fake.onnx").write_bytes(b"not a model")
    assert main(["upscale", str(folder / "a.png"), "-n", str(folder / "fake.onnx")]) == 8
    assert "not an ONNX model" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_an_error_and_no_silent_cpu(folder, tiny_model, capsys):
    code = main(["upscale", str(folder / "a.png"), "-n", str(tiny_model), "-g", "99"])
    assert code == 7
    assert "99" in capsys.readouterr().err
    assert not (folder / "a_x4.png").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "No input"),
        (["FOLDER"], "-o FOLDER"),
        (["FOLDER", "-o", "FOLDER"], "would replace the input"),
        (["FOLDER", "-o", "one.png"], "is the name of one picture"),
        (["FOLDER/a.png", "-o", "one.png", "-f", "jpeg"], "does not end like a jpeg"),
        (["FOLDER/a.png", "-f", "heic"], "heic"),
        (["FOLDER/a.png", "--device", "tpu"], "tpu"),
        (["FOLDER/a.png", "--device", "cpu", "-g", "0"], "disagree"),
    ],
)
def test_wrong_use_is_one_sentence(folder, tiny_model, capsys, words, said):
    words = [word.replace("FOLDER", str(folder)) for word in words]
    before = names(folder)
    assert main(["upscale", *words, "-n", str(tiny_model)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("srgan-gp: error: ")
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert names(folder) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["enlarge"],
        ["upscale", "a.png", "--scale", "0"],
        ["upscale", "a.png", "--scale", "big"],
        ["upscale", "a.png", "--scale", "nan"],
        ["upscale", "a.png", "--tile", "0"],
        ["upscale", "a.png", "--quality", "101"],
        ["upscale", "a.png", "--exist", "ask"],
        ["upscale", "a.png", "--threads", "0"],
        ["upscale", "a.png", "--gpu-id", "-1"],
        ["upscale", "a.png", "--colour"],
        ["train", "--preset", "huge", "--data", "x", "-o", "y"],
        ["evaluate", "m"],
        ["export"],
    ],
    ids=" ".join,
)
def test_words_that_make_no_sense_end_with_2(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert "error" in capsys.readouterr().err


# The other verbs.


def test_models_lists_every_card(capsys):
    assert main(["models", "--json"]) == 0
    listed = {model["name"] for model in json.loads(capsys.readouterr().out)["models"]}
    assert listed >= {path.stem for path in (ROOT / "weights").glob("*.toml")}
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in listed)


def test_a_preset_shows_through_the_options_that_were_not_given(capsys):
    words = ["train", "--preset", "tiny", "--data", "x", "-o", "y", "--dry-run", "--width", "24"]
    assert main(words) == 0
    config = json.loads(capsys.readouterr().out)
    assert (config["width"], config["blocks"], config["total_images"]) == (24, 2, 64)


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--data", "x", "-o", "y"],
        ["evaluate", "classic-x4", "--data", "x"],
        ["export", "y", "--name", "z"],
    ],
    ids=" ".join,
)
def test_without_pytorch_the_pip_line_is_named(words):
    hide = "import sys; sys.modules['torch'] = None\n"
    code = hide + f"from srgan_gp.cli import main; sys.exit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("srgan-gp: error: This command needs the package torch")
    assert 'pip install "srgan-gp[train]"' in done.stderr


# How the program ends.


def test_an_internal_error_is_one_sentence_unless_debugging(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("srgan_gp.catalog.list_models", broken)
    assert main(["models"]) == 1
    assert "internal error: ZeroDivisionError: a bug" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        main(["models", "--debug"])
    monkeypatch.setenv("SRGAN_GP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["models"])


def test_an_interrupted_run_ends_with_130_and_counts_what_was_not_tried(
    upscale, folder, tmp_path, monkeypatch
):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("srgan_gp.batch.runner.write_image", interrupt)
    code, report, errors = upscale(folder, "-o", tmp_path / "out")
    assert (code, report["failed"]) == (130, 3)
    assert {picture["code"] for picture in report["pictures"]} == {"E_NOT_TRIED"}
    assert "interrupted" in errors


def test_a_termination_signal_unwinds_and_ends_with_143(monkeypatch):
    def terminate():
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("srgan_gp.catalog.list_models", terminate)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        main(["models"])
    assert stop.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def run_program(*words, **streams):
    return subprocess.run(
        [sys.executable, "-m", "srgan_gp", *words], cwd=ROOT, check=False, **streams
    )


def test_a_reader_that_goes_away_is_no_traceback():
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = run_program("models", "--json", stdout=write_end, stderr=subprocess.PIPE)
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_behind_stderr_does_not_stop_the_work(folder, tiny_model):
    with Path("/dev/full").open("w") as full:
        done = run_program("upscale", str(folder / "a.png"), "-n", str(tiny_model), stderr=full)
    assert done.returncode == 0
    assert (folder / "a_x4.png").exists()


def test_the_module_is_the_command(capsys):
    done = run_program("--version", capture_output=True, text=True)
    assert (done.returncode, done.stdout[:9]) == (0, "srgan-gp ")
