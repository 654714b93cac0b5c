"""Augmentation in a run: the images of the critic, and the adaptive probability."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from srgan_gp.data.augmentations import KINDS
from srgan_gp.errors import UsageError
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.critic.adaptive_augmentation import Augmenter, adapt_probability
from srgan_gp.training.critic.diagnostics import estimate_error
from srgan_gp.training.distributed import Processes
from srgan_gp.training.loop import train
from srgan_gp.training.options.config import AUGMENTATIONS, TrainConfig
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.tasks import Batch

ALL = ",".join(KINDS)


class ValidationTask:
    """A task with a batch of black validation images, or none."""

    def __init__(self, count):
        self.count = count

    def validation_batch(self):
        pictures = torch.zeros(self.count, 3, 8, 8)
        return Batch(pictures, pictures, None, range(self.count)) if self.count else None


class Mean(nn.Module):
    """A critic that scores brightness and keeps its last images."""

    def forward(self, pictures, condition):
        assert condition is None
        self.seen = pictures
        return pictures.mean((1, 2, 3))


@pytest.fixture
def faces_config():
    """The preset `tiny-faces`, with changes."""
    return lambda **changes: replace(PRESETS["tiny-faces"], device="cpu", **changes)


@pytest.fixture(scope="module")
def noisy_faces(tmp_path_factory):
    """Folders `train` and `val` of 16-pixel noise, eight images each."""
    folder = tmp_path_factory.mktemp("faces")
    for part, name in enumerate(("train", "val")):
        (folder / name).mkdir()
        for n in range(8):
            pixels = np.random.default_rng([part, n]).integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{n}.png")
    return folder


def augmenter_of(config, validation=8, images_seen=0):
    progress = Progress(images_seen, augment_probability=config.augment_probability)
    processes = Processes(torch.device("cpu"))
    return Augmenter(config, ValidationTask(validation), progress, processes), progress


def notes_of(real, fake, error=0.0):
    values = {"real_score": real, "critic_estimate": real - fake, "estimate_error": error}
    return {f"health/{name}": torch.tensor(value) for name, value in values.items()}


def lines_of(run_dir):
    return [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]


def test_every_augmentation_is_an_option():
    assert AUGMENTATIONS == KINDS
    assert TrainConfig(augment=ALL).augmentations == KINDS
    assert TrainConfig().augmentations == ()
    with pytest.raises(UsageError, match="no augmentation 'blur'; use colour, translation, cutout"):
        TrainConfig(augment="colour,blur")


def test_real_and_generated_images_are_augmented_differently(faces_config):
    augmenter, _ = augmenter_of(faces_config(augment=ALL))
    pictures = torch.rand(4, 3, 16, 16)
    batch = Batch(pictures, pictures, None, range(4))
    real, fake = augmenter.augment_real(batch).targets, augmenter.augment_fake(pictures, batch)
    for one, other in ((real, pictures), (fake, pictures), (real, fake)):
        assert (one != other).flatten(1).any(1).all()
    assert torch.equal(augmenter.augment_real(batch).inputs, batch.inputs)


@pytest.mark.parametrize(
    "changes", [{}, {"augment": ALL, "augment_probability": 0.0, "augment_target": 0.5}]
)
def test_without_augmentation_the_critic_gets_the_images_themselves(faces_config, changes):
    augmenter, _ = augmenter_of(faces_config(**changes))
    batch = Batch(torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16), None, range(4))
    assert augmenter.augment_real(batch).targets is batch.targets
    assert augmenter.augment_fake(batch.inputs, batch) is batch.inputs


def test_the_validation_estimate_is_against_the_same_generated_images(faces_config):
    augmenter, _ = augmenter_of(faces_config())
    found = augmenter.update_probability(Mean(), notes_of(real=0.75, fake=-0.5))
    assert {name: value.item() for name, value in found.items()} == {
        "health/training_estimate": 1.25,
        "health/validation_estimate": 0.5,  # black images score 0
    }


def test_every_fourth_batch_scores_other_validation_images(faces_config):
    seen = []
    for images_seen in range(0, 48, 4):
        augmenter, _ = augmenter_of(faces_config(), validation=6, images_seen=images_seen)
        augmenter._validation.targets[:] = torch.arange(6.0)[:, None, None, None]
        critic = Mean()
        if augmenter.update_probability(critic, notes_of(1.0, 0.0)):
            seen.append((images_seen, critic.seen[:, 0, 0, 0].tolist()))
    assert seen == [(0, [0, 1, 2, 3]), (16, [4, 5, 0, 1]), (32, [2, 3, 4, 5])]


@pytest.mark.parametrize(("batch_size", "count"), [(32, 256), (64, 256), (48, 256), (4, 6)])
def test_all_validation_images_are_scored_equally_often(faces_config, batch_size, count):
    checks, seen = 4 * count, np.zeros(count, int)
    for check in range(checks):
        augmenter, _ = augmenter_of(
            faces_config(batch_size=batch_size), count, images_seen=check * 4 * batch_size
        )
        augmenter._validation.targets[:] = torch.arange(float(count))[:, None, None, None]
        critic = Mean()
        assert augmenter.update_probability(critic, notes_of(1.0, 0.0))
        np.add.at(seen, critic.seen[:, 0, 0, 0].int().numpy(), 1)
    assert set(seen) == {checks * batch_size // count}


@pytest.mark.parametrize(
    ("fake", "expected"),
    # The gap (real - validation) / (real - fake), with 0.6 for real and 0 for validation images,
    # all within the range of full speed; a critic that scores both alike has no gap.
    [(0.0, 0.5 + 16 / 400), (-5.4, 0.5 - 16 / 400), (-0.6, 0.5), (1.0, 0.5 - 16 / 400)],
)
def test_the_probability_follows_the_gap(faces_config, fake, expected):
    config = faces_config(
        augment="colour", augment_probability=0.5, augment_target=0.5, augment_images=400
    )
    augmenter, progress = augmenter_of(config)
    augmenter._kinds = ("unknown",)  # validation images stay black
    found = augmenter.update_probability(Mean(), notes_of(real=0.6, fake=fake))
    assert progress.augment_probability == pytest.approx(expected)
    assert found["health/augment_probability"].item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("error", "moves"), [(0.0, True), (0.05, True), (0.19, True), (0.21, False), (9.0, False)]
)
@pytest.mark.parametrize("fake", [0.0, 1.2])
def test_an_estimate_within_its_noise_moves_no_probability(faces_config, fake, error, moves):
    config = faces_config(
        augment="colour", augment_probability=0.5, augment_target=0.5, augment_images=400
    )
    augmenter, progress = augmenter_of(config)
    augmenter.update_probability(Mean(), notes_of(real=0.6, fake=fake, error=error))
    assert (progress.augment_probability != 0.5) is moves


def test_scores_of_noise_leave_the_probability_where_it_is(faces_config, rng):
    # A critic that distinguishes nothing: 400 checks of scores from one distribution.
    config = faces_config(
        augment="colour", augment_target=0.5, augment_probability=0.5, augment_images=2_000
    )
    augmenter, progress = augmenter_of(config)
    augmenter._kinds = ("unknown",)
    found = []
    for _ in range(400):
        real, fake, validation = torch.from_numpy(rng.standard_normal((3, 16)))
        augmenter._validation_score = lambda _, validation=validation: validation.mean()
        error = estimate_error(real, fake).item()
        augmenter.update_probability(
            Mean(), notes_of(real.mean().item(), fake.mean().item(), error)
        )
        found.append(progress.augment_probability)
    assert np.ptp(found) < 0.1


def test_a_fixed_probability_stays(faces_config):
    augmenter, progress = augmenter_of(faces_config(augment="colour", augment_probability=0.25))
    augmenter.update_probability(Mean(), notes_of(real=1.0, fake=0.0))
    assert progress.augment_probability == 0.25


class OneOfTwo:
    """The processes of a run as the first or the second sees them; the other's values are given."""

    def __init__(self, others):
        self.count, self.others = 2, others

    def any(self, condition):
        return True

    def sum(self, values):
        self.own = values
        return values + self.others


