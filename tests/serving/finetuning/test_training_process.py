import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from srgan_gp.errors import BusyError, SrganGpError, UsageError
from srgan_gp.serving.finetuning.training_process import MIN_PHOTOS, TrainingPlan, VisitorTrainings
from srgan_gp.serving.finetuning.training_request import check_plan, training_command
from srgan_gp.serving.server_settings import ServerSettings

# Replaces `python -m srgan_gp finetune`: prints its arguments, writes two scores, and waits.
TRAINER = """#!/bin/sh
for option in "$@"; do
  case $option in --output=*) run=${option#--output=} ;; esac
done
if [ -n "$TRAINER_END_FILE" ]; then cat; exec touch "$TRAINER_END_FILE"; fi
mkdir -p "$run/previews"
echo "arguments: $*"
echo '{"images_seen": 8, "validation/psnr": 30.0}' > "$run/stats.jsonl"
echo '{"images_seen": 12, "loss": 1.0}' >> "$run/stats.jsonl"
echo '{"images_seen": 16, "validation/psnr": 30.5}' >> "$run/stats.jsonl"
touch "$run/previews/image-000000016.png" "$run/previews/before.png"
echo '{"images_seen": 16, "total_images": 64, "seconds_left": 120}' > "$run/progress.json"
echo "photo-x4: 16 training images, 4 validation images."
echo "Plan: 64 images in batches of 16, learning rate 7e-05, best by psnr_y (higher is better)."
echo "$TRAINER_LINE"
echo "Installed as mine: /srv/secret/mine.toml"
exec sleep "${TRAINER_SECONDS:-0}"
"""

# A server that starts a training run and is killed; arguments: trainer, directory and photos.
KILLED_SERVER = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
from srgan_gp.serving.finetuning.training_process import (VisitorTrainings, TrainingPlan)
from srgan_gp.serving.server_settings import ServerSettings

