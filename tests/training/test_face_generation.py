"""The task `face-generation`: its batches, its scores, and what it refuses at the start."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from srgan_gp.errors import UsageError
from srgan_gp.exporting.export import load_run
from srgan_gp.training.distributed import Processes
from srgan_gp.training.ema import MovingAverage
from srgan_gp.training.loop import train
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.tasks import FaceGeneration
from srgan_gp.training.tasks.face_generation import draw_training_latents, face_cache

CPU = torch.device("cpu")
TINY = replace(PRESETS["tiny-faces"], device="cpu")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder of six pictures of 16 x 16, each brighter on its left."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    for n in range(6):
        pixels = rng.integers(0, 100, (16, 16, 3), dtype=np.uint8)
        pixels[:, :8] += 100
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


def task(place, validation=None, **changes):
    return FaceGeneration(replace(TINY, **changes), [str(place)], validation, CPU, Processes(CPU))


def test_a_batch_holds_normal_latents_and_every_face_once_an_epoch(faces):
    batches = list(task(faces, total_images=12, batch_size=3).batches(0))
    assert [batch.numbers for batch in batches] == [range(n, n + 3) for n in (0, 3, 6, 9)]
    assert all(batch.inputs.shape == (3, 8) and batch.condition is None for batch in batches)
    first_epoch = torch.cat([batch.targets for batch in batches[:2]])
    brightness = sorted(first_epoch.mean((1, 2, 3)).tolist())
    originals = [np.asarray(Image.open(p)).mean() / 255 for p in faces.iterdir()]
    assert brightness == pytest.approx(sorted(originals), abs=1e-6)


def test_faces_are_mirrored_half_of_the_time_and_never_turned(faces):
    targets = torch.cat([batch.targets for batch in task(faces, total_images=200).batches(0)])
    left, right = targets[..., :8].mean((1, 2, 3)), targets[..., 8:].mean((1, 2, 3))
    top, bottom = targets[:, :, :8].mean((1, 2, 3)), targets[:, :, 8:].mean((1, 2, 3))
    assert 60 < (left > right).sum() < 140
    assert (left - right).abs().min() > 0.3
    assert (top - bottom).abs().max() < 0.1


def test_the_calibration_faces_are_spread_over_the_whole_set(faces, monkeypatch):
    monkeypatch.setattr("srgan_gp.training.tasks.face_generation.CALIBRATION_FACES", 4)
    opened = task(faces)
    images = [opened._faces.images[index] for index in range(6)]
    chosen = list(opened._calibration_faces())
    assert [index for index in range(6) for c in chosen if (images[index] == c).all()] == [
        0, 1, 3, 4
    ]  # fmt: skip


def test_a_run_is_scored_on_the_half_of_the_faces_that_reports_do_not_use(faces, monkeypatch):
    monkeypatch.setattr("srgan_gp.data.validation_halves.FEWEST_TO_SPLIT", 6)
    batch = task(faces, str(faces)).validation_batch()
    found = sorted(batch.targets.mean((1, 2, 3)).tolist())
    half = [np.asarray(Image.open(faces / f"{n}.png")).mean() / 255 for n in (0, 2, 4)]
    assert found == pytest.approx(sorted(half), abs=1e-6)


def test_batches_are_the_same_after_a_stop(faces):
    whole = list(task(faces, total_images=24).batches(0))
    rest = list(task(faces, total_images=24).batches(12))
    for one, other in zip(whole[3:], rest, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)


def test_a_latent_depends_on_its_number_alone():
    assert np.array_equal(
        draw_training_latents(1, range(4), 8)[2:], draw_training_latents(1, range(2, 4), 8)
    )
    assert not np.array_equal(draw_training_latents(1, [0], 8), draw_training_latents(2, [0], 8))


def test_larger_faces_are_shrunk_as_a_whole(tmp_path):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 200
    Image.fromarray(pixels).save(tmp_path / "face.png")
    batch = next(task(tmp_path, batch_size=1, total_images=1).batches(0))
    assert batch.targets.shape == (1, 3, 16, 16)
    halves = batch.targets[..., :6].mean().item(), batch.targets[..., 10:].mean().item()
    assert sorted(halves) == pytest.approx([0, 200 / 255], abs=0.02)


@pytest.mark.parametrize(("size", "text"), [((16, 20), "20 x 16"), ((12, 12), "below 16")])
def test_pictures_that_are_no_aligned_faces_are_refused(tmp_path, size, text):
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match=text):
        list(task(tmp_path).batches(0))


def test_a_run_without_a_critic_is_refused(faces):
    with pytest.raises(UsageError, match="adversarial_ratio"):
        task(faces, adversarial_ratio=0.0)


def test_a_generator_of_another_task_is_refused(faces):
    with pytest.raises(UsageError, match="'srresnet' is for super-resolution"):
        task(faces, generator="srresnet").build_generator()


def test_the_real_faces_score_better_than_a_fresh_generator(faces):
    scored = task(faces, str(faces))
    fresh = scored.validate(scored.build_generator())
    real = torch.from_numpy(scored._validation.faces / np.float32(255)).permute(0, 3, 1, 2)
    perfect = scored.validate(lambda latents: real[: len(latents)])
    assert perfect["patch_distance"] == 0 < fresh["patch_distance"]


def test_the_preview_shows_the_same_latents_each_time(faces):
    some = task(faces)
    generator = some.build_generator()
    (shown,) = some.preview(generator).values()
    assert shown.shape == (128, 128, 3)
    assert np.array_equal(some.preview(generator)["result now"], shown)


def test_a_run_resumes_to_the_same_bits(faces, tmp_path):
    def run():
        train(TINY, [str(faces)], tmp_path, validation=str(faces))
        return load_run(tmp_path)[1].state_dict()

    whole = run()
    assert any(key.startswith("stages") for key in whole)
    newest = tmp_path / "checkpoints" / "image-000000064"
    for suffix in (".json", ".safetensors"):
        newest.with_suffix(suffix).unlink()
    for name, value in run().items():
        assert torch.equal(value, whole[name])


def test_half_of_the_weights_are_forgotten_after_the_half_life():
    config = replace(TINY, batch_size=4, critic_steps=2, ema_half_life_images=80)
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    average = MovingAverage(network, config.average_decay)
    torch.nn.init.zeros_(network.weight)
    for _ in range(10):  # steps of the generator, each after eight images
        average.update(network, step=10_000)
    assert average.average.weight.item() == pytest.approx(0.5, rel=1e-5)


def test_the_message_about_a_face_that_is_not_square_names_its_file(faces, tmp_path):
    Image.new("RGB", (16, 20)).save(tmp_path / "tall.png")
    images = face_cache([str(faces), str(tmp_path)], TINY)
    with pytest.raises(UsageError, match=r"square, but .*tall\.png has 16 x 20 pixels"):
        images[6]
