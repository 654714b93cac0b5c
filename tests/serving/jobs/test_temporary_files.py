import os
import shutil
import subprocess
import sys
import time

import pytest

from srgan_gp.errors import OutputError
from srgan_gp.serving.jobs.temporary_files import TemporaryFiles, remove_leftovers

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


def test_a_file_is_kept_for_its_time_and_gone_afterwards(temporary_files):
    path = write(temporary_files.folder("a"))
    temporary_files.sweep(later(KEEP_SECONDS - 5))
    assert path.is_file()
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_folders_go_with_what_was_in_them_and_the_client_gets_another(temporary_files):
    folder = temporary_files.folder("a")
    write(folder)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not folder.exists()
    assert temporary_files.folder("a") != folder
    assert temporary_files.folder("a").is_dir()


def test_a_young_file_keeps_only_itself_from_being_removed(temporary_files):
    old, young = (write(temporary_files.folder("a"), name) for name in ("old", "young"))
    long_ago = time.time() - KEEP_SECONDS - 5
    os.utime(old, (long_ago, long_ago))
    temporary_files.sweep()
    assert (old.exists(), young.exists()) == (False, True)


def test_what_is_held_stays_until_it_is_released_as_often(temporary_files):
    path = write(temporary_files.folder("a"))
    temporary_files.hold(path.parent)
    temporary_files.hold(path.parent, path)
    temporary_files.release(path.parent)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert path.is_file()
    temporary_files.release(path.parent, path)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_a_link_is_removed_and_never_followed(temporary_files, tmp_path):
    outside = write(tmp_path, "outside")
    (temporary_files.folder("a") / "link").symlink_to(outside.parent)
    (temporary_files.folder("a") / "dangling").symlink_to(tmp_path / "nowhere")
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert outside.is_file()
    assert sorted(temporary_files.run_folder.iterdir()) == sorted(
        [temporary_files.run_folder / "lock", temporary_files.uploads]
    )


def test_the_folder_of_uploads_is_emptied_and_stays(temporary_files):
    path = write(temporary_files.uploads)
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()
    assert temporary_files.uploads.is_dir()


def test_the_folders_above_what_is_held_stay(temporary_files):
    folder = temporary_files.folder("a")
    temporary_files.hold(folder / "job")
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert temporary_files.folder("a") == folder


def test_files_are_removed_without_being_asked(tmp_path):
    temporary_files = TemporaryFiles(tmp_path, 0.2)
    path = write(temporary_files.folder("a"))
    end = time.monotonic() + 60
    while path.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    temporary_files.close()


def test_in_the_end_nothing_is_left(tmp_path):
    temporary_files = TemporaryFiles(tmp_path, KEEP_SECONDS)
    write(temporary_files.folder("a"))
    temporary_files.close()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_server_is_removed_at_the_next_start(tmp_path):
    code = (
        "import os, pathlib, signal, sys\n"
        "from srgan_gp.serving.jobs.temporary_files import TemporaryFiles\n"
        "folder = TemporaryFiles(pathlib.Path(sys.argv[1]), 600).folder('a')\n"
        "(folder / 'file').write_bytes(b'content')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -9
    [left] = tmp_path.iterdir()
    temporary_files = TemporaryFiles(tmp_path, KEEP_SECONDS)
    assert not left.exists()
    temporary_files.close()


def test_the_folder_of_a_server_that_lives_stays(temporary_files, tmp_path):
    path = write(temporary_files.folder("a"))
    assert remove_leftovers(tmp_path) == 0
    assert path.is_file()


def test_other_folders_and_links_are_no_leftovers(tmp_path):
    (tmp_path / "srgan-gp-app-without-lock").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "lock").touch()
    (tmp_path / "srgan-gp-app-link").symlink_to(tmp_path / "other")
    assert remove_leftovers(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path):
    with pytest.raises(OutputError, match=r"No temporary files can be made in .*missing: "):
        TemporaryFiles(tmp_path / "missing", KEEP_SECONDS)


def test_a_full_disk_is_told(temporary_files, monkeypatch):
    assert temporary_files.why_no_room() is None
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(
        "srgan_gp.serving.jobs.temporary_files.shutil.disk_usage", lambda folder: usage
    )
    assert temporary_files.why_no_room() == "the disk is full"


def test_a_folder_that_somebody_has_removed_is_made_anew_and_locked(temporary_files, tmp_path):
    shutil.rmtree(temporary_files.run_folder)
    assert temporary_files.why_no_room() is None
    assert temporary_files.uploads.is_dir()
    assert write(temporary_files.folder("a")).is_file()
    assert remove_leftovers(tmp_path) == 0
    shutil.rmtree(temporary_files.run_folder)
    assert temporary_files.folder("a").is_dir()


def test_a_folder_that_cannot_be_made_anew_is_told(temporary_files, tmp_path):
    shutil.rmtree(temporary_files.run_folder)
    temporary_files.run_folder.symlink_to(tmp_path)  # as another user could, in a folder for all
    assert temporary_files.why_no_room() == "the folder for temporary files is gone"
    with pytest.raises(OutputError):
        temporary_files.folder("a")
    assert [path.name for path in tmp_path.iterdir()] == [temporary_files.run_folder.name]
    temporary_files.run_folder.unlink()


def test_no_cleaner_of_the_system_finds_it_old(temporary_files):
    paths = (
        temporary_files.run_folder,
        temporary_files.uploads,
        temporary_files.run_folder / "lock",
    )
    for path in paths:
        os.utime(path, (0, 0))
    temporary_files.sweep()
    assert all(path.stat().st_mtime > time.time() - 60 for path in paths)


def test_a_clock_that_was_put_back_keeps_nothing_for_longer(temporary_files):
    path = write(temporary_files.folder("a"))
    tomorrow = later(86_400)
    os.utime(path, (tomorrow, tomorrow))
    temporary_files.sweep()
    assert path.is_file()
    temporary_files.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_who_is_killed_while_it_removes_its_folder_leaves_the_lock(tmp_path, monkeypatch):
    temporary_files = TemporaryFiles(tmp_path, KEEP_SECONDS)
    write(temporary_files.folder("a"))
    removed, remove = [], shutil.rmtree

    def note(path, **options):
        removed.append((path, (temporary_files.run_folder / "lock").exists()))
        remove(path, **options)

    monkeypatch.setattr("srgan_gp.serving.jobs.temporary_files.shutil.rmtree", note)
    temporary_files.close()
    assert removed[-1] == (temporary_files.run_folder, True)
    assert len(removed) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_called_the_same_whichever_way_leads_to_it(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    temporary_files = TemporaryFiles(tmp_path / "link", KEEP_SECONDS)
    assert temporary_files.uploads == temporary_files.uploads.resolve()
    temporary_files.close()
