"""What is read: files, patterns and flat folders."""

import os
from pathlib import Path

import pytest

from srgan_gp.batch.inputs import gather


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png", "c.webp"):
        (tmp_path / name).touch()
    (tmp_path / "inside.png").mkdir()
    return tmp_path


def test_a_folder_gives_its_pictures_sorted_and_counts_the_rest(folder):
    inputs = gather([str(folder)])
    assert [path.name for path in inputs.found] == ["a.JPG", "b.png", "c.webp"]
    assert (inputs.ignored, inputs.folders_not_entered) == (2, 1)


def test_a_named_file_is_taken_whatever_its_suffix_and_whether_it_is_there(folder):
    inputs = gather([str(folder / "notes.txt"), str(folder / "nowhere.jpg")])
    assert [path.name for path in inputs.named] == ["notes.txt", "nowhere.jpg"]


def test_a_pattern_that_the_shell_left_alone_is_expanded(folder):
    inputs = gather([str(folder / "*.[pj][np]*")])
    assert [path.name for path in inputs.found] == ["b.png"]
    assert gather([str(folder / "*")]).ignored == 1  # notes.txt; patterns pass hidden files over


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "[b].png").touch()
    assert gather([str(folder / "[b].png")]).named == [folder / "[b].png"]


def test_a_file_reached_twice_counts_once(folder):
    os.link(folder / "b.png", folder / "link.png")
    (folder / "symlink.png").symlink_to(folder / "b.png")
    inputs = gather([str(folder / "b.png"), str(folder), str(folder / "b.png")])
    assert inputs.named == [folder / "b.png"]
    assert [path.name for path in inputs.found] == ["a.JPG", "c.webp", "link.png"]


def test_a_loop_of_links_is_no_endless_run(folder):
    (folder / "loop.png").symlink_to(folder / "loop.png")
    assert folder / "loop.png" in gather([str(folder)]).found


def test_nothing_is_found_in_an_empty_folder(tmp_path):
    inputs = gather([str(tmp_path), str(tmp_path / "*.png")])
    assert not inputs.named + inputs.found


def test_a_relative_path_stays_relative(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert gather(["b.png"]).named == [Path("b.png")]