sys.executable, folder, photos = sys.argv[1], Path(sys.argv[2]), map(Path, sys.argv[3:])
ignored = dict.fromkeys(("hold", "release", "at_end"), lambda it: None)
service = SimpleNamespace(
    settings=ServerSettings(feature_weights=folder), folder=lambda client: folder,
    require_open=lambda: None, **ignored
)
plan = TrainingPlan("photo-x4", [(photo, photo.name) for photo in photos], "mine")
VisitorTrainings(service).start("me", plan)
os.kill(os.getpid(), 9)
"""


class FolderService:
    """Fake service that records which directories are held."""

    settings = ServerSettings(device="cpu", max_files=30, feature_weights=Path("squeeze.pth"))

    def __init__(self, root):
        self.root, self.held, self.endings, self.is_open = root, [], [], True

    def require_open(self):
        if not self.is_open:
            raise BusyError("The server is shutting down.")

    def at_end(self, end):
        self.endings.append(end)

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
    for number in range(MIN_PHOTOS):
        photos.append((tmp_path / f"upload{number}.jpg", "../<b>.jpg"))
        photos[-1][0].write_bytes(b"photo")
    return TrainingPlan("photo-x4", photos, "mine", total_images=64)


def wait_until(is_true):
    ends = time.monotonic() + 60  # for slow machines
    while not is_true():
        assert time.monotonic() < ends, "timed out"
        time.sleep(0.01)


def test_state_has_curve_preview_and_output_without_paths(service, plan):
    run = VisitorTrainings(service).start("me", plan)
    wait_until(lambda: not run.is_running)
    state = run.state()
    assert (state.exit_code, state.metric) == (0, "psnr")
    assert state.curve == ((8, 30.0), (16, 30.5))
    assert state.preview is not None
    assert state.preview.name == "image-000000016.png"
    assert "--from=photo-x4" in state.lines[0]
    assert "--set=total_images=64" in state.lines[0]
    assert "squeeze.pth" in state.lines[0]
    assert "secret" not in "".join(state.lines)
    assert "/" not in state.lines[-1]


def test_state_has_the_stage_and_a_log_in_sentences(service, plan, monkeypatch):
    monkeypatch.setenv("TRAINER_LINE", "2 of 4, 12 s left; scoring the best result")
    run = VisitorTrainings(service).start("me", plan)
    wait_until(lambda: not run.is_running)
    state = run.state()
    assert (state.stage, state.done, state.total) == ("comparing", 2, 4)
    assert state.log == (
        "photo-x4 learns from 16 photos. The other 4 measure what it learned.",
        "It trains on 64 sections of them. The deciding score is the PSNR: higher is better.",
        "mine is installed. It is in the list of models of every tab.",
    )


def test_an_error_is_in_the_log(service, plan, monkeypatch):
    monkeypatch.setenv("TRAINER_LINE", "srgan-gp: error: a.png cannot be read.")
    run = VisitorTrainings(service).start("me", plan)
    wait_until(lambda: not run.is_running)
    assert "a.png cannot be read." in run.state().log


def test_training_has_steps_and_time_left(service, plan):
    run = VisitorTrainings(service).start("me", plan)
    wait_until(lambda: not run.is_running)
    state = run.state()
    assert (state.stage, state.done, state.total) == ("training", 16, 64)
    assert state.seconds_left == 120


def test_a_visitor_removes_the_own_model_only(
    service, plan, tiny_model, onnx_models, tmp_path, monkeypatch
):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    trainings = VisitorTrainings(service)
    run = trainings.start("me", plan)
    wait_until(lambda: not run.is_running)
    path = tiny_model("mine")
    onnx_models.write_card(path)
    with pytest.raises(UsageError, match="There is a model 'mine' already"):
        trainings.start("me", plan)
    with zipfile.ZipFile(run.zip_of_model()) as archive:
        assert archive.namelist() == ["mine.toml", "mine.onnx"]
    with pytest.raises(UsageError, match="no finished model"):
        trainings.remove_model("you")
    assert trainings.remove_model("me") == "mine"
    assert not path.exists() and not path.with_suffix(".toml").exists()
    assert trainings.last_run_of("me") is None


def test_a_removed_model_is_reported_and_its_critic_is_removed_too(
    service, plan, tiny_model, onnx_models, tmp_path, monkeypatch
):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    trainings = VisitorTrainings(service)
    run = trainings.start("me", plan)
    wait_until(lambda: not run.is_running)
    with pytest.raises(UsageError, match="mine was removed already"):
        trainings.remove_model("me")
    onnx_models.write_card(tiny_model("mine"))
    (tmp_path / "mine.critic.safetensors").write_bytes(b"not on the card")
    assert trainings.remove_model("me") == "mine"
    assert list(tmp_path.glob("mine.*")) == []


def test_the_model_of_another_visitor_with_the_same_name_is_not_removed(
    service, plan, tiny_model, onnx_models, tmp_path, monkeypatch
):
    """The first run installed no model, so that its name stayed free."""
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    trainings = VisitorTrainings(service)
    for client in ("me", "you"):
        run = trainings.start(client, plan)
        wait_until(lambda run=run: not run.is_running)
    onnx_models.write_card(tiny_model("mine"))
    with pytest.raises(UsageError, match="no finished model"):
        trainings.remove_model("me")
    assert trainings.last_run_of("me") is None
    assert trainings.remove_model("you") == "mine"


def test_a_model_with_a_critic_needs_a_feature_network(service, plan, tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "none"))
    settings = ServerSettings(max_files=30)
    with pytest.raises(UsageError, match="from one of classic-x4, photo-x2-psnr, photo-x4-psnr,"):
        check_plan(plan, settings)
    check_plan(replace(plan, model="photo-x4-psnr"), settings)
    check_plan(plan, service.settings)


@pytest.mark.parametrize(
    ("device", "chosen"), [("cuda:1", "cuda:1"), ("tensorrt", "cuda"), ("tensorrt:1", "cuda:1")]
)
def test_training_uses_the_gpu_of_the_server(plan, tmp_path, device, chosen):
    command = training_command(plan, [tmp_path], tmp_path / "run", ServerSettings(device=device))
    assert f"--device={chosen}" in command


def test_files_are_held_during_the_run(service, plan, monkeypatch):
    monkeypatch.setenv("TRAINER_SECONDS", "60")
    run = VisitorTrainings(service).start("me", plan)
    assert len(service.held) == 1
    assert len(list((service.held[0] / "photos").glob("*.jpg"))) == MIN_PHOTOS
    run.stop()
    assert not run.is_running
    wait_until(lambda: not service.held)


def test_training_ends_with_a_killed_server(service, plan, tmp_path, monkeypatch):
    trainer, python = sys.executable, sys.orig_argv[0]
    end_file = tmp_path / "ended"
    monkeypatch.setenv("TRAINER_END_FILE", str(end_file))
    arguments = [trainer, tmp_path, *(path for path, _ in plan.photos)]
    server = subprocess.run([python, "-c", KILLED_SERVER, *arguments], check=False)
    assert server.returncode == -9
    wait_until(end_file.is_file)


@pytest.mark.parametrize("fault", ["missing photo", "no process"])
def test_failed_start_leaves_no_files(service, plan, monkeypatch, fault):
    if fault == "missing photo":
        plan.photos[-1][0].unlink()
        expected = pytest.raises(UsageError, match=r"has expired\. Choose your photos again")
    else:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        expected = pytest.raises(SrganGpError, match="Something went wrong")
    with expected:
        VisitorTrainings(service).start("me", plan)
    assert service.held == []
    assert list(service.folder("me").iterdir()) == []


def test_one_run_at_a_time_and_none_after_shutdown(service, plan, monkeypatch):
    monkeypatch.setenv("TRAINER_SECONDS", "60")
    trainings = VisitorTrainings(service)
    run = trainings.start("me", plan)
    with pytest.raises(BusyError, match="Another training run is in progress"):
        trainings.start("you", plan)
    assert trainings.last_run_of("me") is run
    assert trainings.last_run_of("you") is None
    [end] = service.endings
    end()
    assert not run.is_running
    service.is_open = False
    with pytest.raises(BusyError, match="The server is shutting down"):
        trainings.start("you", plan)


@pytest.mark.parametrize(
    ("count", "model", "message"),
    [
        (MIN_PHOTOS - 1, "photo-x4", "19 photos are too few"),
        (31, "photo-x4", "31 photos exceed the limit of 30"),
        (MIN_PHOTOS, "/etc/passwd", "Unknown model '/etc/passwd'"),
    ],
)
def test_invalid_request_is_refused_before_files_are_written(service, plan, count, model, message):
    changed = TrainingPlan(model, (plan.photos * 2)[:count], "mine")
    with pytest.raises(UsageError, match=message):
        VisitorTrainings(service).start("me", changed)
    assert service.held == []


@pytest.mark.parametrize("images", [0, -1, 1_000_001])
def test_training_length_is_limited(service, plan, images):
    with pytest.raises(UsageError, match="1 to 1,000,000 images"):
        VisitorTrainings(service).start("me", replace(plan, total_images=images))


def test_other_file_types_are_refused(service, plan, tmp_path):
    photos = [*plan.photos, (tmp_path / "upload.txt", "list.txt")]
    with pytest.raises(UsageError, match=r"list\.txt is neither a photo nor a zip"):
        VisitorTrainings(service).start("me", replace(plan, photos=photos))


def test_a_zip_under_the_name_of_a_photo_has_the_limits_of_a_zip(service, plan, tmp_path):
    upload = tmp_path / "upload.zip"
    upload.write_bytes(b"no zip")
    photos = [*plan.photos, (upload, "photo.png")]
    with pytest.raises(UsageError, match=r"photo\.png is not a readable zip file"):
        VisitorTrainings(service).start("me", replace(plan, photos=photos))
