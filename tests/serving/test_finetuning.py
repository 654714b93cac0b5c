import sys
import time

import pytest

from srgan_gp.errors import BusyError, UsageError
from srgan_gp.serving.finetuning import FEWEST_PICTURES, FineTunings, TrainingPlan
from srgan_gp.serving.settings import Settings

# Takes the place of `python -m srgan_gp finetune`: says its words, scores twice, and waits.
TRAINER = """#!/bin/sh
for word in "$@"; do
  case $word in --output=*) run=${word#--output=} ;; esac
done
mkdir -p "$run/previews"
echo "words: $*"
echo '{"images_seen": 8, "validation/psnr": 30.0}' > "$run/stats.jsonl"
echo '{"images_seen": 12, "loss": 1.0}' >> "$run/stats.jsonl"
echo '{"images_seen": 16, "validation/psnr": 30.5}' >> "$run/stats.jsonl"
touch "$run/previews/image-000000016.png"
echo "Installed as mine: /srv/secret/mine.toml"
exec sleep "${TRAINER_SECONDS:-0}"
"""


class FolderService:
    """Gives folders and notes which are held."""

    settings = Settings(device="cpu", max_files=30)

    def __init__(self, root):
        self.root, self.held = root, []

    def folder(self, client):
        (self.root / client).mkdir(exist_ok=True)
        return self.root / client

    def hold(self, folder):
        self.held.append(folder)

    def release(self, folder):
        self.held.remove(folder)


@pytest.fixture
def service(tmp_path, monkeypatch):
    trainer = tmp_path / "trainer"
    trainer.write_text(TRAINER)
    trainer.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(trainer))
    return FolderService(tmp_path)


@pytest.fixture
def plan(tmp_path):
    photos = []
    for number in range(FEWEST_PICTURES):
        photos.append((tmp_path / f"upload{number}.jpg", "../<b>.jpg"))
        photos[-1][0].write_bytes(b"photo")
    return TrainingPlan("photo-x4", photos, "mine", total_images=64)


def wait_until(is_true):
    ends = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < ends, "it did not come true"
        time.sleep(0.01)


def test_a_run_shows_its_curve_its_preview_and_its_words_without_folders(service, plan):
    run = FineTunings(service).start("me", plan)
    wait_until(lambda: not run.is_running)
    state = run.state()
    assert (state.exit_code, state.metric) == (0, "psnr")
    assert state.curve == ((8, 30.0), (16, 30.5))
    assert state.preview is not None
    assert state.preview.name == "image-000000016.png"
    assert "--from=photo-x4" in state.lines[0]
    assert "--set=total_images=64" in state.lines[0]
    assert "secret" not in "".join(state.lines)
    assert "/" not in state.lines[-1]


def test_files_are_held_while_it_runs_and_released_after(service, plan, monkeypatch):
    monkeypatch.setenv("TRAINER_SECONDS", "60")
    run = FineTunings(service).start("me", plan)
    assert len(service.held) == 1
    assert len(list((service.held[0] / "photos").glob("*.jpg"))) == FEWEST_PICTURES
    run.stop()
    assert not run.is_running
    wait_until(lambda: not service.held)


def test_one_runs_at_a_time_and_none_when_the_server_has_ended(service, plan, monkeypatch):
    monkeypatch.setenv("TRAINER_SECONDS", "60")
    trainings = FineTunings(service)
    run = trainings.start("me", plan)
    with pytest.raises(BusyError, match="Another model is being trained"):
        trainings.start("you", plan)
    assert trainings.of("me") is run
    assert trainings.of("you") is None
    trainings.close()
    assert not run.is_running


@pytest.mark.parametrize(
    ("count", "model", "sentence"),
    [
        (FEWEST_PICTURES - 1, "photo-x4", "19 photos are too few"),
        (31, "photo-x4", "31 photos are too many"),
        (FEWEST_PICTURES, "/etc/passwd", "no model '/etc/passwd'"),
    ],
)
def test_what_no_training_can_use_is_refused_before_anything_is_made(
    service, plan, count, model, sentence
):
    changed = TrainingPlan(model, (plan.photos * 2)[:count], "mine")
    with pytest.raises(UsageError, match=sentence):
        FineTunings(service).start("me", changed)
    assert service.held == []
