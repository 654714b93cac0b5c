import errno
import os
import stat

import pytest

from srgan_gp.errors import OutputError
from srgan_gp.system import files
from srgan_gp.system.files import atomic_write, atomic_write_bytes


def test_a_new_file_holds_what_was_written(tmp_path):
    path = tmp_path / "new.bin"
    with atomic_write(path) as file:
        file.write(b"one")
        file.write(b"two")
        assert not path.exists()
    assert path.read_bytes() == b"onetwo"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_unchanged_until_the_end(tmp_path):
    path = tmp_path / "old.bin"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "old.bin"
    path.write_bytes(b"old")
    with pytest.raises(failure), atomic_write(path) as file:
        file.write(b"half")
        raise failure
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission"),
     (errno.EIO, "Input/output error")],
)  # fmt: skip
def test_the_message_gives_the_reason(tmp_path, number, words):
    path = tmp_path / "a.bin"
    with pytest.raises(OutputError, match=words) as caught, atomic_write(path):
        raise OSError(number, os.strerror(number))
    assert str(path) in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_a_folder_and_a_file_for_a_folder_are_output_errors(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path, words in [
        (tmp_path / "none" / "a", "folder does not exist"), (tmp_path, "not a regular file"),
        (tmp_path / "file" / "a", "not a folder"), (tmp_path / ("x" * 300), "too long"),
    ]:  # fmt: skip
        with pytest.raises(OutputError, match=words):
            atomic_write_bytes(path, b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="not a regular file"):
        atomic_write_bytes(pipe, b"data")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "🐦" * 63, "-a", "a b\nc", ".hidden"])
def test_every_valid_name_can_be_written(tmp_path, name):
    atomic_write_bytes(tmp_path / name, b"data")
    assert (tmp_path / name).read_bytes() == b"data"


def test_a_symbolic_link_is_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_permissions_are_those_of_the_old_file_or_the_default(tmp_path):
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.write_bytes(b"old")
    old.chmod(0o640)
    plain.write_bytes(b"")
    for path in (old, new):
        atomic_write_bytes(path, b"data")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert new.stat().st_mode == plain.stat().st_mode


def test_the_file_is_flushed_then_renamed_then_the_folder_is_flushed(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, files.Path.replace

    def noted_fsync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_replace(path, target):
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(files.Path, "replace", noted_replace)
    atomic_write_bytes(tmp_path / "a.bin", b"data")
    assert steps == ["file", "rename", "folder"]


def test_a_folder_that_cannot_be_flushed_is_ignored(tmp_path, monkeypatch):
    fsync = os.fsync

    def refuse_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    atomic_write_bytes(tmp_path / "a.bin", b"data")
    assert (tmp_path / "a.bin").read_bytes() == b"data"
