"""`srgan-gp upscale` as a process: signals, kills, and workers of its own."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from srgan_gp.commands import upscale as command
from srgan_gp.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_END = 5  # of a core: a busy machine takes longer
PATIENCE = 60  # seconds; only a test that fails waits so long


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".srgan-gp")


@pytest.fixture
def endless(repeating_model, tmp_path, small_tiles):
    """Start a run whose second image takes minutes; return it when the first is done."""
    (tmp_path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    Image.fromarray(pixels[:1, :1]).save(tmp_path / "in" / "a.png")
    Image.fromarray(pixels).save(tmp_path / "in" / "b.png")
    arguments = ["upscale", tmp_path / "in", "-o", tmp_path / "out", "-n", repeating_model]
    arguments += ["--device", "cpu", "--tile", "1"]
    with subprocess.Popen(
        [sys.executable, *small_tiles, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        while "a.png: 1x1 -> 4x4" not in process.stderr.readline():
            assert process.poll() is None
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_in_the_middle_of_an_image_ends_the_run_in_seconds(
    endless, work_of, tmp_path, number, code
):
    before = work_of(endless)
    endless.send_signal(number)
    _, said = endless.communicate(timeout=PATIENCE)
    assert endless.returncode == code
    assert work_of(endless) - before < SECONDS_TO_END
    assert "1 done, 0 skipped, 0 failed, 1 not finished" in said
    assert "Traceback" not in said
    assert names(tmp_path / "out") == ["a.png"]


def test_after_a_kill_the_same_command_does_the_rest(endless, upscale, tmp_path):
    endless.kill()
    endless.wait()
    Image.new("RGB", (3, 3)).save(tmp_path / "in" / "b.png")
    code, report, _ = upscale(tmp_path / "in", "-o", tmp_path / "out")
    assert (code, report["done"], report["skipped"]) == (0, 1, 1)
    assert names(tmp_path / "out") == ["a.png", "b.png"]


def test_a_process_for_each_device_gives_the_same_files(upscale, folder, tmp_path, monkeypatch):
    assert upscale(folder, "-o", tmp_path / "one")[0] == 0
    monkeypatch.setattr(command, "devices_of", lambda _: ["cpu", "cpu"])
    code, report, _ = upscale(folder, "-o", tmp_path / "two")
    assert (code, report["done"]) == (0, 3)
    assert names(tmp_path / "two") == names(tmp_path / "one")
    for name in names(tmp_path / "one"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    lines = [" ".join(child.cmdline()) for child in psutil.Process(os.getpid()).children()]
    assert not [line for line in lines if "spawn_main" in line]


@pytest.mark.parametrize("device", ["cuda:1", "tensorrt:1"])
def test_a_numbered_device_agrees_with_the_same_gpu_id(device):
    options = argparse.Namespace(address=None, engine="local", device=device, gpu_id=[1])
    assert command.devices_of(options) == [device]
    options.gpu_id = [2]
    with pytest.raises(UsageError, match="disagree"):
        command.devices_of(options)
