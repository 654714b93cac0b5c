"""Targets: collision-free, never an input, and existing results met as the user chose."""

import os
from pathlib import Path

import pytest

from srgan_gp.batch.inputs.walk import Found, walk
from srgan_gp.batch.naming import plan_table
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import Refused, Skipped, UpscaleJob, make_plan
from srgan_gp.batch.results.journal import Journal, work_key
from srgan_gp.errors import OutputError, PictureError, UsageError
from srgan_gp.system.files import commit, hash_file, write_staged

WORK = work_key("model", scale=4)


@pytest.fixture
def pictures(tmp_path):
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
def plan(pictures):
    """Make the plan of a run over the pictures, or over `inputs`; it is closed after the test."""
    plans = []

    def make(folder, inputs=None, *, journal=None, work=WORK, **output):
        found = walk(list(map(str, inputs or [pictures])), recursive=True, leave_out=folder)
        plans.append(make_plan(found, Output(folder, **output), journal=journal, work=work))
        return plans[-1]

    yield make
    for opened in plans:
        opened.close()


def targets(plan):
    return [entry.target.name for entry in plan if isinstance(entry, UpscaleJob)]


def finish(journal, job, work=WORK):
    """Do what a run does at the end of a job."""
    staged, _ = write_staged(job.target, lambda file: file.write(b"result of " + bytes(job.source)))
    journal.record(job.source, staged, hash_file(job.source), work)
    commit(staged)


def test_every_picture_keeps_its_format_and_a_gif_becomes_a_png(plan, out):
    assert targets(plan(out, extension=None)) == ["a.jpg", "a.png", "b.png"]


def test_one_format_for_all_makes_same_stems_differ(plan, out):
    jobs = list(plan(out, extension=".webp", suffix="_x4"))
    assert [job.target.name for job in jobs] == ["a.jpg_x4.webp", "a.png_x4.webp", "b_x4.webp"]
    assert {job.fallback for job in jobs} == {None}


def test_the_entries_come_in_the_order_of_paths_as_often_as_they_are_asked_for(plan, out, pictures):
    reverse = plan(out, sorted(pictures.iterdir(), reverse=True))
    assert [job.source.name for job in reverse] == ["a.jpg", "a.png", "b.gif"]
    assert list(reverse) == list(reverse)
    assert reverse.total == 3


def test_a_file_reached_twice_counts_once(plan, out, pictures):
    (pictures / "link.png").symlink_to(pictures / "a.png")
    os.link(pictures / "a.png", pictures / "other.png")
    twice = plan(out, [pictures, pictures / "a.jpg", pictures])
    assert [job.source.name for job in twice] == ["a.jpg", "a.png", "b.gif", "other.png"]


def test_a_folder_named_with_a_folder_inside_is_mirrored_whole(plan, out, pictures):
    (pictures / "x").mkdir()
    (pictures / "x" / "c.png").touch()
    for inputs in ([pictures, pictures / "x"], [pictures / "x", pictures]):
        assert out / "x" / "c.png" in [job.target for job in plan(out, inputs)]


def test_an_input_that_cannot_be_used_is_passed_on(out):
    error = PictureError("E_NO_PERMISSION", "it cannot be listed")
    with make_plan([Found(Path("x"), Path("x"), error=error)], Output(out)) as plan:
        [refused] = plan
    assert isinstance(refused, Refused)
    assert (refused.error.code, str(refused.error)) == ("E_NO_PERMISSION", "it cannot be listed")


def test_a_path_too_long_for_the_system_costs_only_itself(tmp_path):
    root = Path("/nowhere")
    deep = root.joinpath(*["d" * 200] * 20, "a.png")
    with make_plan([Found(deep, root), Found(root / "b.png", root)], Output(tmp_path)) as plan:
        job, refused = plan
    assert job.source.name == "b.png"
    assert refused.error.code == "E_NAME_TOO_LONG"


