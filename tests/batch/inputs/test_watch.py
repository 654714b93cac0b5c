"""Watched folder: a file is returned once it is complete, and again when it was changed."""

import os
from pathlib import Path

import pytest

from srgan_gp.batch.inputs.walk import Found, walk
from srgan_gp.batch.inputs.watch import Watch
from srgan_gp.errors import PictureError


@pytest.fixture
def watch(tmp_path):
    return Watch(walk([str(tmp_path)], recursive=True))


def names(found):
    return [item.path.name for item in found]


def write(path, data, at):
    path.write_bytes(data)
    os.utime(path, (at, at))


def test_a_file_is_returned_when_two_polls_see_it_unchanged(watch, tmp_path):
    write(tmp_path / "a.png", b"1", at=1)
    assert names(watch.poll()) == []
    write(tmp_path / "a.png", b"12", at=1)  # still growing
    assert names(watch.poll()) == []
    write(tmp_path / "a.png", b"12", at=2)  # still being written
    assert names(watch.poll()) == []
    assert names(watch.poll()) == ["a.png"]
    assert names(watch.poll()) == []


def test_a_file_that_is_replaced_is_returned_again(watch, tmp_path):
    write(tmp_path / "a.png", b"1", at=1)
    assert [names(watch.poll()) for _ in range(3)] == [[], ["a.png"], []]
    write(tmp_path / "a.png", b"2", at=2)
    assert [names(watch.poll()) for _ in range(3)] == [[], ["a.png"], []]


def test_a_file_that_was_removed_and_restored_is_returned_again(watch, tmp_path):
    write(tmp_path / "a.png", b"1", at=1)
    watch.poll(), watch.poll()
    (tmp_path / "a.png").unlink()
    assert names(watch.poll()) == []
    write(tmp_path / "a.png", b"1", at=1)
    assert [names(watch.poll()) for _ in range(2)] == [[], ["a.png"]]


def test_new_folders_are_watched_too(watch, tmp_path):
    watch.poll()
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "b.png", b"1", at=1)
    write(tmp_path / "notes.txt", b"1", at=1)
    assert [names(watch.poll()) for _ in range(2)] == [[], ["b.png"]]


def test_inputs_that_cannot_be_read_are_not_returned():
    refused = Found(Path("folder"), Path(), error=PictureError("E_UNREADABLE", "no"))
    gone = Found(Path("gone.png"), Path())
    watch = Watch([refused, gone])
    assert [watch.poll() for _ in range(2)] == [[], []]