def test_two_processes_come_to_the_probability_of_one(faces_config):
    config = faces_config(
        augment="colour", augment_probability=0.5, augment_target=0.5, augment_images=400
    )
    whole, alone = augmenter_of(config)
    # Errors of 0.3 and 0.4 are one of 0.25 for the mean of the two halves.
    whole.update_probability(Mean(), notes_of(real=0.6, fake=-0.64, error=0.25))
    # The means of the two halves of the batch; the second process has no validation images.
    halves = [notes_of(real=0.4, fake=-0.6, error=0.3), notes_of(real=0.8, fake=-0.68, error=0.4)]
    sent = []
    for turn in range(2):
        found = []
        for rank, validation in enumerate((8, 0)):
            others = OneOfTwo(sent[1 - rank] if turn else torch.zeros(4))
            progress = Progress(augment_probability=0.5)
            augmenter = Augmenter(config, ValidationTask(validation), progress, others)
            augmenter.update_probability(Mean(), halves[rank])
            found.append(progress.augment_probability)
            sent.append(others.own)
    assert others.own.add(others.others)[3].sqrt().item() == pytest.approx(0.25)
    assert 0.5 < found[0] < 0.54 or 0.46 < found[0] < 0.5
    assert found == pytest.approx([alone.augment_probability] * 2, abs=1e-6)