@pytest.mark.parametrize("exist", [None, "error", "skip", "overwrite"])
def test_a_result_never_replaces_an_input(plan, pictures, exist):
    with pytest.raises(UsageError, match=r"a\.jpg would replace the input .*--suffix"):
        plan(pictures, exist=exist)


def test_results_in_the_folder_of_the_inputs_can_get_new_names(plan, pictures):
    assert targets(plan(pictures, exist="rename")) == ["a-2.jpg", "a-2.png", "b.png"]


def test_the_output_folder_by_another_name_is_still_that_of_the_inputs(plan, pictures, tmp_path):
    (tmp_path / "link").symlink_to(pictures)
    with pytest.raises(UsageError, match="would replace the input"):
        plan(tmp_path / "link")


def test_names_that_differ_from_those_of_inputs_by_case_alone_are_allowed_where_files_do(
    plan, pictures
):
    (pictures / "A_X4.jpg").touch()
    jobs = list(plan(pictures, suffix="_x4"))
    has_both = (pictures / "a_x4.jpg").exists() == (pictures / "A_X4.jpg").exists()
    assert ("A_X4.jpg" in [job.source.name for job in jobs]) == (not has_both)


def test_a_result_never_replaces_an_input_through_a_link(plan, out, pictures):
    (out / "a.png").symlink_to(pictures / "a.jpg")
    _, refused, _ = plan(out, exist="overwrite")
    assert str(refused.error).startswith(f"{out / 'a.png'} is an input")


def test_two_folders_that_a_link_makes_one_do_not_give_one_name(plan, out, pictures):
    for name in ("x", "y"):
        (pictures / name).mkdir()
        (pictures / name / "p.png").write_text(name)
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


def test_the_png_that_stands_in_for_a_format_never_replaces_an_input(plan, pictures):
    """`a.jpg` may turn out to need `a_x4.png`, which is a picture of its own here."""
    (pictures / "a_x4.png").touch()
    inputs = [pictures / "a.jpg", pictures / "a_x4.png"]
    named = plan(pictures, inputs, suffix="_x4", exist="overwrite")
    fallback = next(iter(named)).fallback
    assert fallback == pictures / "a_x4.png"
    with pytest.raises(PictureError, match="is an input"):
        named.settle(fallback)


@pytest.mark.parametrize("exist", [None, "error"])
def test_an_existing_result_is_an_error_of_that_picture_alone(plan, out, exist):
    (out / "a.jpg").touch()
    refused, *jobs = plan(out, exist=exist)
    assert (refused.source.name, refused.error.code) == ("a.jpg", "E_EXISTS")
    assert "--exist skip, overwrite or rename" in str(refused.error)
    assert all(isinstance(job, UpscaleJob) for job in jobs)


def test_an_existing_result_can_be_skipped(plan, out):
    (out / "a.jpg").touch()
    skipped, *_ = plan(out, exist="skip")
    assert skipped == Skipped(skipped.source, out / "a.jpg", "its result exists")


def test_an_existing_result_can_be_overwritten(plan, out):
    (out / "a.jpg").touch()
    assert targets(plan(out, exist="overwrite")) == ["a.jpg", "a.png", "b.png"]


def test_an_existing_result_can_be_kept_by_a_new_name_that_no_other_result_has(plan, pictures, out):
    (out / "a.jpg").touch()
    (out / "a-3.jpg").touch()
    (pictures / "a-2.jpg").touch()
    assert targets(plan(out, exist="rename")) == ["a-2.jpg", "a-4.jpg", "a.png", "b.png"]


def test_a_result_that_appears_during_the_run_is_met_when_its_turn_comes(plan, out):
    entries = iter(plan(out))
    assert isinstance(next(entries), UpscaleJob)
    (out / "b.png").touch()
    assert [type(entry) for entry in entries] == [UpscaleJob, Refused]


