import errno
import gc
import mmap
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from srgan_gp.errors import PictureError
from srgan_gp.images import mapped_arrays


@pytest.fixture
def tiny_limit(monkeypatch):
    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 1000)


def mapped_files():
    """The unnamed files that this process has mapped."""
    maps = Path("/proc/self/maps").read_text()
    return re.findall(r"\S+ \(deleted\)$", maps, re.MULTILINE)


@pytest.mark.usefixtures("tiny_limit")
def test_a_large_array_is_mapped_to_an_unnamed_file_until_it_is_freed(tmp_path):
    before = len(mapped_files())
    array = mapped_arrays.empty((30, 20, 3), np.uint16, tmp_path)
    assert (array.shape, array.dtype, len(mapped_files())) == ((30, 20, 3), np.uint16, before + 1)
    assert list(tmp_path.iterdir()) == []
    part = array[5:7]
    del array
    part[:] = 7
    assert (part == 7).all()
    del part
    gc.collect()
    assert len(mapped_files()) == before


@pytest.mark.usefixtures("tiny_limit")
def test_a_small_array_is_in_memory(tmp_path):
    before = len(mapped_files())
    array = mapped_arrays.empty((10, 100), np.uint8, tmp_path)
    assert array.flags.owndata
    assert len(mapped_files()) == before


@pytest.mark.usefixtures("tiny_limit")
def test_released_memory_keeps_its_values(rng, tmp_path):
    values = rng.integers(0, 256, (300, 400), dtype=np.uint8)
    array = mapped_arrays.empty(values.shape, np.uint8, tmp_path)
    array[:] = values
    before = resident_file_kilobytes()
    mapped_arrays.release_memory(array[3:])
    assert resident_file_kilobytes() <= before - 100
    np.testing.assert_array_equal(array, values)


def resident_file_kilobytes():
    return int(re.search(r"RssFile:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def test_other_maps_are_not_released(tmp_path):
    """Releasing a private map would discard its changes."""
    path = tmp_path / "file"
    path.write_bytes(bytes(10_000))
    with path.open("rb") as file:
        private = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    array = np.ndarray((100, 100), np.uint8, private)
    array[:] = 5
    mapped_arrays.release_memory(array)
    mapped_arrays.release_memory(np.zeros(3))
    assert (array == 5).all()


@pytest.mark.usefixtures("tiny_limit")
def test_full_sets_every_value(tmp_path):
    for shape in ((2, 3), (3000, 7)):
        array = mapped_arrays.full(shape, np.uint16(513), tmp_path)
        assert (array.shape, array.dtype) == (shape, np.uint16)
        assert (array == 513).all()


@pytest.mark.usefixtures("tiny_limit")
@pytest.mark.parametrize("first", ["missing", "file"])
def test_the_temporary_folder_is_used_if_the_given_one_fails(tmp_path, first):
    (tmp_path / "file").write_bytes(b"")
    array = mapped_arrays.empty((50, 50), np.uint8, tmp_path / first)
    array[:] = 1
    assert array.sum() == 2500


@pytest.mark.usefixtures("tiny_limit")
def test_the_message_about_a_full_disk_names_the_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped_arrays.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    usage = SimpleNamespace(free=2_499)
    monkeypatch.setattr(mapped_arrays.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(PictureError, match="TMPDIR") as caught:
        mapped_arrays.empty((50, 50), np.uint8, tmp_path)
    assert caught.value.code == "E_DISK_FULL"
    assert str(tmp_path / "temporary") in str(caught.value)
    usage.free = 2_500
    assert mapped_arrays.empty((50, 50), np.uint8, tmp_path).nbytes == 2_500


@pytest.mark.usefixtures("tiny_limit")
def test_a_failed_reservation_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    def full(descriptor, start, size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(PictureError, match="no room"):
        mapped_arrays.empty((50, 50), np.uint8, tmp_path)


@pytest.mark.usefixtures("tiny_limit")
def test_zeros_are_written_if_space_cannot_be_reserved(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(mapped_arrays, "_ZERO_BYTES", 700)
    assert not mapped_arrays.empty((50, 50), np.uint8, tmp_path).any()


def test_a_file_size_limit_is_an_error_and_not_a_signal(tmp_path):
    """Without the reservation, the first write beyond the limit kills the process."""
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from srgan_gp.images import mapped_arrays as mapped\n"
        "from srgan_gp.errors import PictureError\n"
        "mapped.LARGE_BYTES = 1000\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "mapped.empty((100_000,), 'u1', Path(sys.argv[1]))[:] = 1\n"
        "try: mapped.empty((100_001,), 'u1', Path(sys.argv[1]))\n"
        "except PictureError as error: print(error.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("E_DISK_FULL", "")
    assert list(tmp_path.iterdir()) == []
