"""Output options: consistency of the options and the check of the output folder."""

from pathlib import Path

import pytest

from srgan_gp.batch.naming.output_options import Output, prepare_folder
from srgan_gp.errors import OutputError, UsageError


def test_a_suffix_without_a_field_in_the_template_is_refused():
    output = Output(Path("out"), suffix="_x4", name_template="{stem}")
    with pytest.raises(UsageError, match=r"no field for --suffix _x4; add \{suffix\}"):
        output.naming()


def test_the_scale_is_written_without_trailing_zeros():
    for scale, written in ((4.0, "a4.png"), (2.5, "a2.5.png")):
        naming = Output(Path("out"), name_template="{stem}{scale}", scale=scale).naming()
        assert naming.name(Path("a.png")) == written


def test_the_output_folder_is_created_with_its_parents_and_stays_empty(tmp_path):
    prepare_folder(tmp_path / "new" / "out")
    assert list((tmp_path / "new" / "out").iterdir()) == []


def test_an_output_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file.* cannot be written"):
        prepare_folder(tmp_path / "file")


def test_a_folder_without_write_access_is_refused():
    with pytest.raises(OutputError, match="cannot be written"):
        prepare_folder(Path("/proc/self"))