def test_a_dangling_link_counts_as_an_existing_result(plan, out):
    (out / "a.jpg").symlink_to("nowhere")
    assert isinstance(next(iter(plan(out))), Refused)


def test_results_of_an_earlier_run_are_told_by_their_names(plan, pictures):
    for name in ("a_x4.jpg", "b_x4.png"):  # the second stood in for a GIF
        (pictures / name).touch()
    again = plan(pictures, suffix="_x4", exist="skip")
    assert [entry.source.name for entry in again] == ["a.jpg", "a.png", "b.gif"]
    assert again.earlier_results == 2


def test_a_result_of_an_earlier_run_can_be_named_to_be_enlarged_again(plan, pictures):
    (pictures / "a_x4.jpg").touch()
    again = plan(pictures, [pictures / "a_x4.jpg"], suffix="_x4")
    assert targets(again) == ["a_x4_x4.jpg"]


def test_what_the_journal_knows_as_a_result_is_no_input(plan, pictures):
    """`a.png` could be told from an input by nothing else."""
    (pictures / "a.png").unlink()
    with Journal.open(pictures) as journal:
        for job in plan(pictures, extension=".png", journal=journal):
            finish(journal, job)
        again = plan(pictures, extension=".png", journal=journal)
        assert [(e.source.name, e.target.name) for e in again] == [
            ("a.jpg", "a.png"),
            ("b.gif", "b.png"),
        ]
        assert {type(entry) for entry in again} == {Skipped}


@pytest.mark.parametrize("exist", [None, "error", "skip", "overwrite", "rename"])
def test_a_second_run_has_nothing_to_do_whatever_it_does_about_results(plan, out, exist):
    with Journal.open(out) as journal:
        for job in plan(out, journal=journal, exist=exist):
            finish(journal, job)
        again = list(plan(out, journal=journal, exist=exist))
        assert [entry.reason for entry in again] == ["it is done already"] * 3


def test_a_changed_input_is_met_as_the_user_chose(plan, pictures, out):
    with Journal.open(out) as journal:
        for job in plan(out, journal=journal):
            finish(journal, job)
        (pictures / "a.jpg").write_text("edited")
        assert [type(entry) for entry in plan(out, journal=journal)] == [Refused, Skipped, Skipped]
        assert targets(plan(out, journal=journal, exist="overwrite")) == ["a.jpg"]
        assert targets(plan(out, journal=journal, exist="rename")) == ["a-2.jpg"]


def test_a_newcomer_never_replaces_the_result_of_another_input(plan, out, tmp_path):
    """Without the journal, `w/a.jpg` would now get the name that `x/a.jpg` had."""
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


def test_a_fallback_that_exists_is_met_as_the_user_chose(plan, pictures, out):
    (out / "a.png").touch()
    one = [pictures / "a.jpg"]
    assert next(iter(plan(out, one))).fallback == out / "a.png"
    fallback = out / "a.png"
    assert plan(out, one, exist="skip").settle(fallback) is None
    assert plan(out, one, exist="overwrite").settle(fallback) == fallback
    assert plan(out, one, exist="rename").settle(fallback) == out / "a-2.png"
    with pytest.raises(PictureError, match="exists"):
        plan(out, one).settle(fallback)


def test_a_single_picture_can_get_a_name_of_its_own(plan, pictures, out):
    [job] = plan(out, [pictures / "a.jpg"], file_name="other.png", extension=".png")
    assert (job.target, job.fallback) == (out / "other.png", None)


def test_no_room_for_the_plan_is_one_sentence(out, monkeypatch):
    monkeypatch.setattr(plan_table, "_SCHEMA", plan_table._SCHEMA + "PRAGMA max_page_count = 20;")
    found = (Found(Path(f"{number}.png"), Path()) for number in range(10_000))
    with pytest.raises(OutputError, match=r"room for temporary files \(.* full\); free some"):
        make_plan(found, Output(out))
