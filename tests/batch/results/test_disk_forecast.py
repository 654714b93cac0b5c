"""Dry runs and disk space: computed from headers, before any image is processed."""

import os
import shutil
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.inputs.walk import walk
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import Refused, UpscaleJob, make_plan
from srgan_gp.batch.results import time_forecast
from srgan_gp.batch.results.disk_forecast import check_space, expected_outcomes, forecast
from srgan_gp.batch.results.dry_run_report import Totals, entry_line
from srgan_gp.errors import OutputError, PictureError
from srgan_gp.inference.upscaler import Upscaler

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def image_folder(tmp_path, rng):
    """A photo, an animation, an image whose result is too wide for WebP, and a text."""
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / "a.jpg")
    frames = [Image.new("L", (8, 6), value) for value in (0, 128, 255)]
    frames[0].save(folder / "b.gif", save_all=True, append_images=frames[1:])
    Image.new("RGB", (5000, 1)).save(folder / "c.webp")
    (folder / "d.png").write_text("not an image")
    return folder


@pytest.fixture
def plan(image_folder, tmp_path):
    (tmp_path / "out").mkdir()
    with make_plan(walk([str(image_folder)]), Output(tmp_path / "out")) as plan:
        yield plan


def test_a_preview_yields_the_expected_outcome_of_every_input(plan, image_folder, tmp_path):
    photo, sequence, wide, refused = expected_outcomes(plan, UpscaleSettings(), 4)
    assert (photo.size, photo.result_size, photo.target.name) == ((40, 30), (160, 120), "a.jpg")
    assert (sequence.frames, sequence.result_size, sequence.target.name) == (3, (32, 24), "b.png")
    assert (wide.result_size, wide.target.name) == ((20000, 4), "c.png")
    assert refused.error.code == "E_NOT_AN_IMAGE"
    assert [entry.source.parent for entry in (photo, sequence, wide, refused)] == [image_folder] * 4
    assert list((tmp_path / "out").iterdir()) == []


def test_the_totals_add_up(plan, tmp_path):
    totals = Totals()
    for entry in expected_outcomes(plan, UpscaleSettings(), 4):
        totals.add(entry)
    assert (totals.to_do, totals.skipped, totals.refused) == (3, 0, 1)
    assert totals.pixels == 160 * 120 + 3 * 32 * 24 + 20000 * 4
    line = totals.summary_line(tmp_path / "not" / "there")
    head, inputs, results = line.split("; ")
    assert head == "4 inputs: 3 to do, 0 skipped, 1 refused"
    assert inputs == "inputs: 6,344 pixels"
    assert results.startswith("results: 101,504 pixels, about ")


def test_the_totals_of_one_input_are_in_the_singular(tmp_path):
    assert Totals(to_do=1).summary_line(tmp_path).startswith("1 input: 1 to do, ")


def test_the_time_of_a_run_is_estimated_from_a_trial(tmp_path, fake_session, monkeypatch):
    """The trial takes a microsecond for each pixel."""
    monkeypatch.setattr(time_forecast, "measure_seconds_per_pixel", lambda upscaler, side: 1e-6)
    totals, upscaler = Totals(to_do=2, input_pixels=540_000_000), Upscaler(fake_session())
    totals.estimate(None)
    assert totals.seconds is None
    totals.estimate(upscaler)
    assert totals.seconds == 540
    assert "; inputs: 540,000,000 pixels, about 9 minutes on this machine; " in totals.summary_line(
        tmp_path
    )
    nothing = Totals(skipped=3)
    nothing.estimate(upscaler)
    assert nothing.seconds is None


def test_expected_outcomes_are_formatted_as_lines(plan):
    photo, sequence, _, refused = expected_outcomes(plan, UpscaleSettings(scale=2), 4)
    assert entry_line(photo) == f"{photo.source}: 40x30 -> 80x60 {photo.target}, about 960 bytes"
    assert "frames" not in entry_line(photo)
    assert ", 3 frames, about " in entry_line(sequence)
    assert entry_line(refused).startswith(f"{refused.source}: E_NOT_AN_IMAGE: this is text")


def test_the_first_frame_of_an_animation_can_be_chosen(plan):
    sequence = list(expected_outcomes(plan, UpscaleSettings(frames="first"), 4))[1]
    assert sequence.frames == 1


def test_limits_are_checked_from_the_header(image_folder, tmp_path):
    """WebP has no fallback here, since the format was chosen."""
    job = UpscaleJob(image_folder / "c.webp", tmp_path / "c.webp", None)
    with pytest.raises(PictureError) as refusal:
        forecast(job, UpscaleSettings(), 4)
    assert refusal.value.code == "E_ENCODER_LIMIT"
    with pytest.raises(PictureError) as refusal:
        forecast(job, UpscaleSettings(max_pixels=4999), 4)
    assert refusal.value.code == "E_TOO_MANY_PIXELS"


