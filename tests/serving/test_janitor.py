import os
import shutil
import subprocess
import sys
import time

import pytest

from srgan_gp.errors import OutputError
from srgan_gp.serving.janitor import Janitor, remove_leftovers

KEEP_SECONDS = 600


@pytest.fixture
def janitor(tmp_path):
    janitor = Janitor(tmp_path, KEEP_SECONDS)
    yield janitor
    janitor.close()


def write(folder, name="file"):
    path = folder / "job" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"content")
    return path


def later(seconds):
    return time.time() + seconds


def test_a_file_is_kept_for_its_time_and_gone_afterwards(janitor):
    path = write(janitor.folder("a"))
    janitor.sweep(later(KEEP_SECONDS - 5))
    assert path.is_file()
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_folders_go_with_what_was_in_them_and_the_client_gets_another(janitor):
    folder = janitor.folder("a")
    write(folder)
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert not folder.exists()
    assert janitor.folder("a") != folder
    assert janitor.folder("a").is_dir()


def test_a_young_file_keeps_only_itself_from_being_removed(janitor):
    old, young = (write(janitor.folder("a"), name) for name in ("old", "young"))
    long_ago = time.time() - KEEP_SECONDS - 5
    os.utime(old, (long_ago, long_ago))
    janitor.sweep()
    assert (old.exists(), young.exists()) == (False, True)


def test_what_is_held_stays_until_it_is_released_as_often(janitor):
    path = write(janitor.folder("a"))
    janitor.hold(path.parent)
    janitor.hold(path.parent, path)
    janitor.release(path.parent)
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert path.is_file()
    janitor.release(path.parent, path)
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_a_link_is_removed_and_never_followed(janitor, tmp_path):
    outside = write(tmp_path, "outside")
    (janitor.folder("a") / "link").symlink_to(outside.parent)
    (janitor.folder("a") / "dangling").symlink_to(tmp_path / "nowhere")
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert outside.is_file()
    assert sorted(janitor.run_folder.iterdir()) == sorted(
        [janitor.run_folder / "lock", janitor.uploads]
    )


def test_the_folder_of_uploads_is_emptied_and_stays(janitor):
    path = write(janitor.uploads)
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()
    assert janitor.uploads.is_dir()


def test_the_folders_above_what_is_held_stay(janitor):
    folder = janitor.folder("a")
    janitor.hold(folder / "job")
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert janitor.folder("a") == folder


def test_files_are_removed_without_being_asked(tmp_path):
    janitor = Janitor(tmp_path, 0.2)
    path = write(janitor.folder("a"))
    end = time.monotonic() + 60
    while path.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    janitor.close()


def test_in_the_end_nothing_is_left(tmp_path):
    janitor = Janitor(tmp_path, KEEP_SECONDS)
    write(janitor.folder("a"))
    janitor.close()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_server_is_removed_at_the_next_start(tmp_path):
    code = (
        "import os, pathlib, signal, sys\n"
        "from srgan_gp.serving.janitor import Janitor\n"
        "folder = Janitor(pathlib.Path(sys.argv[1]), 600).folder('a')\n"
        "(folder / 'file').write_bytes(b'content')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -9
    [left] = tmp_path.iterdir()
    janitor = Janitor(tmp_path, KEEP_SECONDS)
    assert not left.exists()
    janitor.close()


def test_the_folder_of_a_server_that_lives_stays(janitor, tmp_path):
    path = write(janitor.folder("a"))
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
        Janitor(tmp_path / "missing", KEEP_SECONDS)


def test_a_full_disk_is_told(janitor, monkeypatch):
    assert janitor.why_no_room() is None
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("srgan_gp.serving.janitor.shutil.disk_usage", lambda folder: usage)
    assert janitor.why_no_room() == "the disk is full"


def test_a_folder_that_somebody_has_removed_is_made_anew_and_locked(janitor, tmp_path):
    shutil.rmtree(janitor.run_folder)
    assert janitor.why_no_room() is None
    assert janitor.uploads.is_dir()
    assert write(janitor.folder("a")).is_file()
    assert remove_leftovers(tmp_path) == 0
    shutil.rmtree(janitor.run_folder)
    assert janitor.folder("a").is_dir()


def test_a_folder_that_cannot_be_made_anew_is_told(janitor, tmp_path):
    shutil.rmtree(janitor.run_folder)
    janitor.run_folder.symlink_to(tmp_path)  # as another user could, in a folder for all
    assert janitor.why_no_room() == "the folder for temporary files is gone"
    with pytest.raises(OutputError):
        janitor.folder("a")
    assert [path.name for path in tmp_path.iterdir()] == [janitor.run_folder.name]
    janitor.run_folder.unlink()


def test_no_cleaner_of_the_system_finds_it_old(janitor):
    paths = (janitor.run_folder, janitor.uploads, janitor.run_folder / "lock")
    for path in paths:
        os.utime(path, (0, 0))
    janitor.sweep()
    assert all(path.stat().st_mtime > time.time() - 60 for path in paths)


def test_a_clock_that_was_put_back_keeps_nothing_for_longer(janitor):
    path = write(janitor.folder("a"))
    tomorrow = later(86_400)
    os.utime(path, (tomorrow, tomorrow))
    janitor.sweep()
    assert path.is_file()
    janitor.sweep(later(KEEP_SECONDS + 5))
    assert not path.exists()


def test_who_is_killed_while_it_removes_its_folder_leaves_the_lock(tmp_path, monkeypatch):
    janitor = Janitor(tmp_path, KEEP_SECONDS)
    write(janitor.folder("a"))
    removed, remove = [], shutil.rmtree

    def note(path, **options):
        removed.append((path, (janitor.run_folder / "lock").exists()))
        remove(path, **options)

    monkeypatch.setattr("srgan_gp.serving.janitor.shutil.rmtree", note)
    janitor.close()
    assert removed[-1] == (janitor.run_folder, True)
    assert len(removed) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_called_the_same_whichever_way_leads_to_it(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    janitor = Janitor(tmp_path / "link", KEEP_SECONDS)
    assert janitor.uploads == janitor.uploads.resolve()
    janitor.close()
