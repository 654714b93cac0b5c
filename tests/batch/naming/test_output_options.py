"""Where results go: what the options say together, and a folder that takes files."""

from pathlib import Path

import pytest

from srgan_gp.batch.naming.output_options import Output, prepare_folder
from srgan_gp.errors import OutputError, UsageError


def test_a_suffix_that_the_template_has_no_place_for_is_refused():
    output = Output(Path("out"), suffix="_x4", name_template="{stem}")
    with pytest.raises(UsageError, match=r"no place for --suffix _x4; put \{suffix\}"):
        output.naming()


def test_the_scale_is_written_as_it_was_typed():
    for scale, written in ((4.0, "a4.png"), (2.5, "a2.5.png")):
        naming = Output(Path("out"), name_template="{stem}{scale}", scale=scale).naming()
        assert naming.name(Path("a.png")) == written


def test_the_output_folder_is_made_with_its_parents_and_left_empty(tmp_path):
    prepare_folder(tmp_path / "new" / "out")
    assert list((tmp_path / "new" / "out").iterdir()) == []


def test_an_output_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file.* cannot be written"):
        prepare_folder(tmp_path / "file")


def test_a_folder_that_takes_no_files_is_refused():
    with pytest.raises(OutputError, match="cannot be written"):
        prepare_folder(Path("/proc/self"))
