"""Walk over files, folders, trees and patterns: nothing is opened, no link to a folder entered."""

import inspect
import os
import socket
import sys
from pathlib import Path

import pytest

from srgan_gp.batch.inputs.walk import walk
from srgan_gp.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png", "c.webp"):
        (tmp_path / name).touch()
    (tmp_path / "inside.png").mkdir()
    (tmp_path / "inside.png" / "d.gif").touch()
    return tmp_path


def names(found):
    return sorted(str(item.path.relative_to(item.root)) for item in found)


def counts(inputs):
    skipped_files = inputs.skipped_files
    return skipped_files.ignored, skipped_files.folders, skipped_files.links


def test_a_folder_yields_its_images_and_counts_the_rest(folder):
    inputs = walk([str(folder)])
    assert names(inputs) == ["a.JPG", "b.png", "c.webp"]
    assert counts(inputs) == (2, 1, 0)


def test_a_tree_is_walked_without_hidden_folders(folder):
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "t.png").touch()
    inputs = walk([str(folder)], recursive=True)
    assert names(inputs) == ["a.JPG", "b.png", "c.webp", "inside.png/d.gif"]
    assert (counts(inputs), inputs.skipped_files.hidden_folders) == ((2, 0, 0), 1)
    assert names(walk([str(folder / ".thumbnails")])) == ["t.png"], "it is named"


def test_only_folders_that_r_enters_count_as_such(folder):
    (folder / ".thumbnails").mkdir()
    inputs = walk([str(folder)])
    assert names(inputs) == ["a.JPG", "b.png", "c.webp"]
    assert (inputs.skipped_files.folders, inputs.skipped_files.hidden_folders) == (1, 1)


def test_every_walk_has_new_counts(folder):
    inputs = walk([str(folder)])
    assert list(inputs) == list(inputs)
    assert counts(inputs) == (2, 1, 0)


def test_a_named_file_is_an_input_whatever_its_suffix_and_even_if_it_is_missing(folder):
    inputs = list(walk([str(folder / "notes.txt"), str(folder / "nowhere.jpg")]))
    assert [(item.path.name, item.is_named) for item in inputs] == [
        ("notes.txt", True),
        ("nowhere.jpg", True),
    ]


def test_a_name_with_a_leading_minus_is_a_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "-a.png").touch()
    assert [item.path for item in walk(["-a.png"])] == [Path("-a.png")]


def test_a_pattern_is_expanded(folder):
    assert names(walk([str(folder / "*.[pj][np]*")])) == ["b.png"]
    inputs = walk([str(folder / "*")])
    assert names(inputs) == ["a.JPG", "b.png", "c.webp"]
    assert counts(inputs) == (1, 1, 0)  # Patterns do not match hidden files.


def test_a_recursive_pattern_enters_folders_and_mirrors_them(folder):
    inputs = walk([str(folder / "*")], recursive=True)
    assert names(inputs) == ["a.JPG", "b.png", "c.webp", "inside.png/d.gif"]


def test_a_file_whose_name_is_a_pattern_is_that_file(folder):
    (folder / "[b].png").touch()
    assert [item.path for item in walk([str(folder / "[b].png")])] == [folder / "[b].png"]


def test_a_pattern_without_a_match_counts_only_beside_other_inputs(folder):
    pattern = str(folder / "*.tif")
    assert list(walk([pattern])) == []
    assert [item.path.name for item in walk([pattern, str(folder / "b.png")])] == ["b.png", "*.tif"]


def test_an_empty_argument_is_refused():
    with pytest.raises(UsageError, match="empty text"):
        walk(["a.png", ""])


def test_links_to_folders_are_not_followed_and_loops_end(folder):
    (folder / "inside.png" / "up").symlink_to(folder)
    (folder / "away.png").symlink_to(folder / "inside.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    inputs = walk([str(folder)], recursive=True)
    assert names(inputs) == ["a.JPG", "b.png", "c.webp", "inside.png/d.gif", "loop.png"]
    assert counts(inputs) == (2, 0, 2)


def test_pipes_sockets_and_dangling_links_are_found_but_never_opened(folder):
    """Opening the pipe would wait for a writer forever; they are refused when they are read."""
    os.mkfifo(folder / "pipe.png")
    (folder / "gone.png").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s.png"))
        found = names(walk([str(folder)]))
    assert found == ["a.JPG", "b.png", "c.webp", "gone.png", "pipe.png", "s.png"]


def test_a_folder_that_cannot_be_listed_costs_only_itself(folder, monkeypatch):
    """Faked, since root can list everything."""
    scandir = os.scandir

    def refuse_one(path):
        if Path(path).name == "inside.png":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse_one)
    inputs = list(walk([str(folder)], recursive=True))
    [refused] = [item for item in inputs if item.error]
    assert refused.path == folder / "inside.png"
    assert refused.error.code == "E_NO_PERMISSION"
    assert len(inputs) == 4


def test_the_output_folder_is_not_entered_unless_it_is_the_input(folder):
    output = folder / "inside.png"
    inputs = walk([str(folder)], recursive=True, output_folder=output)
    assert names(inputs) == ["a.JPG", "b.png", "c.webp"]
    assert counts(inputs) == (2, 0, 0)
    assert names(walk([str(folder / "*")], recursive=True, output_folder=output)) == names(inputs)
    assert names(walk([str(output)], output_folder=output)) == ["d.gif"]


def test_an_output_folder_that_is_created_after_the_first_walk_is_not_entered(folder):
    output = folder / "out"
    inputs = walk([str(folder)], recursive=True, output_folder=output)
    before = names(inputs)
    output.mkdir()
    (output / "result.png").touch()
    assert names(inputs) == before


def test_the_folder_of_the_journal_is_neither_entered_nor_counted(folder):
    (folder / ".srgan-gp").mkdir()
    inputs = walk([str(folder)], recursive=True)
    assert len(list(inputs)) == 4
    assert counts(inputs) == (2, 0, 0)


def test_a_tree_deeper_than_the_recursion_limit_is_walked(tmp_path):
    depth = 150
    bottom = tmp_path.joinpath(*"d" * depth)
    bottom.mkdir(parents=True)
    (bottom / "a.png").touch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        [found] = walk([str(tmp_path)], recursive=True)
    finally:
        sys.setrecursionlimit(limit)
    assert found.path == bottom / "a.png"


def test_names_that_are_not_utf8_are_found(tmp_path):
    (tmp_path / os.fsdecode(b"\xff\n.png")).touch()
    [found] = walk([str(tmp_path)])
    assert os.fsencode(found.path.name) == b"\xff\n.png"


def test_a_relative_path_stays_relative(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert [item.path for item in walk(["b.png"])] == [Path("b.png")]
    assert Path("b.png") in [item.path for item in walk(["."])]
