"""Staged files: committed, or removed, also after their process has crashed."""

import hashlib
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from srgan_gp.errors import OutputError
from srgan_gp.system.files import (
    atomic_write,
    commit,
    hash_file,
    release_staged,
    remove_abandoned_files,
    remove_staged,
    remove_unfinished_files,
    write_staged,
)


def stage(path, data=b"new"):
    return write_staged(path, lambda file: file.write(data))[0]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_old_file_is_unchanged_until_the_commit(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    staged, result = write_staged(path, lambda file: file.write(b"12345"))
    assert (result, staged.size, staged.target) == (5, 5, path)
    assert staged.sha256 == hashlib.sha256(b"12345").hexdigest()
    assert path.read_bytes() == b"old"
    commit(staged)
    assert path.read_bytes() == b"12345"
    assert names(tmp_path) == ["a.bin"]


def test_the_hash_is_that_of_the_final_content_after_a_seek(tmp_path):
    def write(file):
        file.write(b"....tail")
        file.seek(0)
        file.write(b"head")

    staged, _ = write_staged(tmp_path / "a.bin", write)
    commit(staged)
    assert (tmp_path / "a.bin").read_bytes() == b"headtail"
    assert staged.size == 8
    assert staged.sha256 == hash_file(tmp_path / "a.bin")


def test_a_dropped_file_leaves_nothing(tmp_path):
    remove_staged(stage(tmp_path / "a.bin"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, FileExistsError])
def test_a_writer_that_fails_leaves_nothing(tmp_path, failure):
    def write(file):
        file.write(b"half")
        raise failure

    with pytest.raises((failure, OutputError)):
        write_staged(tmp_path / "a.bin", write)
    assert names(tmp_path) == []


def test_a_commit_keeps_permissions_and_follows_links(tmp_path):
    target, link = tmp_path / "real" / "target", tmp_path / "link"
    target.parent.mkdir()
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    commit(stage(link))
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_failed_commit_is_an_error_and_leaves_nothing(tmp_path):
    staged = stage(tmp_path / "a.bin")
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*a\.bin: there is a folder"):
        commit(staged)
    assert names(tmp_path) == ["a.bin"]


def test_drop_unfinished_removes_every_hidden_file(tmp_path):
    stage(tmp_path / "a.bin")
    with pytest.raises(OutputError), atomic_write(tmp_path / "b.bin") as file:
        file.write(b"half")
        remove_unfinished_files()
        assert names(tmp_path) == []
    assert names(tmp_path) == []


def test_a_staged_file_is_committed_by_another_process(tmp_path):
    program = """
import pickle, sys
from pathlib import Path
from srgan_gp.system.files import release_staged, write_staged
staged, _ = write_staged(Path(sys.argv[1]), lambda file: file.write(b"from afar"))
release_staged(staged)
sys.stdout.buffer.write(pickle.dumps(staged))
"""
    path = tmp_path / "a.bin"
    done = subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True)
    commit(pickle.loads(done.stdout))
    assert path.read_bytes() == b"from afar"


def test_sweep_removes_only_the_files_of_a_killed_process(tmp_path):
    program = """
import os, sys
from pathlib import Path
from srgan_gp.system.files import atomic_write, write_staged
write_staged(Path(sys.argv[1], "staged.png"), lambda file: file.write(b"whole"))
with atomic_write(Path(sys.argv[1], "half.png")) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, tmp_path], check=False)
    assert len(names(tmp_path)) == 2
    assert all(name.startswith(".") and name.endswith(".part") for name in names(tmp_path))
    others = [".hidden.part", "a.12345678.part", ".a.1234567g.part", ".a.12345678.part.png"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".folder.12345678.part").mkdir()
    assert remove_abandoned_files(tmp_path) == 2
    assert names(tmp_path) == sorted([*others, ".folder.12345678.part"])


def test_sweep_keeps_the_files_of_a_running_process(tmp_path):
    staged = stage(tmp_path / "staged.bin")
    with atomic_write(tmp_path / "open.bin"):
        assert remove_abandoned_files(tmp_path) == 0
        program = (
            "import sys, pathlib, srgan_gp.system.files as files; "
            "sys.exit(files.remove_abandoned_files(pathlib.Path(sys.argv[1])))"
        )
        assert (
            subprocess.run([sys.executable, "-c", program, tmp_path], check=False).returncode == 0
        )
        assert len(names(tmp_path)) == 2
    release_staged(staged)
    assert remove_abandoned_files(tmp_path) == 1
    assert names(tmp_path) == ["open.bin"]


def test_sweep_of_a_missing_folder_finds_nothing(tmp_path):
    assert remove_abandoned_files(tmp_path / "none") == 0


def test_no_descriptor_is_left_open(tmp_path):
    def count():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = count()
    for _ in range(3):
        commit(stage(tmp_path / "a.bin"))
        remove_staged(stage(tmp_path / "b.bin"))
        release_staged(stage(tmp_path / "c.bin"))
    assert count() == before


def test_hash_file_is_sha256(tmp_path):
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "none")
    (tmp_path / "abc").write_bytes(b"abc")
    # The example of FIPS 180-2.
    assert hash_file(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")
