"""Plan: unique targets, no input replaced, and `--exist` for existing results."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from srgan_gp.batch.inputs.walk import Found, walk
from srgan_gp.batch.naming import plan_table
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import Refused, Skipped, UpscaleJob, make_plan
from srgan_gp.batch.results.journal import Journal
from srgan_gp.batch.results.work import work_key
from srgan_gp.errors import OutputError, PictureError, UsageError
from srgan_gp.system.files import commit, hash_file, write_staged

WORK = work_key("model", scale=4)


@pytest.fixture
def image_folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "a.png", "b.gif"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def plan(image_folder):
    """Make the plan of a run over the images, or over `inputs`; it is closed after the test."""
    with ExitStack() as plans:

        def make(folder, inputs=None, *, journal=None, work=WORK, **output):
            found = walk(
                list(map(str, inputs or [image_folder])), recursive=True, output_folder=folder
            )
            plan = make_plan(found, Output(folder, **output), journal=journal, work_key=work)
            return plans.enter_context(plan)

        yield make


def targets(plan):
    return [entry.target.name for entry in plan if isinstance(entry, UpscaleJob)]


def finish(journal, job, work=WORK):
    """Record and commit the result of a job, as a run does."""
    staged, _ = write_staged(job.target, lambda file: file.write(b"result of " + bytes(job.source)))
    journal.record(job.source, staged, hash_file(job.source), work)
    commit(staged)


def test_every_image_keeps_its_format_and_a_gif_becomes_a_png(plan, out):
    assert targets(plan(out, extension=None)) == ["a.jpg", "a.png", "b.png"]


def test_with_one_format_equal_stems_get_different_names(plan, out):
    jobs = list(plan(out, extension=".webp", suffix="_x4"))
    assert [job.target.name for job in jobs] == ["a.jpg_x4.webp", "a.png_x4.webp", "b_x4.webp"]
    assert {job.fallback for job in jobs} == {None}


def test_every_iteration_has_the_order_of_the_paths(plan, out, image_folder):
    reverse = plan(out, sorted(image_folder.iterdir(), reverse=True))
    assert [job.source.name for job in reverse] == ["a.jpg", "a.png", "b.gif"]
    assert list(reverse) == list(reverse)
    assert reverse.total == 3


def test_a_file_reached_twice_counts_once(plan, out, image_folder):
    (image_folder / "link.png").symlink_to(image_folder / "a.png")
    os.link(image_folder / "a.png", image_folder / "other.png")
    twice = plan(out, [image_folder, image_folder / "a.jpg", image_folder])
    assert [job.source.name for job in twice] == ["a.jpg", "a.png", "b.gif", "other.png"]


def test_a_folder_that_is_named_with_its_subfolder_is_mirrored_as_a_whole(plan, out, image_folder):
    (image_folder / "x").mkdir()
    (image_folder / "x" / "c.png").touch()
    for inputs in ([image_folder, image_folder / "x"], [image_folder / "x", image_folder]):
        assert out / "x" / "c.png" in [job.target for job in plan(out, inputs)]


def test_an_input_that_cannot_be_used_is_refused(out):
    error = PictureError("E_NO_PERMISSION", "it cannot be listed")
    with make_plan([Found(Path("x"), Path("x"), error=error)], Output(out)) as plan:
        [refused] = plan
    assert isinstance(refused, Refused)
    assert (refused.error.code, str(refused.error)) == ("E_NO_PERMISSION", "it cannot be listed")


def test_a_path_that_is_too_long_costs_only_itself(tmp_path):
    root = Path("/nowhere")
    deep = root.joinpath(*["d" * 200] * 20, "a.png")
    with make_plan([Found(deep, root), Found(root / "b.png", root)], Output(tmp_path)) as plan:
        job, refused = plan
    assert job.source.name == "b.png"
    assert refused.error.code == "E_NAME_TOO_LONG"


@pytest.mark.parametrize("exist", [None, "error", "skip", "overwrite"])
def test_a_result_never_replaces_an_input(plan, image_folder, exist):
    with pytest.raises(UsageError, match=r"a\.jpg would replace the input .*--suffix"):
        plan(image_folder, exist=exist)


def test_results_in_the_folder_of_the_inputs_can_get_new_names(plan, image_folder):
    assert targets(plan(image_folder, exist="rename")) == ["a-2.jpg", "a-2.png", "b.png"]


def test_a_link_to_the_folder_of_the_inputs_is_the_same_folder(plan, image_folder, tmp_path):
    (tmp_path / "link").symlink_to(image_folder)
    with pytest.raises(UsageError, match="would replace the input"):
        plan(tmp_path / "link")


def test_names_that_differ_from_inputs_only_in_case_are_allowed_where_files_do(plan, image_folder):
    (image_folder / "A_X4.jpg").touch()
    jobs = list(plan(image_folder, suffix="_x4"))
    has_both = (image_folder / "a_x4.jpg").exists() == (image_folder / "A_X4.jpg").exists()
    assert ("A_X4.jpg" in [job.source.name for job in jobs]) == (not has_both)


def test_a_result_never_replaces_an_input_through_a_link(plan, out, image_folder):
    (out / "a.png").symlink_to(image_folder / "a.jpg")
    _, refused, _ = plan(out, exist="overwrite")
    assert str(refused.error).startswith(f"{out / 'a.png'} is an input")


@pytest.mark.parametrize("is_single", [True, False])
def test_no_file_outside_the_output_folder_is_overwritten_through_a_link(
    plan, out, image_folder, tmp_path, is_single
):
    other = tmp_path / "other.png"
    other.write_text("of somebody")
    (out / "a.png").symlink_to(other)
    inputs = [image_folder / "a.png"] if is_single else [image_folder]
    (refused,) = [
        entry for entry in plan(out, inputs, exist="overwrite") if isinstance(entry, Refused)
    ]
    assert str(refused.error).startswith(f"{out / 'a.png'} is a link to {other}, outside")
    (out / "a.png").unlink()
    (out / "real.png").touch()
    (out / "a.png").symlink_to("real.png")
    assert not [
        entry for entry in plan(out, inputs, exist="overwrite") if isinstance(entry, Refused)
    ]


def test_a_link_that_was_named_as_the_result_is_followed(plan, out, image_folder, tmp_path):
    (out / "mine.png").symlink_to(tmp_path / "other.png")
    options = {"file_name": "mine.png", "extension": ".png", "exist": "overwrite"}
    assert targets(plan(out, [image_folder / "a.png"], **options)) == ["mine.png"]


def test_two_folders_that_are_one_by_a_link_get_different_names(plan, out, image_folder):
    for name in ("x", "y"):
        (image_folder / name).mkdir()
        (image_folder / name / "p.png").write_text(name)
    (out / "x").mkdir()
    (out / "y").symlink_to("x")
    with Journal.open(out) as journal:
        jobs = [job for job in plan(out, journal=journal) if job.source.name == "p.png"]
        for job in jobs:
            finish(journal, job)
        assert len({os.path.realpath(job.target) for job in jobs}) == 2
        again = [entry for entry in plan(out, journal=journal) if entry.source.name == "p.png"]
    assert all(isinstance(entry, Skipped) for entry in again)
    assert {entry.target for entry in again} == {job.target for job in jobs}


def test_a_fallback_never_replaces_an_input(plan, image_folder):
    """`a.jpg` may need `a_x4.png`, which is an input here."""
    (image_folder / "a_x4.png").touch()
    inputs = [image_folder / "a.jpg", image_folder / "a_x4.png"]
    named = plan(image_folder, inputs, suffix="_x4", exist="overwrite")
    fallback = next(iter(named)).fallback
    assert fallback == image_folder / "a_x4.png"
    with pytest.raises(PictureError, match="is an input"):
        named.settle(fallback)


@pytest.mark.parametrize("exist", [None, "error"])
def test_an_existing_result_is_an_error_of_that_image_alone(plan, out, exist):
    (out / "a.jpg").touch()
    refused, *jobs = plan(out, exist=exist)
    assert (refused.source.name, refused.error.code) == ("a.jpg", "E_EXISTS")
    assert "--exist overwrite to replace it, --exist skip to keep it" in str(refused.error)
    assert all(isinstance(job, UpscaleJob) for job in jobs)


def test_an_existing_result_can_be_skipped(plan, out):
    (out / "a.jpg").touch()
    skipped, *_ = plan(out, exist="skip")
    assert skipped == Skipped(skipped.source, out / "a.jpg", "its result exists")


def test_an_existing_result_can_be_overwritten(plan, out):
    (out / "a.jpg").touch()
    assert targets(plan(out, exist="overwrite")) == ["a.jpg", "a.png", "b.png"]


def test_an_existing_result_can_be_kept_by_an_unused_name(plan, image_folder, out):
    (out / "a.jpg").touch()
    (out / "a-3.jpg").touch()
    (image_folder / "a-2.jpg").touch()
    assert targets(plan(out, exist="rename")) == ["a-2.jpg", "a-4.jpg", "a.png", "b.png"]


def test_a_result_that_appears_during_the_run_is_found(plan, out):
    entries = iter(plan(out))
    assert isinstance(next(entries), UpscaleJob)
    (out / "b.png").touch()
    assert [type(entry) for entry in entries] == [UpscaleJob, Refused]


def test_a_dangling_link_counts_as_an_existing_result(plan, out):
    (out / "a.jpg").symlink_to("nowhere")
    assert isinstance(next(iter(plan(out))), Refused)


def test_results_of_an_earlier_run_are_recognised_by_their_names(plan, image_folder):
    for name in ("a_big.jpg", "b_big.png"):  # The second is the fallback of a GIF.
        (image_folder / name).touch()
    again = plan(image_folder, suffix="_big", exist="skip")
    assert [entry.source.name for entry in again] == ["a.jpg", "a.png", "b.gif"]
    assert again.earlier_results == 2


def test_a_result_of_an_earlier_run_can_be_named_as_an_input(plan, image_folder):
    (image_folder / "a_x4.jpg").touch()
    again = plan(image_folder, [image_folder / "a_x4.jpg"], suffix="_x4")
    assert targets(again) == ["a_x4_x4.jpg"]


def test_results_in_the_journal_are_not_inputs(plan, image_folder):
    """Nothing else distinguishes `a.png` from an input."""
    (image_folder / "a.png").unlink()
    with Journal.open(image_folder) as journal:
        for job in plan(image_folder, extension=".png", journal=journal):
            finish(journal, job)
        again = plan(image_folder, extension=".png", journal=journal)
        assert [(e.source.name, e.target.name) for e in again] == [
            ("a.jpg", "a.png"),
            ("b.gif", "b.png"),
        ]
        assert {type(entry) for entry in again} == {Skipped}


@pytest.mark.parametrize("exist", [None, "error", "skip", "overwrite", "rename"])
def test_a_second_run_has_nothing_to_do_whatever_exist_is(plan, out, exist):
    with Journal.open(out) as journal:
        for job in plan(out, journal=journal, exist=exist):
            finish(journal, job)
        again = list(plan(out, journal=journal, exist=exist))
        assert [entry.reason for entry in again] == ["it is done already"] * 3


def test_exist_decides_about_the_result_of_a_changed_input(plan, image_folder, out):
    with Journal.open(out) as journal:
        for job in plan(out, journal=journal):
            finish(journal, job)
        (image_folder / "a.jpg").write_text("edited")
        assert [type(entry) for entry in plan(out, journal=journal)] == [Refused, Skipped, Skipped]
        assert targets(plan(out, journal=journal, exist="overwrite")) == ["a.jpg"]
        assert targets(plan(out, journal=journal, exist="rename")) == ["a-2.jpg"]


def test_a_new_input_never_replaces_the_result_of_another_one(plan, out, tmp_path):
    """Without the journal, `w/a.jpg` would get the name that `x/a.jpg` had."""
    for folder in ("w", "x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").write_text(folder)
    old = [tmp_path / "x", tmp_path / "y"]
    with Journal.open(out) as journal:
        for job in plan(out, old, journal=journal):
            finish(journal, job)
        new = plan(out, [tmp_path / "w", *old], journal=journal, exist="overwrite")
        assert [entry.target.name for entry in new] == ["a.jpg-3.jpg", "a.jpg.jpg", "a.jpg-2.jpg"]
        assert targets(new) == ["a.jpg-3.jpg"]


def test_exist_decides_about_an_existing_fallback(plan, image_folder, out):
    (out / "a.png").touch()
    one = [image_folder / "a.jpg"]
    assert next(iter(plan(out, one))).fallback == out / "a.png"
    fallback = out / "a.png"
    assert plan(out, one, exist="skip").settle(fallback) is None
    assert plan(out, one, exist="overwrite").settle(fallback) == fallback
    assert plan(out, one, exist="rename").settle(fallback) == out / "a-2.png"
    with pytest.raises(PictureError, match="exists"):
        plan(out, one).settle(fallback)


def test_a_single_image_can_get_any_name(plan, image_folder, out):
    [job] = plan(out, [image_folder / "a.jpg"], file_name="other.png", extension=".png")
    assert (job.target, job.fallback) == (out / "other.png", None)


def test_a_full_disk_for_the_plan_is_one_message(out, monkeypatch):
    monkeypatch.setattr(plan_table, "_SCHEMA", plan_table._SCHEMA + "PRAGMA max_page_count = 20;")
    found = (Found(Path(f"{number}.png"), Path()) for number in range(10_000))
    with pytest.raises(OutputError, match=r"space for temporary files \(.* full\); free some"):
        make_plan(found, Output(out))
