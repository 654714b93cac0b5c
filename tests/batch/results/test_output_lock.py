"""The lock of an output folder: one run at a time, free again however that ends."""

import os
import shutil
import subprocess
import sys

import pytest

from srgan_gp.batch.results.output_lock import locked
from srgan_gp.errors import LockedError, OutputError, UsageError
from srgan_gp.system import file_locks

HOLD = """
import os, sys
from pathlib import Path
from srgan_gp.batch.results.output_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
"""


def test_a_second_run_is_refused_in_one_sentence_and_let_in_after_a_kill(tmp_path):
    words = [sys.executable, "-c", HOLD, tmp_path]
    other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(LockedError, match=f"process {other.pid}") as refused, locked(tmp_path):
            pass
        assert refused.value.exit_code == 6
        assert str(tmp_path) in str(refused.value)
        other.stdin.write("\n")
        other.stdin.flush()
        other.wait()
    with locked(tmp_path):
        pass


def test_a_lock_is_free_after_its_block(tmp_path):
    for _ in range(2):
        with locked(tmp_path):
            assert (tmp_path / ".srgan-gp" / "lock").read_text() == str(os.getpid())


def test_a_command_that_makes_no_sense_leaves_no_folder_of_ours(tmp_path):
    with pytest.raises(UsageError), locked(tmp_path):
        raise UsageError("no")
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass
    with pytest.raises(UsageError), locked(tmp_path):
        raise UsageError("no")
    assert [path.name for path in tmp_path.iterdir()] == [".srgan-gp"]


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_a_lock_that_goes_with_its_folder_is_none(tmp_path, monkeypatch, is_made_anew):
    ours = tmp_path / ".srgan-gp"

    def lock_late(file):
        shutil.rmtree(ours)  # what the holder did, before it let go
        if is_made_anew:
            ours.mkdir()
            (ours / "lock").touch()
        return True

    monkeypatch.setattr(file_locks, "try_lock", lock_late)
    with pytest.raises(LockedError), locked(tmp_path):
        pass


def test_a_folder_that_takes_no_lock_is_said(tmp_path):
    (tmp_path / ".srgan-gp").write_bytes(b"a file")
    with pytest.raises(OutputError, match="cannot be created"), locked(tmp_path):
        pass
