"""A disk that is full at any byte of a file: the old file is kept, the message gives the reason."""

import json
import subprocess
import sys

import pytest

OLD, NEW_BYTES = b"old", 100_000

WRITERS = {
    "atomic": "from srgan_gp.system.files import atomic_write_bytes as write",
    "staged": """
from srgan_gp.system.files import commit, write_staged
def write(path, data):
    commit(write_staged(path, lambda file: file.write(data))[0])
""",
    "naive": "def write(path, data): path.write_bytes(data)",
}

LIMITED = """
import json, resource, sys
from pathlib import Path
{writer}
path, outcomes = Path(sys.argv[1]), []
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
for limit in json.loads(sys.argv[2]):
    path.write_bytes(b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        write(path, bytes({size}))
        said = ""
    except Exception as error:
        said = f"{{getattr(error, 'exit_code', None)}} {{error}}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    names = [entry.name for entry in path.parent.iterdir()]
    outcomes.append((limit, said, path.read_bytes() == b"old", names))
print(json.dumps(outcomes))
"""

LIMITS = [*range(0, NEW_BYTES, 1_999), 1, 4095, 4096, 4097, 65_536, NEW_BYTES - 1]


def outcomes_of(writer, path):
    """Write a file under each limit; return (limit, error, is_unchanged, names) of each."""
    program = LIMITED.format(writer=WRITERS[writer], size=NEW_BYTES)
    words = [sys.executable, "-c", program, path, json.dumps(LIMITS)]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("writer", ["atomic", "staged"])
def test_a_disk_that_is_full_at_any_byte_keeps_the_old_file(tmp_path, writer):
    outcomes = outcomes_of(writer, tmp_path / "old.bin")
    assert len(outcomes) >= 50
    for limit, said, is_unchanged, names in outcomes:
        assert said.startswith("5 cannot write"), limit
        assert "larger than this system allows" in said
        assert is_unchanged, limit
        assert names == ["old.bin"], limit


def test_a_naive_writer_damages_the_old_file(tmp_path):
    outcomes = outcomes_of("naive", tmp_path / "old.bin")
    assert not any(is_unchanged for _, _, is_unchanged, _ in outcomes)


FULL = """
import os, sys
from pathlib import Path
from srgan_gp.system.files import atomic_write_bytes
path = Path(sys.argv[1], "old.bin")
path.write_bytes(b"old")
opened = Path.open
def open_full(path, mode):
    file = opened(path, mode)
    if sys.argv[2] == "device":  # a device that is always full
        os.dup2(os.open("/dev/full", os.O_RDWR), file.fileno())
    return file
Path.open = open_full
try:
    atomic_write_bytes(path, bytes(2_000_000))
except Exception as error:
    print(error.exit_code, error)
Path.open = opened
print(path.read_bytes() == b"old", [entry.name for entry in path.parent.iterdir()])
"""

IN_A_SMALL_DISK = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


def has_mounts():
    """Return whether this user may mount a file system."""
    try:
        done = subprocess.run([*IN_A_SMALL_DISK, "true"], check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


# Every user has the device; mounting a disk of 1 MB may need permission.
@pytest.mark.parametrize("kind", ["device", *(["disk"] if has_mounts() else [])])
def test_a_full_disk_keeps_the_old_file(tmp_path, kind):
    words = [sys.executable, "-c", FULL, str(tmp_path), kind]
    if kind == "disk":
        mount = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
        words = [*IN_A_SMALL_DISK, mount, str(tmp_path), *words]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    said, left = done.stdout.splitlines()
    assert said.startswith("5 cannot write")
    assert "the disk is full" in said
    assert left == "True ['old.bin']"
