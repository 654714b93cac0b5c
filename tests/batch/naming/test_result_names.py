"""Names of results: unique on every common file system, and independent of the order."""

import os
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan_gp.batch.inputs.walk import Found
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import make_plan
from srgan_gp.batch.naming.result_names import LONGEST_NAME_BYTES, name_key, portable, shortened

OUT = Path("/nowhere/out")
ROOT = Path("/nowhere/in")

quick = settings(max_examples=50, deadline=None, database=None, derandomize=True)


def results(paths, extension=None, **output):
    """The target and the fallback of every path, relative to the output folder."""
    found = [Found(path, ROOT if path.is_relative_to(ROOT) else path.parent) for path in paths]
    with make_plan(found, Output(OUT, extension=extension, **output)) as plan:
        jobs = list(plan)
    return {
        job.source: tuple(p and str(p.relative_to(OUT)) for p in (job.target, job.fallback))
        for job in jobs
    }


def names(paths, extension, **output):
    by_source = results(map(Path, paths), extension, **output)
    return [by_source[Path(path)][0] for path in paths]


# Few letters, so that collisions of case, accents, extensions and folders are frequent.
letters = st.sampled_from(
    ["a", "A", "\u00e9", "e\u0301", "ss", "\u00df", "-", "2", ".png", ".jpg", "\n", "\udcff"]
)
words = st.lists(letters, min_size=1, max_size=4).map("".join).filter(lambda word: word[0] != ".")
sources = st.lists(
    st.builds(
        lambda folders, stem, suffix: ROOT.joinpath(*folders, stem + suffix),
        st.lists(words, max_size=2),
        words,
        st.sampled_from([".jpg", ".JPG", ".png", ".gif", ".tiff"]),
    ),
    unique=True,
    max_size=12,
)
outputs = st.fixed_dictionaries(
    {
        "extension": st.sampled_from([None, ".png", ".jpg"]),
        "suffix": st.sampled_from(["", "_x4", "-2"]),
        "name_template": st.sampled_from(
            [None, "{stem}{suffix}-2", "{parent}{suffix}", "x{suffix}"]
        ),
    }
)


def folded(path):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


@quick
@given(sources, outputs)
def test_no_two_results_collide_where_case_and_accents_do_not_count(paths, output):
    by_source = results(paths, **output)
    written = [path for pair in by_source.values() for path in pair if path is not None]
    assert len(by_source) == len(paths)
    assert len(set(map(folded, written))) == len(written)


@quick
@given(sources, outputs)
def test_no_result_has_the_name_of_a_folder(paths, output):
    written = [folded(p) for pair in results(paths, **output).values() for p in pair if p]
    folders = {str(Path(path).parent) for path in written}
    assert folders.isdisjoint(written)


