import os
import shutil
import subprocess
import sys
import time

import pytest

from srgan_gp.errors import OutputError
from srgan_gp.serving.results.temporary_files import TemporaryFiles, remove_leftovers

KEEP_SECONDS = 600


@pytest.fixture
def temporary_files(tmp_path):
    temporary_files = TemporaryFiles(tmp_path, KEEP_SECONDS)
    yield temporary_files
    temporary_files.close()


def write(folder, name="file"):
    path = folder / "job" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"content")
    return path


def later(seconds):
    return time.time() + seconds


def test_file_is_removed_after_keep_seconds(temporary_files):
    path = write(temporary_files.folder("a"))
    temporary_files.sweep(later(KEEP_SECONDS - 5))
    assert path.is_file()
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_old_directory_is_removed_and_the_client_gets_a_new_one(temporary_files):
    folder = temporary_files.folder("a")
    write(folder)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not folder.exists()
    assert temporary_files.folder("a") != folder
    assert temporary_files.folder("a").is_dir()


def test_recent_file_does_not_protect_old_files(temporary_files):
    old, recent = (write(temporary_files.folder("a"), name) for name in ("old", "recent"))
    long_ago = time.time() - KEEP_SECONDS - 5
    os.utime(old, (long_ago, long_ago))
    temporary_files.sweep()
    assert (old.exists(), recent.exists()) == (False, True)


def test_held_path_is_kept_until_released_as_often(temporary_files):
    path = write(temporary_files.folder("a"))
    temporary_files.hold(path.parent)
    temporary_files.hold(path.parent, path)
    temporary_files.release(path.parent)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert path.is_file()
    temporary_files.release(path.parent, path)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_link_is_removed_and_not_followed(temporary_files, tmp_path):
    outside = write(tmp_path, "outside")
    (temporary_files.folder("a") / "link").symlink_to(outside.parent)
    (temporary_files.folder("a") / "dangling").symlink_to(tmp_path / "nowhere")
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert outside.is_file()
    assert sorted(temporary_files.server_folder.iterdir()) == sorted(
        [temporary_files.server_folder / "lock", temporary_files.uploads]
    )


def test_upload_directory_is_emptied_and_kept(temporary_files):
    path = write(temporary_files.uploads)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()
    assert temporary_files.uploads.is_dir()


def test_parents_of_a_held_path_are_kept(temporary_files):
    folder = temporary_files.folder("a")
    temporary_files.hold(folder / "job")
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert temporary_files.folder("a") == folder


def test_old_files_are_removed_in_the_background(tmp_path):
    temporary_files = TemporaryFiles(tmp_path, 0.2)
    path = write(temporary_files.folder("a"))
    end = time.monotonic() + 60
    while path.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    temporary_files.close()


def test_close_removes_everything(tmp_path):
    temporary_files = TemporaryFiles(tmp_path, KEEP_SECONDS)
    write(temporary_files.folder("a"))
    temporary_files.close()
    assert list(tmp_path.iterdir()) == []


def test_directory_of_a_killed_server_is_removed_at_the_next_start(tmp_path):
    code = (
        "import os, pathlib, signal, sys\n"
        "from srgan_gp.serving.results.temporary_files import TemporaryFiles\n"
        "folder = TemporaryFiles(pathlib.Path(sys.argv[1]), 600).folder('a')\n"
        "(folder / 'file').write_bytes(b'content')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -9
    [left] = tmp_path.iterdir()
    temporary_files = TemporaryFiles(tmp_path, KEEP_SECONDS)
    assert not left.exists()
    temporary_files.close()


def test_directory_of_a_running_server_is_kept(temporary_files, tmp_path):
    path = write(temporary_files.folder("a"))
    assert remove_leftovers(tmp_path) == 0
    assert path.is_file()


def test_other_directories_and_links_are_kept(tmp_path):
    (tmp_path / "srgan-gp-app-without-lock").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "lock").touch()
    (tmp_path / "srgan-gp-app-link").symlink_to(tmp_path / "other")
    assert remove_leftovers(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_unusable_root_directory_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"Temporary files cannot be created in .*missing: "):
        TemporaryFiles(tmp_path / "missing", KEEP_SECONDS)


def test_full_disk_is_reported(temporary_files, monkeypatch):
    assert temporary_files.no_space_reason() is None
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(
        "srgan_gp.serving.results.temporary_files.shutil.disk_usage", lambda folder: usage
    )
    assert temporary_files.no_space_reason() == "the disk is full"


def test_removed_directory_is_recreated_and_locked(temporary_files, tmp_path):
    shutil.rmtree(temporary_files.server_folder)
    assert temporary_files.no_space_reason() is None
    assert temporary_files.uploads.is_dir()
    assert write(temporary_files.folder("a")).is_file()
    assert remove_leftovers(tmp_path) == 0
    shutil.rmtree(temporary_files.server_folder)
    assert temporary_files.folder("a").is_dir()


def test_directory_that_cannot_be_recreated_is_reported(temporary_files, tmp_path):
    shutil.rmtree(temporary_files.server_folder)
    # As another user could do in a shared directory.
    temporary_files.server_folder.symlink_to(tmp_path)
    assert temporary_files.no_space_reason() == "the directory for temporary files is missing"
    with pytest.raises(OutputError):
        temporary_files.folder("a")
    assert [path.name for path in tmp_path.iterdir()] == [temporary_files.server_folder.name]
    temporary_files.server_folder.unlink()


def test_sweep_refreshes_the_modification_times_of_the_run_directory(temporary_files):
    paths = (
        temporary_files.server_folder,
        temporary_files.uploads,
        temporary_files.server_folder / "lock",
    )
    for path in paths:
        os.utime(path, (0, 0))
    temporary_files.sweep()
    assert all(path.stat().st_mtime > time.time() - 60 for path in paths)


def test_clock_set_back_does_not_extend_the_lifetime(temporary_files):
    path = write(temporary_files.folder("a"))
    tomorrow = later(86_400)
    os.utime(path, (tomorrow, tomorrow))
    temporary_files.sweep()
    assert path.is_file()
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_lock_is_removed_last(tmp_path, monkeypatch):
    temporary_files = TemporaryFiles(tmp_path, KEEP_SECONDS)
    write(temporary_files.folder("a"))
    removed, remove = [], shutil.rmtree

    def record(path, **options):
        removed.append((path, (temporary_files.server_folder / "lock").exists()))
        remove(path, **options)

    monkeypatch.setattr("srgan_gp.serving.results.temporary_files.shutil.rmtree", record)
    temporary_files.close()
    assert removed[-1] == (temporary_files.server_folder, True)
    assert len(removed) == 3
    assert list(tmp_path.iterdir()) == []


def test_paths_are_resolved(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    temporary_files = TemporaryFiles(tmp_path / "link", KEEP_SECONDS)
    assert temporary_files.uploads == temporary_files.uploads.resolve()
    temporary_files.close()
