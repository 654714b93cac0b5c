"""A folder of noise images, and the command line that upscales it, for subprocesses."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def album(tmp_path):
    """Write square images of noise of these sizes into the folder `in`."""

    def draw(*sizes):
        rng = np.random.default_rng(0)
        folder = tmp_path / "in"
        folder.mkdir()
        for number, size in enumerate(sizes):
            pixels = rng.integers(0, 256, (size, size, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:02}.png")

    return draw


@pytest.fixture
def environment():
    """Environment variables of a process that runs this checkout."""
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def words(tiny_model, tmp_path):
    """Command line that upscales the folder `in` into the folder `out`."""
    model = tiny_model()
    words = ["-m", "srgan_gp", "upscale", tmp_path / "in", "-o", tmp_path / "out", "-n", model]
    return [sys.executable, *map(str, words), "--device", "cpu"]
