"""Names of results: all different on every common file system, and the same in any order."""

import os
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srgan_gp.batch.names import LONGEST_NAME_BYTES, name_key
from srgan_gp.batch.plan import Output, make_plan


def result_names(paths, extension, suffix):
    """The names of the results of `paths`, in the order of `paths`."""
    output = Output(Path("/nowhere/out"), extension=extension, suffix=suffix)
    with make_plan(paths, output) as plan:
        names = {job.source: job.target.name for job in plan}
    return [names[path] for path in paths]


# Few letters, so that clashes of case, accents, extensions and folders are frequent.
letters = st.sampled_from(["a", "A", "\u00e9", "e\u0301", "ss", "\u00df", "-", "2", ".png"])
stems = st.lists(letters, min_size=1, max_size=4).map("".join)
sources = st.lists(
    st.builds(
        lambda folder, stem, suffix: Path(folder) / (stem + suffix),
        st.sampled_from(["x", "y"]),
        stems,
        st.sampled_from([".jpg", ".JPG", ".png", ".gif", ""]),
    ),
    unique=True,
    max_size=12,
)


@given(sources, st.sampled_from(["", "_x4", "-2"]))
def test_no_two_results_meet_where_case_and_accents_do_not_count(paths, suffix):
    names = result_names(paths, ".png", suffix)
    folded = [unicodedata.normalize("NFC", name).casefold() for name in names]
    assert len(set(folded)) == len(paths)


@given(sources, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order_of_the_inputs(paths, chance):
    names = dict(zip(paths, result_names(paths, ".png", ""), strict=True))
    shuffled = chance.sample(paths, len(paths))
    again = result_names(shuffled, ".png", "")
    assert dict(zip(shuffled, again, strict=True)) == names


def test_pictures_that_share_a_stem_keep_their_whole_names():
    names = result_names([Path("a.jpg"), Path("a.png"), Path("b.jpg")], ".png", "")
    assert names == ["a.jpg.png", "a.png.png", "b.png"]


def test_pictures_of_one_name_in_two_folders_are_numbered():
    names = result_names([Path("x/a.jpg"), Path("y/a.jpg")], ".jpg", "")
    assert names == ["a.jpg.jpg", "a.jpg-2.jpg"]


def test_a_whole_name_does_not_push_aside_a_picture_that_is_called_so():
    paths = [Path("a.jpg"), Path("a.gif"), Path("a.jpg.gif")]
    assert result_names(paths, ".png", "")[2] == "a.jpg.png"


@pytest.mark.parametrize("stem", ["n" * 251, "é" * 125, "\U0001f600" * 60])
def test_a_name_too_long_for_a_file_system_is_cut_and_stays_its_own(stem):
    paths = [Path(stem + "1.jpg"), Path(stem + "2.jpg")]
    names = result_names(paths, ".jpg", "_x4")
    assert len(set(map(name_key, names))) == 2
    for name in names:
        assert len(os.fsencode(name)) <= LONGEST_NAME_BYTES
        assert name.endswith(".jpg")


def test_a_thousand_pictures_of_one_stem_are_all_kept():
    paths = [Path(f"{folder}/a.png") for folder in range(1000)]
    random.Random(0).shuffle(paths)
    names = result_names(paths, ".png", "")
    assert len(set(map(name_key, names))) == 1000
