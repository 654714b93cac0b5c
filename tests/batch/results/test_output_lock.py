"""Lock of an output folder: one run at a time, unlocked however that run ends."""

import os
import shutil
import subprocess
import sys

import pytest

from srgan_gp.batch.results.output_lock import locked_journal
from srgan_gp.errors import LockedError, OutputError, UsageError
from srgan_gp.system import file_locks

HOLD = """
import os, sys
from pathlib import Path
from srgan_gp.batch.results.output_lock import locked_journal
with locked_journal(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
"""


def test_a_second_run_is_refused_until_the_first_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLD, tmp_path]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other:
        assert other.stdout.readline() == "locked\n"
        with (
            pytest.raises(LockedError, match=f"process {other.pid}") as refused,
            locked_journal(tmp_path),
        ):
            pass
        assert refused.value.exit_code == 6
        assert str(tmp_path) in str(refused.value)
        other.stdin.write("\n")
        other.stdin.flush()
        other.wait()
    with locked_journal(tmp_path):
        pass


def test_a_lock_is_released_after_its_block(tmp_path):
    for _ in range(2):
        with locked_journal(tmp_path):
            assert (tmp_path / ".srgan-gp" / "lock").read_text() == str(os.getpid())


def test_a_run_without_results_leaves_no_journal(tmp_path):
    with pytest.raises(UsageError), locked_journal(tmp_path):
        raise UsageError("no")
    with locked_journal(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_journal_of_an_earlier_run_stays(tmp_path):
    with locked_journal(tmp_path) as journal:
        journal.recorded_count += 1
    with pytest.raises(UsageError), locked_journal(tmp_path):
        raise UsageError("no")
    assert [path.name for path in tmp_path.iterdir()] == [".srgan-gp"]


@pytest.mark.parametrize("is_created_again", [False, True])
def test_a_lock_that_is_removed_with_its_folder_is_refused(tmp_path, monkeypatch, is_created_again):
    folder = tmp_path / ".srgan-gp"

    def lock_late(file):
        shutil.rmtree(folder)  # As the holder does before it unlocks.
        if is_created_again:
            folder.mkdir()
            (folder / "lock").touch()
        return True

    monkeypatch.setattr(file_locks, "try_lock", lock_late)
    with pytest.raises(LockedError), locked_journal(tmp_path):
        pass


def test_a_folder_that_cannot_be_locked_is_an_error(tmp_path):
    (tmp_path / ".srgan-gp").write_bytes(b"a file")
    with pytest.raises(OutputError, match="cannot be created"), locked_journal(tmp_path):
        pass