def test_images_of_16_bits_need_more_space(tmp_path, rng):
    sizes = []
    for dtype in (np.uint8, np.uint16):
        path = tmp_path / f"{dtype.__name__}.png"
        Image.fromarray(rng.integers(0, 200, (20, 20)).astype(dtype)).save(path)
        sizes.append(
            forecast(UpscaleJob(path, tmp_path / "r.png", None), UpscaleSettings(), 4).bytes
        )
    assert sizes[1] > 2 * sizes[0]


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_the_estimate_has_the_right_order_of_magnitude(tmp_path, rng, name):
    """A smooth image with a little noise, as photos are after upscaling."""
    y, x = np.mgrid[:64, :64] / 64
    smooth = np.stack([x, y, x * y], axis=2) * 200 + rng.normal(0, 1.2, (64, 64, 3))
    path = tmp_path / "a.png"
    Image.fromarray(smooth.round().clip(0, 255).astype(np.uint8)).save(path)
    suffix = f".{name.lower()}"
    estimate = forecast(
        UpscaleJob(path, tmp_path / f"r{suffix}", None), UpscaleSettings(scale=1), 1
    ).bytes
    Image.open(path).save(tmp_path / f"r{suffix}", quality=95)
    real = (tmp_path / f"r{suffix}").stat().st_size
    assert real / 5 < estimate < real * 5


def test_too_little_space_is_an_error_with_the_bytes_needed(plan, tmp_path, monkeypatch):
    needed = check_space(plan, UpscaleSettings(), 4, tmp_path).bytes
    assert needed > 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, needed))
    assert check_space(plan, UpscaleSettings(), 4, tmp_path).bytes == needed
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, needed - 1))
    with pytest.raises(OutputError, match=r"need about \d+\.\d kB, and .* has \d+\.\d kB left"):
        check_space(plan, UpscaleSettings(), 4, tmp_path)


def test_existing_results_need_no_space(plan, tmp_path):
    before = check_space(plan, UpscaleSettings(), 4, tmp_path).bytes
    (tmp_path / "out" / "b.png").touch()
    assert check_space(plan, UpscaleSettings(), 4, tmp_path).bytes < before


def test_the_sizes_of_the_inputs_are_returned_for_the_progress(plan, image_folder, tmp_path):
    pixels = check_space(plan, UpscaleSettings(), 4, tmp_path).pixels
    names = {path.name: count for path, count in pixels.items()}
    assert names == {"a.jpg": 40 * 30, "b.gif": 3 * 8 * 6, "c.webp": 5000}


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with make_plan(walk([str(tmp_path)]), Output(tmp_path / "out")) as plan:
        [refused] = expected_outcomes(plan, UpscaleSettings(), 4)
    assert isinstance(refused, Refused)
    assert refused.error.code == "E_NOT_A_FILE"


DRY_RUN = """
import sys
from pathlib import Path
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.results.disk_forecast import expected_outcomes
from srgan_gp.batch.results.dry_run_report import Totals, entry_line
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import make_plan
from srgan_gp.batch.inputs.walk import Found
import psutil

def memory():
    return psutil.Process().memory_info().rss

def generated(count):
    root = Path("/nowhere/in")
    for number in range(count):
        # Every tenth name occurs twice, as .jpg and .png.
        folder, stem = f"{number // 1000:04}", f"IMG_{number - (number % 10 == 1):07}"
        yield Found(root / folder / (stem + (".png" if number % 10 == 1 else ".jpg")), root)

def dry_run(count):
    totals = Totals()
    most = memory()
    with make_plan(generated(count), Output(Path("/nowhere/out"), extension=".png")) as plan:
        for number, entry in enumerate(expected_outcomes(plan, UpscaleSettings(), 4)):
            totals.add(entry)
            entry_line(entry)
            if number % 1000 == 0:
                most = max(most, memory())
    assert totals.refused == count
    return max(most, memory())

dry_run(100)  # Loads all modules.
start = memory()
print((dry_run(int(sys.argv[1])) - start) / 2**20)
"""


def growth(count):
    """Run a dry run over generated names in a new process; returns its growth in MiB."""
    command = [sys.executable, "-c", DRY_RUN, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_the_memory_of_a_dry_run_is_flat():
    assert growth(5_000) < 25


@pytest.mark.slow
def test_a_dry_run_over_a_million_names_takes_at_most_100_mib():
    assert growth(1_000_000) <= 100
