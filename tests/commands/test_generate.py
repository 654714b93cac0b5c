"""`srgan-gp generate`: a seed is the same face alone, on a sheet and at the end of an animation."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from srgan_gp.cli import main
from srgan_gp.inference.face_generator import FaceGenerator


@pytest.fixture
def generate(tiny_face_model, capsys):
    """Run `srgan-gp generate` with a tiny model: (exit code, object of --json, stderr)."""
    model = tiny_face_model()

    def run(*arguments):
        common = ["generate", "--json", "-n", model, "--device", "cpu", "--threads", "1"]
        code = main([*map(str, [*common, *arguments])])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, json.loads(captured.out) if captured.out else None, captured.err

    return run


@pytest.fixture
def face(tiny_face_model):
    """Generate the face of a seed, (8, 8, 3) uint8, without the command."""
    generator = FaceGenerator.load(tiny_face_model(), device="cpu", threads=1)
    return lambda seed, truncation=1.0: generator.generate(seed=seed, truncation=truncation)[0]


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_each_seed_is_a_file(generate, face, tmp_path):
    code, report, _ = generate("--seeds", "0,12,4-5", "-o", tmp_path / "faces")
    names = ["seed0000.png", "seed0012.png", "seed0004.png", "seed0005.png"]
    assert (code, report["seeds"]) == (0, [0, 12, 4, 5])
    assert report["files"] == [str(tmp_path / "faces" / name) for name in names]
    for path, seed in zip(report["files"], report["seeds"], strict=True):
        np.testing.assert_array_equal(pixels_of(path), face(seed))


def test_the_report_names_the_model_and_its_settings(generate, tmp_path, tiny_face_model):
    _, report, _ = generate("-o", tmp_path / "face.png", "--trunc", "0.5")
    assert (report["model"], report["upscaler"]) == ("tiny-faces", None)
    assert (report["device"], report["truncation"], report["side"]) == ("cpu", 0.5, 8)
    assert (report["frames"], report["notes"]) == (None, [])
    assert report["seconds"] >= 0


def test_without_seeds_it_is_seed_0(generate, face, tmp_path):
    assert generate("-o", tmp_path / "deep" / "face.png")[0] == 0
    np.testing.assert_array_equal(pixels_of(tmp_path / "deep" / "face.png"), face(0))


def test_truncation_reaches_the_model(generate, face, tmp_path):
    generate("--seeds", "3", "--trunc", "0.25", "-o", tmp_path / "face.png")
    np.testing.assert_array_equal(pixels_of(tmp_path / "face.png"), face(3, 0.25))
    assert (face(3, 0.25) != face(3)).any()


def test_a_grid_is_one_image_row_by_row(generate, face, tmp_path):
    generate("--seeds", "7,1,2,9,4,5", "--grid", "3x2", "-o", tmp_path / "sheet.png")
    sheet = pixels_of(tmp_path / "sheet.png")
    assert sheet.shape == (16, 24, 3)
    np.testing.assert_array_equal(sheet[:8, 16:], face(2))
    np.testing.assert_array_equal(sheet[8:, :8], face(9))


def test_a_grid_without_seeds_uses_the_first_ones(generate, tmp_path):
    assert generate("--grid", "2x2", "-o", tmp_path / "a.png")[1]["seeds"] == [0, 1, 2, 3]


def test_faces_are_upscaled_by_a_model(generate, face, tmp_path, repeating_model):
    _, report, _ = generate("--upscale", repeating_model, "-o", tmp_path / "face.png")
    assert (report["upscaler"], report["side"]) == ("repeating", 32)
    enlarged = face(0).repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(pixels_of(tmp_path / "face.png"), enlarged)


def test_upscale_without_a_name_uses_the_default_model(generate, tmp_path):
    _, report, _ = generate("-o", tmp_path / "face.png", "--upscale")
    assert (report["upscaler"], report["side"]) == ("face-x4", 32)


@pytest.mark.parametrize("suffix", ["png", "webp", "gif"])
def test_an_animation_goes_from_one_face_to_the_other(generate, face, tmp_path, suffix):
    path = tmp_path / f"walk.{suffix}"
    code, report, _ = generate("--interpolate", "2-9", "--frames", "5", "-o", path)
    assert (code, report["frames"], report["seeds"]) == (0, 5, [2, 9])
    with Image.open(path) as image:
        frames = [np.asarray(f.convert("RGB")).astype(int) for f in ImageSequence.Iterator(image)]
        assert image.info["duration"] == 40
    assert len(frames) == 5
    far = np.abs(face(2).astype(int) - face(9)).mean()
    # PNG is exact, GIF has 256 colours for 64 pixels; WebP compresses noise with much loss.
    most = far / 2 if suffix == "webp" else 0
    assert np.abs(frames[0] - face(2)).mean() <= most
    assert np.abs(frames[-1] - face(9)).mean() <= most


def test_an_animation_can_be_webm(generate, tmp_path):
    path = tmp_path / "walk.webm"
    assert generate("--interpolate", "0-1", "--frames", "3", "-o", path)[0] == 0
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FPS) == 25
    assert [video.read()[0] for _ in range(4)] == [True, True, True, False]
    video.release()


def test_an_animation_has_60_frames_by_default(generate, tmp_path):
    assert generate("--interpolate", "0-1", "-o", tmp_path / "a.png")[1]["frames"] == 60


def test_lines_name_the_files_on_stdout_and_the_model_on_stderr(tmp_path, tiny_face_model, capsys):
    path = tmp_path / "face.png"
    assert main(["generate", "-n", str(tiny_face_model()), "--device", "cpu", "-o", str(path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{path}\n"
    assert captured.err == "tiny-faces on cpu.\n"


def test_a_loss_by_the_format_is_reported(generate, tmp_path):
    code, report, _ = generate("--grid", "6x6", "-o", tmp_path / "faces.gif")  # 2,304 pixels
    assert (code, report["files"]) == (0, [str(tmp_path / "faces.gif")])
    assert report["notes"] == ["GIF has 256 colours and no partial transparency"]


def test_unfinished_files_of_a_killed_run_are_removed(generate, tmp_path):
    (tmp_path / ".face.png.0123abcd.part").write_bytes(b"half a")
    assert generate("-o", tmp_path / "face.png")[0] == 0
    assert not list(tmp_path.glob("*.part"))


# Errors.


def test_an_existing_result_is_kept_by_default(generate, face, tmp_path):
    (tmp_path / "seed0001.png").write_bytes(b"precious")
    code, report, error = generate("--seeds", "0-1", "-o", tmp_path)
    assert (code, report) == (2, None)
    assert "seed0001.png exists; pass --exist overwrite" in error
    assert (tmp_path / "seed0001.png").read_bytes() == b"precious"
    assert not (tmp_path / "seed0000.png").exists()
    assert generate("--seeds", "0-1", "-o", tmp_path, "--exist", "overwrite")[0] == 0
    np.testing.assert_array_equal(pixels_of(tmp_path / "seed0001.png"), face(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--seeds 0-3 --grid 3x2 -o a.png", "A grid of 3 x 2 holds 6 faces, and there are 4 seeds"),
        ("--seeds 0-3 -o a.png", "4 faces are 4 files: give a folder in place of"),
        ("--frames 9 -o a.gif", "--frames 9 needs --interpolate A-B"),
        ("--interpolate 0-1 --seeds 3 -o a.gif", "--interpolate and --seeds do not go together"),
        ("--interpolate 0-1 --grid 2x2 -o a.gif", "--interpolate and --grid do not go together"),
        ("--interpolate 0-1 -o a.jpg", "An animation is a .gif, .webp, .png, .webm file"),
        ("--interpolate 0-1 --frames 1 -o a.gif", "2 frames or more, not 1"),
        ("-o a.txt", "cannot write '.txt'"),
        ("--grid 2x2 -o a", "cannot write a file without a suffix: choose"),
        ("--grid 1000x1000 --seeds 0 -o a.png", "holds 1000000 faces"),
    ],
)
def test_words_that_make_no_sense_together_are_one_line(generate, tmp_path, arguments, message):
    *arguments, name = arguments.split()
    code, report, error = generate(*arguments, tmp_path / name)
    assert (code, report) == (2, None)
    assert message in error
    assert list(tmp_path.glob("a*")) == []


def test_a_sheet_that_is_too_large_is_refused_before_any_work(generate, tmp_path, repeating_model):
    upscaled = ["--upscale", repeating_model, "-o", tmp_path / "a.webp"]
    for grid, code, message in [
        ("513x1", 3, "16416 x 32 pixels do not fit WEBP"),
        ("400x400", 2, "12800 x 12800 pixels, more than 100000000"),
    ]:
        ended, _, error = generate("--grid", grid, *upscaled)
        assert (ended, message in error) == (code, True), error
    assert list(tmp_path.glob("*.webp")) == []


@pytest.mark.parametrize("option", ["--upscale", "-n"])
def test_an_empty_model_name_is_refused(generate, tmp_path, option):
    code, _, error = generate(option, "", "-o", tmp_path / "face.png")
    assert (code, "There is no model ''" in error) == (8, True)


@pytest.mark.parametrize("option", ["--upscale", "-n"])
def test_a_model_for_the_other_task_is_refused(
    generate, tmp_path, tiny_face_model, repeating_model, option
):
    model = tiny_face_model() if option == "--upscale" else repeating_model
    code, _, error = generate(option, model, "-o", tmp_path / "face.png")
    assert code == 8
    assert "needs one for" in error
    assert not (tmp_path / "face.png").exists()


def test_upscale_refuses_a_face_model(tmp_path, tiny_face_model, capsys):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    arguments = [
        "upscale",
        str(tmp_path / "a.png"),
        "-n",
        str(tiny_face_model()),
        "--device",
        "cpu",
    ]
    assert main(arguments) == 8
    assert "tiny-faces is for face-generation; upscaling" in capsys.readouterr().err


def test_a_failure_in_the_middle_leaves_no_animation(generate, tmp_path, monkeypatch):
    drawn = []

    def draw(self, latent):
        drawn.append(latent)
        if len(drawn) == 3:
            raise MemoryError
        return np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr(FaceGenerator, "_draw", draw)
    for suffix in ("gif", "webm"):
        drawn.clear()
        assert generate("--interpolate", "0-1", "-o", tmp_path / f"a.{suffix}")[0] == 1
        assert list(tmp_path.glob("*a.*")) == []


@pytest.mark.parametrize(
    "arguments",
    ["--seeds 3-1", "--seeds x", "--seeds 1,,", "--seeds -3", "--seeds 0-100000",
     "--seeds 9223372036854775808", "--interpolate 3", "--interpolate 1-2-3", "--grid 4",
     "--grid 0x3", "--grid 3x-1", "--grid 1001x2", "--trunc -1", "--trunc nan",
     "--trunc 4.1", "--frames 0", "--frames 100001"],
)  # fmt: skip
def test_invalid_numbers_are_refused(arguments, capsys):
    option, value = arguments.split()
    with pytest.raises(SystemExit) as stop:
        main(["generate", "-o", "a.png", f"{option}={value}"])
    assert stop.value.code == 2
    assert value in capsys.readouterr().err.replace("''", "1,,")  # of 1,, the empty part is named


def test_a_separator_at_the_end_makes_a_folder_of_any_name(generate, tmp_path):
    for seeds, name in [("0-1", "faces.v2"), ("0", "one.png")]:
        assert generate("--seeds", seeds, "-o", f"{tmp_path / name}/")[0] == 0
        assert (tmp_path / name / "seed0000.png").is_file()


@pytest.mark.parametrize("arguments", ["--grid 2x2", "--interpolate 0-1"])
def test_a_sheet_or_animation_needs_a_file_and_not_a_folder(generate, tmp_path, arguments):
    code, _, error = generate(*arguments.split(), "-o", f"{tmp_path}/all.png/")
    assert (code, "all.png/ is a folder" in error) == (2, True)
    assert list(tmp_path.glob("all*")) == []


def test_an_empty_output_path_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["generate", "-o", ""])
    assert stop.value.code == 2
    assert "-o/--output: the path is empty" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_output_path_is_required(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["generate"])
    assert stop.value.code == 2
    assert "-o/--output" in capsys.readouterr().err
