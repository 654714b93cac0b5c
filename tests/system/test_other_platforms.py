"""Branches for Windows and macOS, with the platform faked: the tests run on Linux only."""

import ctypes
import importlib.util
import io
import os
import resource
import signal
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from srgan_gp.batch.naming import result_names
from srgan_gp.diagnosis import machine
from srgan_gp.images.codecs import band_threads
from srgan_gp.images.mapped_arrays import _reserve
from srgan_gp.inference import devices
from srgan_gp.serving.decoding import process_limits
from srgan_gp.system import files, signals

PACKAGE = Path(files.__file__).parents[1]


class Platform:
    """A module such as `os` or `sys` with some attributes changed or removed."""

    def __init__(self, module, removed=(), **changes):
        self._module, self._removed = module, removed
        vars(self).update(changes)

    def __getattr__(self, name):
        if name in self._removed:
            raise AttributeError(name)
        return getattr(self._module, name)


@pytest.fixture
def load(monkeypatch):
    """Load a module of the package again, as it is on another platform."""

    def load_one(path, platform):
        monkeypatch.setattr(sys, "platform", platform)
        spec = importlib.util.spec_from_file_location(f"on_{platform}", PACKAGE / path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_one


class LockedBytes(ModuleType):
    """`msvcrt` of Windows: locks of bytes, at the position of a file."""

    LK_NBLCK = 2

    def __init__(self):
        super().__init__("msvcrt")
        self.locked = {}

    def locking(self, descriptor, mode, count):
        assert (mode, count) == (self.LK_NBLCK, 1)
        place = (os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR))
        if self.locked.setdefault(place, descriptor) != descriptor:
            raise PermissionError(13, "Permission denied")


def test_a_lock_on_windows_is_a_byte_beyond_the_end_of_the_file(load, monkeypatch, tmp_path):
    msvcrt = LockedBytes()
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    file_locks = load("system/file_locks.py", "win32")
    path = tmp_path / "lock"
    path.write_bytes(b"123")
    with path.open("r+b", buffering=0) as first, path.open("r+b", buffering=0) as second:
        first.seek(2)
        assert file_locks.try_lock(first)
        assert first.tell() == 2
        assert not file_locks.try_lock(second)
        assert second.tell() == 0
    [(_, position)] = msvcrt.locked
    assert position > 1 << 32


def test_a_folder_lock_works_on_windows(load, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "msvcrt", LockedBytes())
    file_locks = load("system/file_locks.py", "win32")
    path = tmp_path / "state" / "lock"
    with (
        file_locks.locked(path, tmp_path),
        pytest.raises(file_locks.LockedError, match=f"process {os.getpid()}"),
        file_locks.locked(path, tmp_path),
    ):
        raise AssertionError("two runs hold one lock")


def test_decoders_have_no_limits_of_the_system_on_windows(load):
    limits = load("serving/decoding/process_limits.py", "win32")
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_CORE)
    before = [resource.getrlimit(kind) for kind in kinds]
    limits.limit_additional_memory(1)
    limits.limit_additional_seconds(1)
    limits.forbid_writing_files()
    assert [resource.getrlimit(kind) for kind in kinds] == before


def test_the_address_space_is_assumed_where_there_is_no_proc(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_bytes", missing)
    assert process_limits._address_space() == 1 << 30


def test_without_sighup_the_two_other_signals_stop_a_run(load, monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP")
    on_windows = load("system/signals.py", "win32")
    assert on_windows.ENDING == (signal.SIGINT, signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    with on_windows.StopRequest() as request:
        signal.raise_signal(signal.SIGTERM)
        assert request.requested
    assert signal.getsignal(signal.SIGTERM) is before
    assert signals.ENDING[:2] == on_windows.ENDING


@pytest.mark.parametrize(
    ("platform", "library"), [("win32", "nvcuda.dll"), ("darwin", "libcuda.so.1")]
)
def test_the_driver_library_of_the_platform_is_asked(load, monkeypatch, platform, library):
    asked = []

    def missing(name):
        asked.append(name)
        raise OSError(f"{name} not found")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    module = load("inference/cuda_driver.py", platform)
    found = module.find_driver()
    assert asked == [library]
    assert found == module.Driver(0, f"no NVIDIA driver was found ({library} does not load)")


def test_cores_are_counted_where_there_is_no_affinity(monkeypatch):
    """As on Windows and macOS."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert band_threads._cpus() == 3
    assert devices.choose_threads(None) == 3
    assert machine._usable_cores() == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert band_threads._cpus() == devices.choose_threads(None) == 1


def test_disk_space_is_reserved_by_writing_where_the_system_has_no_call(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "posix_fallocate")
    with (tmp_path / "array").open("w+b") as file:
        _reserve(file, 5_000_001)
        assert os.fstat(file.fileno()).st_size == 5_000_001


def open_files_at(path):
    """Return the descriptors of this process that are open at a path."""
    descriptors = Path("/proc/self/fd").iterdir()
    return [one for one in descriptors if one.exists() and one.resolve() == path.resolve()]


def test_a_file_is_closed_before_it_is_renamed_on_windows(monkeypatch, tmp_path):
    """Windows renames and removes no open file."""
    monkeypatch.setattr(files, "os", Platform(os, name="nt"))
    open_at_rename, rename = [], Path.replace

    def replace(self, target):
        open_at_rename.append(open_files_at(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with files.atomic_write(tmp_path / "a.txt") as file:
        file.write(b"whole")
    assert open_at_rename == [[]]
    assert (tmp_path / "a.txt").read_bytes() == b"whole"


def test_an_unfinished_file_is_closed_before_it_is_removed_on_windows(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "os", Platform(os, name="nt"))
    open_at_removal, unlink = [], Path.unlink

    def remove(self, missing_ok=False):
        open_at_removal.append(open_files_at(self))
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", remove)
    with pytest.raises(KeyboardInterrupt), files.atomic_write(tmp_path / "a.txt") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert open_at_removal == [[]]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["con.png", "a:b.png", "what?.png", "a|b.png"])
def test_names_of_results_are_valid_on_windows(name):
    """Names that Windows does not allow or reserves for devices."""
    valid = result_names.portable(name)
    assert valid.endswith(".png")
    assert valid != name
    assert not set('<>:"/\\|?*') & set(valid)


def test_the_libraries_of_onnxruntime_are_dlls_on_windows(monkeypatch, tmp_path):
    loaded = []
    monkeypatch.setattr(machine, "sys", Platform(sys, platform="win32"))
    load_library = lambda name, mode: loaded.append(Path(name).name)  # noqa: E731
    monkeypatch.setattr(machine, "ctypes", SimpleNamespace(CDLL=load_library, RTLD_GLOBAL=0))
    runtime = SimpleNamespace(__file__=str(tmp_path / "__init__.py"), preload_dlls=io.StringIO)
    assert machine._load_cuda_provider(runtime) is None
    assert loaded == ["onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll"]
