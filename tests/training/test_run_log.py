"""Log of a run: lines, resume, and files that cannot be written or read."""

import json

import pytest
from torch.utils.tensorboard import SummaryWriter

from srgan_gp.errors import TrainingError
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.run_log import Reports


def fail(*_, **__):
    raise OSError(28, "No space left on device")


def steps_of(run_dir):
    lines = (run_dir / "stats.jsonl").read_text().splitlines()
    return [json.loads(line)["images_seen"] for line in lines]


@pytest.mark.parametrize("moment", ["__init__", "add_scalar", "close"])
def test_without_tensorboard_a_run_continues_with_one_message(
    tmp_path, monkeypatch, capsys, moment
):
    monkeypatch.setattr(SummaryWriter, moment, fail)
    with Reports(tmp_path, 8, 0) as reports:
        reports.write(Progress(images_seen=4))
        reports.write(Progress(images_seen=8))
    assert steps_of(tmp_path) == [4, 8]
    printed = " ".join(capsys.readouterr().err.split())
    assert printed.count("TensorBoard's log cannot be written (No space left on device)") == 1


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
        reports.write(Progress(images_seen=12))
    assert steps_of(tmp_path) == [4, 12]
