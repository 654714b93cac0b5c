"""Images, a model that repeats pixels, and `srgan-gp upscale` with that model."""

import json

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)


@pytest.fixture
def folder(tmp_path, pixels):
    """Three images and a text file."""
    path = tmp_path / "in"
    path.mkdir()
    image = Image.fromarray(pixels)
    image.save(path / "a.jpg")
    image.save(path / "a.png")
    image.save(path / "b.gif")
    (path / "README.md").write_text("about the images")
    return path


@pytest.fixture
def tree(folder):
    """The three images and, two folders deeper, another one with the name of the first."""
    deep = folder / "one" / "two"
    deep.mkdir(parents=True)
    Image.new("RGB", (5, 6), (9, 8, 7)).save(deep / "a.png")
    return folder


@pytest.fixture
def repeating_model(tiny_model, onnx_models):
    """Return the path of a model that upscales four times by repeating pixels."""
    return tiny_model("repeating", onnx_models.repeating(), scale="4", overlap="0")


def check_report(report, lines):
    """Check the invariants of every run, however it ended; return the object of `--json`.

    Every input has one outcome, the object and the lines of `--report` list the same images, and
    only failures and images that were not tried have a code.
    """
    counts = {"done": 0, "skipped": 0, "failed": 0, "not_tried": 0}
    for image in lines:
        counts[image["status"]] += 1
        has_code = image["status"] in ("failed", "not_tried")
        assert image.get("code", "").startswith("E_") is has_code, image
    assert report["inputs"] == sum(report[status] for status in counts)
    assert {status: report[status] for status in counts} == counts
    assert report["pictures"] == lines
    assert len({image["source"] for image in lines}) == len(lines)
    return report


@pytest.fixture
def upscale(repeating_model, tmp_path, capsys):
    """Run `srgan-gp upscale` with the repeating model: (exit code, object of --json, stderr)."""

    def run(*arguments):
        lines = tmp_path / "report.jsonl"
        lines.unlink(missing_ok=True)
        common = ["--json", "--report", lines, "-n", repeating_model, "--device", "cpu"]
        code = main(["upscale", *map(str, [*common, *arguments])])
        captured = capsys.readouterr()
        report = None
        if captured.out:
            written = [json.loads(line) for line in lines.read_text().splitlines()]
            report = check_report(json.loads(captured.out), written)
        else:
            assert not lines.exists()
        assert "Traceback" not in captured.err
        assert [path.name for path in tmp_path.rglob("*.part")] == []
        return code, report, captured.err

    return run
