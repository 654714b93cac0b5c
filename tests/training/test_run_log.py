"""Log of a run: lines, resume, and files that cannot be written or read."""

import json
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from srgan_gp.errors import TrainingError
from srgan_gp.metrics.score_directions import BETTER
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.loop import train
from srgan_gp.training.reports import time_left
from srgan_gp.training.reports.logged_numbers import MEANINGS
from srgan_gp.training.reports.preview_sheet import RESULT_NOW
from srgan_gp.training.run_log import Reports


def fail(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.fixture
def finished_gan_lines(gan_config, pictures, tmp_path):
    """Lines of the log of a short run with a critic and every generator loss but features."""
    config = gan_config(total_images=32, equivariance_weight=0.4, penalty="r1")
    run_dir = train(config, [str(pictures)], tmp_path / "gan", validation=str(pictures))
    return [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]


def steps_of(run_dir):
    lines = (run_dir / "stats.jsonl").read_text().splitlines()
    return [json.loads(line)["images_seen"] for line in lines]


@pytest.mark.parametrize("moment", ["__init__", "add_scalar", "close"])
def test_without_tensorboard_a_run_continues_with_one_message(
    tmp_path, monkeypatch, capsys, moment
):
    monkeypatch.setattr(SummaryWriter, moment, fail)
    with Reports(tmp_path, 8, 0) as reports:
        reports.write_means(Progress(images_seen=4))
        reports.write_means(Progress(images_seen=8))
    assert steps_of(tmp_path) == [4, 8]
    printed = " ".join(capsys.readouterr().err.split())
    assert printed.count("TensorBoard's log cannot be written (No space left on device)") == 1


def test_programs_can_read_the_progress(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time_left.time, "monotonic", lambda: now[0])
    with Reports(tmp_path, 8, 0) as reports:
        reports.advance(2, {})
        now[0] += 0.5
        reports.advance(3, {})  # too soon after the last one
        now[0] += 9.5
        reports.advance(4, {})
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert progress == {"images_seen": 4, "total_images": 8, "seconds_left": 10}


@pytest.mark.parametrize("damage", ["{", "[]", "{}", "5", '{"images_seen": "x"}'])
def test_a_file_that_is_not_a_log_is_named_and_kept(tmp_path, damage):
    (tmp_path / "stats.jsonl").write_text(damage)
    with pytest.raises(
        TrainingError, match=r"stats\.jsonl is not the log of a run .* Move it away"
    ):
        Reports(tmp_path, 8, 0)
    assert (tmp_path / "stats.jsonl").read_text() == damage


def test_a_message_is_printed_unchanged_on_one_line(tmp_path, capsys):
    message = "word [bold] " * 20 + "end"
    with Reports(tmp_path, 8, 0) as reports:
        reports.say(message)
    assert message in capsys.readouterr().err.splitlines()


def test_later_lines_are_dropped_and_earlier_ones_kept(tmp_path):
    (tmp_path / "stats.jsonl").write_text('{"images_seen": 4}\n{"images_seen": 8}\n')
    with Reports(tmp_path, 16, 4) as reports:
        reports.write_means(Progress(images_seen=12))
    assert steps_of(tmp_path) == [4, 12]


def test_a_line_a_minute_has_the_share_and_the_time_left(tmp_path, capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("srgan_gp.training.reports.time_left.time.monotonic", lambda: now[0])
    with Reports(tmp_path, 400, 100) as reports:
        for images_seen in range(110, 250, 10):  # a step takes 10 seconds
            now[0] += 10
            reports.advance(images_seen, {})
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "160 of 400 images, 40 %, 0:04:00 left",
        "220 of 400 images, 55 %, 0:03:00 left",
    ]


def test_the_scores_say_which_way_is_better_and_previews_are_named(tmp_path, capsys):
    scores = {"psnr_y": 30.0, "pattern": 0.5, "flat_windows": 5.0}  # the last one is a count
    progress = Progress(images_seen=4, validation=scores)
    columns = {label: np.zeros((8, 9, 3), np.uint8) for label in ("input", RESULT_NOW)}
    with Reports(tmp_path, 8, 0) as reports:
        reports.report_start(columns)
        reports.write_validation(progress, columns)
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"Previews: {tmp_path}/previews. Curves: tensorboard --logdir {tmp_path}"
    assert second.endswith("better if higher: psnr_y 30.000; better if lower: pattern 0.500")


def test_tensorboard_shows_labelled_images_and_explains_its_numbers(tmp_path):
    progress = Progress(images_seen=4, validation={"psnr_y": 30.0})
    columns = {label: np.zeros((8, 9, 3), np.uint8) for label in ("input", RESULT_NOW, "original")}
    with Reports(tmp_path, 8, 0) as reports:
        reports.report_start(columns)
        reports.write_validation(progress, columns)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (image,) = events.Images("preview")
    assert (image.step, image.height, image.width) == (4, 8 + 16, 4 * 9 + 3 * 4)
    (tag,) = events.Tags()["tensors"]
    (text,) = events.Tensors(tag)[0].tensor_proto.string_val
    assert b"validation/psnr_y` | better: higher" in text


def test_every_logged_number_is_explained(finished_gan_lines):
    known = {*MEANINGS, *(f"validation/{name}" for name in BETTER)}
    starts = tuple(name.removesuffix("...") for name in MEANINGS if name.endswith("..."))
    for line in finished_gan_lines:
        unknown = {n for n in line if n not in known and not n.startswith(starts)}
        assert not unknown


def test_the_guide_explains_every_number_that_is_printed(finished_gan_lines):
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "train.md").read_text()
    table = guide.partition("## The printed numbers")[2].partition("## Resume")[0]
    faces = ("kid_squeeze", "fd_yunet", "fd_hog", "fd_pca", "border_ratio", "novelty")
    scores = {n.removeprefix("validation/") for line in finished_gan_lines for n in line}
    printed = [*faces, "squeeze_distance", "pattern", "grain", *(n for n in scores if n in BETTER)]
    assert [name for name in printed if f"`{name}`" not in table] == []
