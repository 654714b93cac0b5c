"""Targets: collision-free, never an input, and existing results met as the user chose."""

from pathlib import Path

import pytest

from srgan_gp.batch.inputs import gather
from srgan_gp.batch.plan import Output, make_plan, prepare_folder, without_results
from srgan_gp.errors import OutputError, PictureError, UsageError


def targets(plan):
    return [job.target.name for job in plan.jobs]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "a.png", "b.gif"):
        (folder / name).touch()
    return folder


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_every_picture_keeps_its_format_and_a_gif_becomes_a_png(pictures, out):
    plan = make_plan(sorted(pictures.iterdir()), Output(out))
    assert targets(plan) == ["a.jpg", "a.png", "b.png"]


def test_the_png_that_stands_in_for_a_format_meets_no_other_result(pictures, out):
    plan = make_plan(sorted(pictures.iterdir()), Output(out))
    assert [job.fallback and job.fallback.name for job in plan.jobs] == ["a.jpg.png", None, None]


def test_one_format_for_all_makes_same_stems_differ(pictures, out):
    plan = make_plan(sorted(pictures.iterdir()), Output(out, extension=".webp", suffix="_x4"))
    assert targets(plan) == ["a.jpg_x4.webp", "a.png_x4.webp", "b_x4.webp"]
    assert {job.fallback for job in plan.jobs} == {None}


def test_a_result_never_replaces_an_input(pictures):
    with pytest.raises(UsageError, match=r"a\.jpg would replace the input .*--suffix"):
        make_plan(sorted(pictures.iterdir()), Output(pictures, exist="overwrite"))


def test_a_result_never_replaces_an_input_under_another_name(pictures, out):
    (out / "b.png").symlink_to(pictures / "a.jpg")
    [_, _, refused] = make_plan(sorted(pictures.iterdir()), Output(out, exist="overwrite"))
    assert str(refused.error).startswith(f"{out / 'b.png'} is an input")


def test_the_png_that_stands_in_for_a_format_never_replaces_an_input(pictures):
    """`a.jpg` may turn out to need `a_x4.png`, which is a picture of its own here."""
    (pictures / "a_x4.png").touch()
    sources = [pictures / "a.jpg", pictures / "a_x4.png"]
    plan = make_plan(sources, Output(pictures, suffix="_x4", exist="overwrite"))
    fallback = plan.jobs[0].fallback
    assert fallback == pictures / "a_x4.png"
    with pytest.raises(PictureError, match="is an input"):
        plan.settle(fallback)


def test_an_existing_result_is_an_error_of_that_picture_alone(pictures, out):
    (out / "a.jpg").touch()
    plan = make_plan(sorted(pictures.iterdir()), Output(out))
    assert targets(plan) == ["a.png", "b.png"]
    [(source, error)] = plan.failures
    assert (source.name, error.code) == ("a.jpg", "E_EXISTS")


def test_an_existing_result_can_be_skipped(pictures, out):
    (out / "a.jpg").touch()
    plan = make_plan(sorted(pictures.iterdir()), Output(out, exist="skip"))
    assert targets(plan) == ["a.png", "b.png"]
    assert [job.source.name for job in plan.skipped] == ["a.jpg"]


def test_an_existing_result_can_be_kept_by_a_new_name_that_no_other_result_has(pictures, out):
    (out / "a.jpg").touch()
    (pictures / "a-2.jpg").touch()
    plan = make_plan(sorted(pictures.iterdir()), Output(out, exist="rename"))
    assert targets(plan) == ["a-2.jpg", "a-3.jpg", "a.png", "b.png"]


def test_a_dangling_link_counts_as_an_existing_result(pictures, out):
    (out / "a.jpg").symlink_to("nowhere")
    assert make_plan([pictures / "a.jpg"], Output(out)).failures


def test_results_of_an_earlier_run_are_not_upscaled_again(pictures):
    (pictures / "a_x4.jpg").touch()
    output = Output(pictures, suffix="_x4", exist="skip")
    plan = make_plan(without_results(gather([str(pictures)]), output), output)
    assert [job.source.name for job in plan.skipped] == ["a.jpg"]
    assert [job.source.name for job in plan.jobs] == ["a.png", "b.gif"]


def test_a_png_that_stood_in_for_a_format_is_not_upscaled_again(pictures):
    (pictures / "a.png").unlink()
    (pictures / "a_x4.png").touch()
    output = Output(pictures, suffix="_x4")
    sources = without_results(gather([str(pictures)]), output)
    assert [job.source.name for job in make_plan(sources, output)] == ["a.jpg", "b.gif"]


def test_a_fallback_that_exists_is_met_as_the_user_chose(pictures, out):
    (out / "a.png").touch()
    source = [pictures / "a.jpg"]
    fallback = make_plan(source, Output(out)).jobs[0].fallback
    assert fallback == out / "a.png"
    assert make_plan(source, Output(out, exist="skip")).settle(fallback) is None
    assert make_plan(source, Output(out, exist="overwrite")).settle(fallback) == fallback
    assert make_plan(source, Output(out, exist="rename")).settle(fallback) == out / "a-2.png"
    with pytest.raises(PictureError, match="exists"):
        make_plan(source, Output(out)).settle(fallback)


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
