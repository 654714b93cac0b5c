import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp import read_image

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "batch_upscale.py"


def batch_upscale(*words):
    command = [sys.executable, SCRIPT, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (5, 3), "teal").save(photos / "a.jpg")
    Image.new("RGB", (4, 4), "teal").save(photos / "a.png")
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (photos / "notes.txt").write_text("no picture")
    return photos


def test_every_image_is_upscaled_and_a_damaged_one_is_named(folder, tmp_path):
    run = batch_upscale(folder, tmp_path / "out")
    sizes = {p.name: read_image(p).pixels.shape for p in (tmp_path / "out").iterdir()}
    assert sizes == {"a.jpg.png": (12, 20, 3), "a.png.png": (16, 16, 3)}
    assert run.returncode == 3
    assert run.stderr.startswith(f"{folder / 'broken.png'}: ")
    assert len(run.stderr.splitlines()) == 1


def test_existing_results_are_skipped(folder, tmp_path):
    (folder / "broken.png").unlink()
    assert batch_upscale(folder, tmp_path / "out").returncode == 0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    again = batch_upscale(folder, tmp_path / "out")
    assert (again.returncode, again.stdout) == (0, "")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["{missing}", "{out}"], 2, "No such file or directory"),
        (["{photos}", "{out}", "--model", "none-x4"], 8, "none-x4"),
    ],
)
def test_invalid_arguments_are_reported(folder, tmp_path, words, code, sentence):
    places = {"missing": tmp_path / "missing", "out": tmp_path / "out", "photos": folder}
    run = batch_upscale(*(word.format(**places) for word in words))
    assert run.returncode == code
    assert sentence in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_it_is_short_enough_to_copy():
    assert len(SCRIPT.read_text().splitlines()) < 60
