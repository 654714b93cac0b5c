import json

import pytest
import torch
from torch import nn

from srgan_gp.errors import TrainingError
from srgan_gp.training import checkpoint
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.ema import MovingAverage


def state(seed=0, width=4, images_seen=0):
    torch.manual_seed(seed)
    network = nn.Linear(3, width)
    optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
    made = TrainingState(network, MovingAverage(network, 0.9), optimizer, Progress(images_seen))
    if images_seen:
        network(torch.rand(2, 3)).sum().backward()
        optimizer.step()
        made.average.update(network, 1)
        made.progress.step = 1
    return made


def test_what_is_saved_is_what_is_restored(tmp_path):
    before, after = state(0, images_seen=8), state(1)
    checkpoint.save(before, tmp_path)
    after.restore(*checkpoint.newest(tmp_path))
    assert after.progress == before.progress
    saved, restored = before.tensors(), after.tensors()
    assert saved.keys() == restored.keys()
    assert len(saved) == 2 + 2 + 2 * 3  # weights, average, three moments of two parameters
    assert all(torch.equal(saved[name], restored[name]) for name in saved)


def test_a_damaged_checkpoint_falls_back_to_the_one_before_with_a_warning(tmp_path):
    for images_seen in (8, 16):
        checkpoint.save(state(images_seen=images_seen), tmp_path)
    path = tmp_path / "image-000000016.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.warns(UserWarning, match="image-000000016.safetensors is damaged"):
        _, numbers = checkpoint.newest(tmp_path)
    assert numbers["images_seen"] == 8


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b"5", b"null"])
def test_only_damaged_checkpoints_are_an_error_and_never_a_fresh_start(tmp_path, damage):
    checkpoint.save(state(images_seen=8), tmp_path).write_bytes(damage)
    with pytest.warns(UserWarning), pytest.raises(TrainingError, match="Every checkpoint"):
        checkpoint.newest(tmp_path)


def test_no_checkpoint_is_none(tmp_path):
    assert checkpoint.newest(tmp_path / "missing") is None


def test_tensors_without_their_json_do_not_count(tmp_path):
    checkpoint.save(state(images_seen=8), tmp_path).unlink()
    assert checkpoint.newest(tmp_path) is None


def test_another_architecture_is_refused(tmp_path):
    checkpoint.save(state(images_seen=8), tmp_path)
    with pytest.raises(TrainingError, match="does not fit"):
        state(width=5).restore(*checkpoint.newest(tmp_path))


@pytest.mark.parametrize("part", ["generator.", "average.", "optimizer."])
def test_a_missing_part_is_refused(tmp_path, part):
    checkpoint.save(state(images_seen=8), tmp_path)
    tensors, numbers = checkpoint.newest(tmp_path)
    kept = {name: value for name, value in tensors.items() if not name.startswith(part)}
    with pytest.raises(TrainingError):
        state().restore(kept, numbers)


def test_an_unknown_number_is_refused(tmp_path):
    path = checkpoint.save(state(images_seen=8), tmp_path)
    numbers = json.loads(path.read_text()) | {"mood": 1}
    del numbers["numbers_sha256"]
    path.write_text(json.dumps(numbers))
    with pytest.raises(TrainingError, match="'mood'"):
        state().restore(*checkpoint.newest(tmp_path))


def test_changed_numbers_are_noticed_and_those_of_an_earlier_version_are_read(tmp_path):
    path = checkpoint.save(state(images_seen=8), tmp_path)
    numbers = json.loads(path.read_text())
    path.write_text(json.dumps(numbers, indent=1))  # another layout is no damage
    assert checkpoint.read(path)[1]["images_seen"] == 8
    path.write_text(json.dumps(numbers | {"step": 9}))
    with pytest.raises(TrainingError, match=r"json is damaged"):
        checkpoint.read(path)
    del numbers["numbers_sha256"]
    path.write_text(json.dumps(numbers))
    assert checkpoint.read(path)[1] == {k: v for k, v in numbers.items() if k != "sha256"}


def test_pruning_keeps_the_newest_and_the_best(tmp_path):
    for images_seen in (8, 16, 24, 32):
        checkpoint.save(state(images_seen=images_seen), tmp_path)
    checkpoint.prune(tmp_path, keep=2, progress=Progress(images_seen=32, best_images_seen=8))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [
        f"image-0000000{n}.{s}" for n in ("08", "24", "32") for s in ("json", "safetensors")
    ]


def test_pruning_removes_what_a_killed_run_left(tmp_path):
    for images_seen in (8, 16):
        checkpoint.save(state(images_seen=images_seen), tmp_path)
    (tmp_path / "image-000000008.json").unlink()
    checkpoint.prune(tmp_path, keep=3, progress=Progress(images_seen=16))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["image-000000016.json", "image-000000016.safetensors"]


def test_pruning_never_counts_a_checkpoint_from_beyond_the_run(tmp_path):
    for images_seen in (8, 16, 24):
        checkpoint.save(state(images_seen=images_seen), tmp_path)
    checkpoint.prune(tmp_path, keep=1, progress=Progress(images_seen=16, best_images_seen=16))
    left = sorted(path.name for path in tmp_path.glob("*.json"))
    assert left == ["image-000000016.json", "image-000000024.json"]
