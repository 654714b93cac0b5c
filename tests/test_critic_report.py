import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "critic_report.py"


@pytest.fixture(scope="module")
def report():
    spec = importlib.util.spec_from_file_location("critic_report", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pictures(tmp_path, rng):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "ab":
        small = rng.integers(60, 200, (16, 18, 3), dtype=np.uint8)
        Image.fromarray(small).resize((72, 64), Image.Resampling.BICUBIC).save(
            folder / f"{name}.png"
        )
    return folder


@pytest.fixture
def run_dir(tmp_path):
    """Write the stats.jsonl of a run; gives its folder."""

    def write(estimates, distances):
        folder = tmp_path / "run"
        folder.mkdir()
        lines = [{"images_seen": 50, "step": 5, "loss": 0.1}]
        for number, (estimate, distance) in enumerate(zip(estimates, distances, strict=True), 1):
            lines += [
                {"images_seen": 100 * number, "validation/psnr_y": 27.0}
                | ({} if distance is None else {"validation/patch_distance": distance}),
                {"images_seen": 100 * number, "validation/critic_estimate": estimate},
            ]
        (folder / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    return write


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 400], 1.0),
        ([1, 2, 3, 4], [5, 4, 3, -9], -1.0),
        # 1 - 6 * sum(d^2) / (n (n^2 - 1)) with d^2 = 194, n = 10
        ([106, 100, 86, 101, 99, 103, 97, 113, 112, 110], [7, 27, 2, 50, 28, 29, 20, 12, 6, 17],
         1 - 6 * 194 / 990),
        ([1, 2, 3, 4], [1, 2, 2, 3], 4.5 / 22.5**0.5),  # ranks 1, 2.5, 2.5, 4
    ],
)  # fmt: skip
def test_the_rank_correlation_is_that_of_spearman(report, first, second, expected):
    assert report.spearman(first, second) == pytest.approx(expected)


def test_a_run_is_correlated_over_the_validations_that_have_both(report, run_dir, capsys):
    folder = run_dir([0.9, 0.1, 0.5, 0.4, 0.2, 0.1], [300.0, None, 250.0, 260.0, 220.0, 210.0])
    assert report.main(["--run", str(folder)]) == 0
    described, result = capsys.readouterr().out.splitlines()
    assert "5 validations from image 100 to 600" in described
    assert "critic estimate 0.9000 -> 0.1000, patch distance 300.0 -> 210.0" in described
    # Ranks 5 4 3 2 1 and 5 3 4 2 1: 1 - 6 * 2 / 120.
    assert result == "Spearman's rank correlation of the two: 0.900"


def test_the_warm_up_can_be_ignored(report, run_dir, capsys):
    folder = run_dir([0.0, 0.6, 0.5, 0.4, 0.3], [300.0, 300.0, 250.0, 260.0, 220.0])
    assert report.main(["--run", str(folder), "--from-images", "200"]) == 0
    assert "4 validations from image 200 to 500" in capsys.readouterr().out


def test_too_few_validations_are_an_error(report, run_dir, capsys):
    folder = run_dir([0.9, 0.5, 0.4], [3.0, 2.0, 1.0])
    assert report.main(["--run", str(folder)]) == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert "has 3 validations" in sentence
    assert "needs at least 4" in sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Pass two models"),
        (["bicubic", "--data", "x"], "Pass two models"),
        (["bicubic", "bicubic"], "--data"),
        (["--run", "nowhere"], "There is no nowhere/stats.jsonl"),
    ],
)
def test_invalid_arguments_are_an_error(report, arguments, words, capsys):
    assert report.main(arguments) == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert words in sentence


def test_a_constant_series_is_an_error(report, run_dir, capsys):
    assert report.main(["--run", str(run_dir([1.0] * 4, [1.0, 2.0, 3.0, 4.0]))]) == 2
    assert "is constant" in capsys.readouterr().err


def test_two_models_are_compared(report, pictures, tiny_model, capsys):
    models = [str(tiny_model()), "bicubic"]
    options = ["--data", str(pictures), "--feature-weights", "none"]
    assert report.main([*models, *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    header, first, second, difference, percent = (line.split() for line in lines[1:6])
    assert header == ["PSNR-Y", "patch", "distance", "consistency"]
    assert (first[1], second[:3]) == ("(critic)", ["bicubic", "(no", "critic)"])
    assert (difference[0], percent[:2]) == ("difference", ["in", "percent"])
    assert lines[6].startswith("The critic is not effective")


def test_the_table_shows_differences_of_the_scores_of_both(report):
    first = {"psnr_y": 26.0, "patch_distance": 150.0, "grain": 1.1, "squeeze_distance": 2.5}
    second = {"psnr_y": 26.5, "patch_distance": 200.0, "grain": 1.0}
    header, *rows = (line.split() for line in report.table({"gan": first, "psnr": second}))
    assert header == ["PSNR-Y", "patch", "distance", "grain"]
    assert rows == [
        ["gan", "26.00", "150.0", "1.10"],
        ["psnr", "26.50", "200.0", "1.00"],
        ["difference", "-0.50", "-50.0", "0.10"],
        ["in", "percent", "-1.9", "-25.0", "+10.0"],
    ]


def test_a_percentage_of_zero_is_not_shown(report):
    rows = {"gan": {"pattern": 0.2, "grain": 1.0}, "psnr": {"pattern": 0.0, "grain": 2.0}}
    *_, percent = report.table(rows)
    assert percent.split() == ["in", "percent", "-", "-50.0"]


def test_a_run_is_exported_and_scored(report, pictures, tiny_model, monkeypatch, capsys):
    def export(run, name, folder):
        assert run == pictures
        shutil.copy(tiny_model(), folder / f"{name}.onnx")
        return folder / f"{name}.toml"

    monkeypatch.setattr(report, "export", export)
    models = [str(pictures), str(tiny_model())]
    assert report.main([*models, "--data", str(pictures), "--feature-weights", "none"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[-3:] == lines[3].split()[-3:]


@pytest.mark.parametrize(
    ("distance", "psnr", "is_effective"),
    [(89.9, 26.51, True), (90.1, 26.51, False), (50.0, 26.49, False), (120.0, 28.0, False)],
)
def test_the_critic_is_effective_from_a_tenth_at_half_a_decibel(
    report, distance, psnr, is_effective
):
    without = {"patch_distance": 100.0, "psnr_y": 27.0}
    sentence = report.summary({"patch_distance": distance, "psnr_y": psnr}, without)
    assert sentence.startswith("The critic is effective") == is_effective
    assert f"distance by {distance - 100:+.1f} %" in sentence
    assert f"PSNR-Y by {psnr - 27:+.2f} dB" in sentence
