"""A batch killed at any moment and run again: nothing is damaged, lost or processed twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOP = Path(__file__).parent / "fork_loop.py"


def kill(folder, writer, kills, seed=0):
    """Run the loop; returns its counts."""
    words = [sys.executable, LOOP, folder, writer, str(kills), str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kills", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_a_killed_batch_resumes(tmp_path, kills):
    found = kill(tmp_path, "ours", kills)
    assert found["kills"] == kills
    assert found["whole runs"] > kills / 20  # The end was checked this often.
    places = {name: number for name, number in found.items() if name.startswith("killed ")}
    assert len(places) == 9  # Eight points and random moments.
    assert min(places.values()) > kills / 100
    for fault in ("corrupt", "lost", "redone", "wrong in the end"):
        assert found[fault] == 0, found


def test_the_loop_finds_the_faults_of_a_naive_batch(tmp_path):
    found = kill(tmp_path, "naive", 40)
    assert found["corrupt"] > 0
    assert found["wrong in the end"] > 0