@quick
@given(sources, outputs, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order_of_the_inputs(paths, output, chance):
    assert results(chance.sample(paths, len(paths)), **output) == results(paths, **output)


@quick
@given(st.binary(min_size=1, max_size=255).filter(lambda name: not set(name) & {0, 47}))
def test_any_name_of_bytes_yields_a_valid_name(name):
    if name in (b".", b".."):
        return
    [(target, fallback)] = results([ROOT / os.fsdecode(name)]).values()
    for path in filter(None, (target, fallback)):
        assert len(os.fsencode(path)) <= LONGEST_NAME_BYTES
        assert b"\0" not in os.fsencode(path)
        assert "/" not in path
        assert path not in (".", "..")


def test_images_that_share_a_stem_keep_their_whole_names():
    assert names(["a.jpg", "a.png", "b.jpg"], ".png") == ["a.jpg.png", "a.png.png", "b.png"]


def test_images_of_one_name_in_two_folders_are_numbered():
    assert names(["x/a.jpg", "y/a.jpg"], ".jpg") == ["a.jpg.jpg", "a.jpg-2.jpg"]


def test_names_that_differ_only_in_case_or_composition_get_different_results():
    assert names(["A.jpg", "a.jpg"], ".jpg") == ["A.jpg.jpg", "a.jpg-2.jpg"]
    assert names(["e\u0301.jpg", "\u00e9.jpg"], ".jpg") == ["e\u0301.jpg.jpg", "\u00e9.jpg-2.jpg"]


def test_a_whole_name_does_not_take_the_name_of_another_image():
    assert names(["a.jpg", "a.gif", "a.jpg.gif"], ".png")[2] == "a.jpg.png"


def test_a_tree_is_mirrored():
    paths = [ROOT / "a.jpg", ROOT / "x" / "a.jpg", ROOT / "x" / "y" / "a.jpg"]
    assert [target for target, _ in results(paths).values()] == ["a.jpg", "x/a.jpg", "x/y/a.jpg"]


def test_a_result_with_the_name_of_a_folder_is_renamed():
    paths = [ROOT / "a.gif", ROOT / "A.png" / "b.png"]
    assert [target for target, _ in results(paths).values()] == ["A.png/b.png", "a.gif.png"]


def test_a_fallback_collides_with_no_other_result():
    by_source = results([Path("a.jpg"), Path("a.png"), Path("b.webp"), Path("b.bmp")])
    assert [fallback for _, fallback in by_source.values()] == [
        "a.jpg.png", None, "b.png", "b.webp.png"
    ]  # fmt: skip


def test_a_template_names_every_result():
    [name] = names(
        ["x/a.b.jpg"],
        ".png",
        name_template="{stem}|{name}|{extension}|{parent}|{model}|{scale}|{suffix}",
        model="../net",
        scale=4.0,
        suffix="s",
    )
    assert name == "a.b|a.b.jpg|jpg|x|.._net|4|s.png"


def test_images_that_collide_by_a_template_keep_their_whole_names_in_it():
    paths = ["x/a.jpg", "x/a.gif"]
    assert names(paths, ".png", name_template="{stem} large") == [
        "a.jpg large.png",
        "a.gif large.png",
    ]


def test_images_with_one_name_by_a_template_are_numbered_in_the_order_of_paths():
    assert names(["b.jpg", "a.jpg", "c.jpg"], ".png", name_template="x") == [
        "x-2.png", "x.png", "x-3.png"
    ]  # fmt: skip


def test_an_empty_name_by_a_template_becomes_the_stem():
    assert names(["a.jpg"], ".png", name_template="{suffix}") == ["a.png"]


@pytest.mark.parametrize("stem", ["n" * 250, "é" * 124, "\U0001f600" * 60, "\udcff" * 250])
def test_a_name_that_is_too_long_is_cut_and_stays_unique(stem):
    cut = names([stem + "1.jpg", stem + "2.jpg"], ".jpg", suffix="_x4")
    assert len(set(map(name_key, cut))) == 2
    for name in cut:
        assert len(os.fsencode(name)) <= LONGEST_NAME_BYTES
        assert name.endswith(".jpg")


def test_a_short_name_is_not_cut():
    assert shortened("n" * (LONGEST_NAME_BYTES - 4), ".png").endswith("n.png")


def test_a_thousand_images_of_one_stem_are_all_kept():
    paths = [f"{folder}/a.png" for folder in range(1000)]
    random.Random(0).shuffle(paths)
    assert len(set(map(name_key, names(paths, ".png")))) == 1000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("photo.png", "photo.png"),
        ("12:30?.png", "12_30_.png"),
        ("new\nline.png", "new_line.png"),
        ("CON.png", "CON_.png"),
        ("com1.tar.png", "com1_.tar.png"),
        ("console.png", "console.png"),
        ("LPT\u00b9.png", "LPT\u00b9_.png"),
    ],
)
def test_names_that_are_forbidden_on_windows_are_changed(name, expected):
    assert portable(name) == expected
