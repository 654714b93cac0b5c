"""`srgan-gp upscale` on trees: mirrored, resumed, locked, forecast, watched."""

import json
import os
import signal
import threading
import time

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch.results.output_lock import locked_journal
from srgan_gp.cli import main

PATIENCE = 60  # seconds; only a test that fails waits so long


def files(folder):
    """Relative paths of all files in a tree, except those of the journal."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if ".srgan-gp" not in path.parts)


def contents(folder):
    return {name: (folder / name).read_bytes() for name in files(folder)}


def test_a_tree_is_mirrored(upscale, tree, tmp_path):
    code, report, _ = upscale(tree, "-o", tmp_path / "out", "--recursive")
    assert (code, report["done"]) == (0, 4)
    assert files(tmp_path / "out") == ["a.jpg", "a.png", "b.png", "one/two/a.png"]


def test_without_recursive_folders_inside_are_not_entered(upscale, tree, tmp_path):
    assert upscale(tree, "-o", tmp_path / "out")[1]["inputs"] == 3


def test_the_same_command_again_does_nothing_for_any_exist(upscale, tree, tmp_path):
    arguments = [tree, "-r", "-o", tmp_path / "out"]
    assert upscale(*arguments)[1]["done"] == 4
    before = contents(tmp_path / "out")
    for exist in ([], ["--exist", "rename"], ["--exist", "overwrite"], ["--exist", "error"]):
        code, report, _ = upscale(*arguments, *exist)
        assert (code, report["skipped"]) == (0, 4), exist
        assert {picture["reason"] for picture in report["pictures"]} == {"it is done already"}
    assert contents(tmp_path / "out") == before


def test_other_options_or_another_image_are_upscaled_again(upscale, tree, tmp_path):
    arguments = [tree, "-r", "-o", tmp_path / "out", "--exist", "overwrite"]
    upscale(*arguments)
    assert upscale(*arguments, "-s", "2")[1]["done"] == 4
    Image.new("RGB", (7, 7)).save(tree / "a.png")
    assert upscale(*arguments, "-s", "2")[1]["done"] == 1


def test_overwrite_replaces_the_file_beside_a_renamed_result(upscale, tree, tmp_path):
    out = tmp_path / "out"
    arguments = [tree, "-o", out]
    upscale(*arguments, "-s", "2")
    assert upscale(*arguments, "--exist", "rename")[1]["done"] == 3
    renamed = contents(out)
    code, report, _ = upscale(*arguments, "--exist", "overwrite")
    assert (code, report["done"]) == (0, 3)
    replaced = contents(out)
    assert set(replaced) == set(renamed)
    assert replaced["a.jpg"] == replaced["a-2.jpg"] == renamed["a-2.jpg"] != renamed["a.jpg"]
    # The same command again has nothing to do, and a renamed result counts where it is the only.
    assert upscale(*arguments, "--exist", "overwrite")[1]["skipped"] == 3
    (out / "a.jpg").unlink()
    assert upscale(*arguments, "--exist", "overwrite")[1]["skipped"] == 3


def test_the_default_quality_is_the_same_result_when_it_is_typed(upscale, tree, tmp_path):
    arguments = [tree, "-o", tmp_path / "out"]
    assert upscale(*arguments)[1]["done"] == 3
    assert upscale(*arguments, "-q", "95")[1]["skipped"] == 3
    assert upscale(*arguments, "-q", "jpeg=95")[1]["skipped"] == 3


def test_options_that_make_no_difference_to_a_file_do_not_make_it_again(upscale, tree, tmp_path):
    """The folder has a.jpg, and a.png and b.gif, whose results are PNG files without a quality."""
    arguments = [tree, "-o", tmp_path / "out"]
    assert upscale(*arguments, "-q", "90")[1]["done"] == 3
    report = upscale(*arguments, "-q", "jpeg=80,webp=70")[1]
    assert (report["skipped"], report["failed"]) == (2, 1)
    [message] = [image["message"] for image in report["pictures"] if "message" in image]
    assert "a.jpg exists and was made with other options (-q 90, now 80);" in message
    assert upscale(*arguments, "-q", "jpeg=90,webp=70")[1]["skipped"] == 3
    # The name of a.png is the same with -f png, that of a.jpg is not.
    code, report, _ = upscale(tree / "a.png", "-o", tmp_path / "out/", "-f", "png")
    assert (code, report["skipped"]) == (0, 1)
    code, report, _ = upscale(tree / "a.jpg", "-o", tmp_path / "out/", "-f", "webp", "-q", "90")
    assert (code, report["done"]) == (0, 1)


def transparent_png(path):
    Image.new("RGBA", (6, 5), (200, 100, 50, 90)).save(path, format="PNG")


def test_a_flattened_result_is_not_taken_for_one_with_alpha(upscale, tmp_path):
    """Without -f, the result of a PNG with the name of a JPEG is a PNG."""
    transparent_png(tmp_path / "photo.jpg")
    out = tmp_path / "out"
    arguments = [tmp_path / "photo.jpg", "-o", f"{out}/"]
    assert upscale(*arguments, "-f", "jpeg")[1]["done"] == 1
    code, report, _ = upscale(*arguments)
    assert (code, report["done"]) == (0, 1)
    assert files(out) == ["photo.jpg", "photo.png"]
    with Image.open(out / "photo.png") as result:
        assert result.mode == "RGBA"
    assert upscale(*arguments)[1]["skipped"] == 1
    assert upscale(*arguments, "-f", "png")[1]["skipped"] == 1


def test_a_format_makes_no_difference_where_the_image_has_it(upscale, tree, tmp_path):
    arguments = [tree / "a.jpg", "-o", f"{tmp_path / 'out'}/"]
    assert upscale(*arguments, "-f", "jpeg")[1]["done"] == 1
    assert upscale(*arguments)[1]["skipped"] == 1
    assert upscale(*arguments, "-f", "png")[1]["done"] == 1


def test_a_png_of_a_jpeg_is_not_its_result_without_a_format(upscale, tree, tmp_path):
    arguments = [tree / "a.jpg", "-o", f"{tmp_path / 'out'}/"]
    assert upscale(*arguments, "-f", "png")[1]["done"] == 1
    assert upscale(*arguments)[1]["done"] == 1
    assert files(tmp_path / "out") == ["a.jpg", "a.png"]


def test_a_png_that_is_the_fallback_is_its_result_without_a_format(upscale, tmp_path):
    transparent_png(tmp_path / "photo.jpg")
    arguments = [tmp_path / "photo.jpg", "-o", f"{tmp_path / 'out'}/"]
    assert upscale(*arguments, "-f", "png")[1]["done"] == 1
    assert upscale(*arguments)[1]["skipped"] == 1


def test_a_file_that_was_changed_is_not_confused_with_another_quality(upscale, tree, tmp_path):
    arguments = [tree, "-o", tmp_path / "out"]
    upscale(*arguments)
    (tmp_path / "out" / "a.png").write_bytes(b"changed")
    report = upscale(*arguments, "-q", "80")[1]
    assert (report["skipped"], report["failed"]) == (1, 2)
    messages = [image["message"] for image in report["pictures"] if "message" in image]
    assert "a.png exists and was made from another image, or changed since" in messages[1]


def test_only_lost_or_damaged_results_are_written_again(upscale, tree, tmp_path):
    arguments = [tree, "-r", "-o", tmp_path / "out", "--exist", "overwrite"]
    upscale(*arguments)
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "a.png").unlink()
    (tmp_path / "out" / "b.png").write_bytes(b"damaged")
    assert upscale(*arguments)[1]["done"] == 2
    assert contents(tmp_path / "out") == before


def test_results_inside_the_inputs_are_not_inputs_of_the_next_run(upscale, tree):
    arguments = [tree, "-r", "-o", tree, "--suffix", "_x4"]
    assert upscale(*arguments)[1]["done"] == 4
    code, report, _ = upscale(*arguments)
    assert (code, report["inputs"], report["skipped"]) == (0, 4, 4)


def test_a_name_template_names_the_results(upscale, tree, tmp_path):
    arguments = ["--name-template", "{parent}-{stem}_{scale}x"]
    assert upscale(tree, "-r", "-o", tmp_path / "out", *arguments, "-f", "png")[0] == 0
    assert files(tmp_path / "out") == [
        "in-a.jpg_4x.png", "in-a.png_4x.png", "in-b_4x.png", "one/two/two-a_4x.png",
    ]  # fmt: skip


def test_the_output_folder_of_a_running_command_is_locked(upscale, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with locked_journal(out):
        code, report, errors = upscale(folder, "-o", out)
    assert (code, report) == (6, None)
    assert f"process {os.getpid()}" in errors
    assert files(out) == []
    assert upscale(folder, "-o", out)[0] == 0


def test_a_dry_run_prints_what_would_be_done_and_writes_nothing(
    repeating_model, tree, tmp_path, capsys
):
    (tree / "broken.png").write_bytes(b"not an image")
    before = contents(tmp_path)
    arguments = ["upscale", tree, "-r", "-o", tmp_path / "out", "-n", repeating_model, "--dry-run"]
    assert main([*map(str, arguments), "--device", "cpu"]) == 3
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert len(lines) == 5
    assert f"{tree}/a.png: 16x12 -> 64x48 {tmp_path}/out/a.png" in captured.out
    assert f"{tree}/broken.png: E_NOT_AN_IMAGE: " in captured.out
    assert "5 inputs: 4 to do, 0 skipped, 1 refused" in captured.err
    assert contents(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_results_larger_than_the_disk_are_refused_at_the_start(
    upscale, folder, tmp_path, monkeypatch
):
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    code, report, errors = upscale(folder, "-o", tmp_path / "out")
    assert (code, report) == (5, None)
    assert "1.0 kB left" in errors


def test_frames_first_upscales_only_the_first_frame(upscale, tmp_path):
    frames = [Image.new("RGB", (5, 4), (80 * n, 0, 0)) for n in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    for frames, count in (("all", 3), ("first", 1)):
        arguments = [tmp_path / "a.webp", "-o", tmp_path / f"{frames}.webp", "--frames", frames]
        assert upscale(*arguments)[0] == 0
        with Image.open(tmp_path / f"{frames}.webp") as image:
            assert image.n_frames == count


@pytest.fixture
def at_encoding(monkeypatch):
    """Call a function before the first image is encoded."""

    def install(call):
        from srgan_gp.batch.engines import thread_engine

        encode, is_first = thread_engine.encode, threading.Lock()

        def calling_encode(*arguments):
            if is_first.acquire(blocking=False):
                call()
            return encode(*arguments)

        monkeypatch.setattr(thread_engine, "encode", calling_encode)

    return install


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_run_with_a_report_of_every_input(
    upscale, folder, tmp_path, at_encoding, number, code
):
    rng = np.random.default_rng(1)
    for name in range(30):
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"c{name}.png")
    at_encoding(lambda: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    ended, report, errors = upscale(folder, "-o", tmp_path / "out")
    assert (ended, report["inputs"]) == (code, 33)
    assert {p["code"] for p in report["pictures"] if "code" in p} == {"E_NOT_TRIED"}
    assert ("interrupted" if code == 130 else "ended by a signal") in errors
    assert len(files(tmp_path / "out")) == report["done"] < 33
    assert signal.getsignal(number) == before
    # The same command again does the rest.
    again = upscale(folder, "-o", tmp_path / "out")[1]
    assert (again["skipped"], again["done"]) == (report["done"], 33 - report["done"])


def test_a_folder_is_watched_until_a_signal(repeating_model, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("srgan_gp.batch.run.SECONDS_BETWEEN_POLLS", 0.05)
    out, late = tmp_path / "out", folder / "sub" / "late.png"

    def wait_for(name):
        deadline = time.monotonic() + PATIENCE
        while not (out / name).exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def add_and_end():
        wait_for("b.png")
        late.parent.mkdir()
        Image.new("RGB", (4, 4)).save(late)
        wait_for("sub/late.png")
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=add_and_end)
    helper.start()
    arguments = ["upscale", folder, "-r", "-o", out, "-n", repeating_model, "--device", "cpu"]
    arguments += ["--watch", "--json", "--report", tmp_path / "report.jsonl"]
    code = main([*map(str, arguments)])
    helper.join()
    assert code == 143
    assert files(out) == ["a.jpg", "a.png", "b.png", "sub/late.png"]
    report = json.loads(capsys.readouterr().out)
    assert (report["inputs"], report["done"]) == (4, 4)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["FOLDER/a.png", "-o", "OUT", "--watch"], "needs folders"),
        (["FOLDER", "-o", "FOLDER", "--watch"], "pass --suffix"),
        (["FOLDER", "--watch"], "pass -o FOLDER"),
        (["FOLDER", "-o", "OUT", "--watch", "--dry-run"], "drop one of them"),
        (["FOLDER", "-o", "OUT", "--name-template", "{nothing}"], "unknown field"),
        (["FOLDER/a.png", "-o", "OUT/a.png", "--name-template", "a"], "or --name-template"),
        (["FOLDER/a.png", "-o", "OUT/a.png", "--suffix", "_big"], "or --suffix"),
        (["FOLDER", "-o", "OUT", "-g", "0,1", "--device", "cuda:1"], "disagree"),
    ],
)
def test_wrong_use_is_one_line(folder, repeating_model, tmp_path, capsys, arguments, expected):
    places = {"FOLDER": str(folder), "OUT": str(tmp_path / "out")}
    for word, place in places.items():
        arguments = [text.replace(word, place) for text in arguments]
    before = sorted(folder.iterdir())
    assert main(["upscale", *arguments, "-n", str(repeating_model)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("srgan-gp: error: ")
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def test_results_may_be_written_to_the_watched_folder_under_other_names(folder, capsys):
    for arguments in (["--suffix", "_big"], ["--name-template", "{stem}_big"]):
        code = main(
            ["upscale", str(folder), "-o", str(folder), "--watch", *arguments, "-n", "none"]
        )
        assert (code, "no model" in capsys.readouterr().err) == (8, True)  # all else was accepted
