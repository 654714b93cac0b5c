"""Pictures, a model that repeats pixels, and `srgan-gp upscale` with it."""

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
def repeating_model(tiny_model, onnx_models):
    """A model that enlarges four times by repeating pixels; gives its path."""
    from onnx import helper, numpy_helper

    scales = numpy_helper.from_array(np.array([1, 1, 4, 4], np.float32), "scales")
    repeat = helper.make_node(
        "Resize", ["image", "", "scales"], ["upscaled"],
        mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric",
    )  # fmt: skip
    model = onnx_models.of_nodes([repeat], [scales])
    return tiny_model("repeating", model, scale="4", overlap="0")


@pytest.fixture
def upscale(repeating_model, tmp_path, capsys):
    """Run `srgan-gp upscale` with the repeating model: (exit code, object of --json, stderr)."""

    def run(*words):
        code = main(
            ["upscale", "--json", "-n", str(repeating_model), "--device", "cpu", *map(str, words)]
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