def test_from_0_to_1_takes_the_stated_images():
    config = TrainConfig(augment="colour", augment_target=0.5, augment_images=6400, batch_size=32)
    probability, steps = 0.0, 0
    while probability < 1:
        probability, steps = adapt_probability(probability, gap=0.9, config=config), steps + 1
    assert steps * 4 * 32 == 6400
    assert adapt_probability(1.0, gap=0.9, config=config) == 1.0
    assert adapt_probability(0.0, gap=0.1, config=config) == 0.0
    assert adapt_probability(0.5, gap=None, config=config) == 0.5
    assert adapt_probability(0.5, gap=0.55, config=config) == pytest.approx(
        0.5 + 0.5 * 4 * 32 / 6400
    )


def test_a_target_without_validation_images_is_refused(faces_config):
    with pytest.raises(
        UsageError, match=r"augment_target of 0\.5 needs validation .* --validation"
    ):
        augmenter_of(faces_config(augment="colour", augment_target=0.5), validation=0)
    augmenter_of(faces_config(augment_target=0.5), validation=0)  # nothing is augmented


def test_a_target_with_batches_of_one_is_refused(faces_config):
    with pytest.raises(UsageError, match="batch_size of at least 2 for each process"):
        augmenter_of(faces_config(augment="colour", augment_target=0.5, batch_size=1))


def test_augmentations_that_never_happen_are_refused(faces_config):
    with pytest.raises(UsageError, match="colour never happen; use --augment-probability 1"):
        augmenter_of(faces_config(augment="colour", augment_probability=0.0))


def test_a_critic_with_a_condition_is_refused():
    config = replace(PRESETS["tiny-gan"], augment="translation")
    with pytest.raises(UsageError, match=r"translation cannot be used with .* --no-critic-cond"):
        augmenter_of(config)
    augmenter_of(replace(config, critic_conditional=False))


@pytest.fixture(scope="module")
def adaptive_run(noisy_faces, tmp_path_factory):
    """A run whose probability moves, with a checkpoint every 16 images."""
    config = replace(
        PRESETS["tiny-faces"], device="cpu", augment=ALL, augment_probability=0.5,
        augment_target=0.5, augment_images=200, checkpoint_images=16, keep_checkpoints=9,
        report_images=4, learning_rate=2e-4, critic_learning_rate=1e-2,
    )  # fmt: skip
    folders = [str(noisy_faces / name) for name in ("train", "val")]
    run_dir = tmp_path_factory.mktemp("runs") / "adaptive"
    return config, folders, train(config, folders[:1], run_dir, validation=folders[1])


def test_a_run_logs_its_probability_and_saves_it(adaptive_run):
    _, _, run_dir = adaptive_run
    name = "health/augment_probability"
    found = [line[name] for line in lines_of(run_dir) if name in line]
    assert len(found) == 4  # one per check
    assert len(set(found)) > 1
    saved = json.loads((run_dir / "checkpoints" / "image-000000064.json").read_text())
    assert saved["augment_probability"] == pytest.approx(found[-1])


def test_a_stopped_run_goes_on_with_its_probability(adaptive_run, tmp_path):
    config, folders, whole = adaptive_run
    run_dir = shutil.copytree(whole, tmp_path / "again")
    for path in (run_dir / "checkpoints").iterdir():
        if int(path.stem.removeprefix("image-")) > 16:
            path.unlink()
    train(config, folders[:1], run_dir, validation=folders[1])
    name = "checkpoints/image-000000064"
    one, other = (load_file(folder / f"{name}.safetensors") for folder in (whole, run_dir))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    one, other = (json.loads((folder / f"{name}.json").read_text()) for folder in (whole, run_dir))
    assert one["augment_probability"] == other["augment_probability"]


def test_the_diagnostics_of_a_run_are_printed_at_each_validation(adaptive_run, tmp_path, capsys):
    config, folders, _ = adaptive_run
    config = replace(config, total_images=32, report_images=16)
    train(config, folders[:1], tmp_path / "run", validation=folders[1])
    printed = " ".join(capsys.readouterr().err.split())
    assert "Critic: estimate" in printed
    assert "validation images (" in printed
    assert "augmentation 0." in printed
