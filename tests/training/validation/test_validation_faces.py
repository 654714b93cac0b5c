from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.metrics.aligned_face_distances import YunetFeatures
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.pretrained_networks import load_yunet
from srgan_gp.training.tasks.face_generation import face_cache
from srgan_gp.training.validation.validation_faces import ValidationFaces

CONFIG = replace(PRESETS["tiny-faces"], device="cpu")


@pytest.fixture
def cache(tmp_path):
    """Save `count` faces of noise, 16 x 16, drawn from a seed; gives their cache."""

    def make(count, seed):
        folder = tmp_path / f"{seed}"
        folder.mkdir(exist_ok=True)
        rng = np.random.default_rng(seed)
        for n in range(count):
            pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{n}.png")
        return face_cache([str(folder)], CONFIG)

    return make


class Fixed(nn.Module):
    """A generator that returns the same images for all latents."""

    def __init__(self, images):
        super().__init__()
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2) / 255

    def forward(self, latents):
        return self.images[: len(latents)]


def test_a_generator_of_training_faces_has_no_novelty_and_one_of_others_has(cache):
    train, held, other = cache(8, 1), cache(6, 2), cache(6, 3)
    faces = ValidationFaces(held, CONFIG, torch.device("cpu"), train)
    copies = Fixed(np.stack([train[n] for n in range(6)]))
    assert faces.scores(copies)["novelty"] == 0
    fresh = Fixed(np.stack([other[n] for n in range(6)]))
    assert faces.scores(fresh)["novelty"] == pytest.approx(1, abs=0.3)


def test_the_colour_shift_is_that_of_the_whole_set(cache):
    held = cache(6, 2)
    faces = ValidationFaces(held, CONFIG, torch.device("cpu"), cache(8, 1))
    assert faces.scores(Fixed(faces.faces))["colour_shift"] == 0
    darker = np.clip(faces.faces, 0, 200)
    expected = (faces.faces - darker).mean((0, 1, 2)).max()
    assert faces.scores(Fixed(darker))["colour_shift"] == pytest.approx(expected)


def test_without_training_faces_novelty_and_colour_shift_are_missing(cache):
    faces = ValidationFaces(cache(6, 2), CONFIG, torch.device("cpu"))
    assert not {"novelty", "colour_shift"} & faces.scores(Fixed(faces.faces)).keys()


def test_another_seed_gives_other_latents_and_the_same_seed_the_same(cache):
    faces = ValidationFaces(cache(6, 2), CONFIG, torch.device("cpu"), cache(8, 1))
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(8, 3 * 16 * 16), nn.Unflatten(1, (3, 16, 16)), nn.Sigmoid())
    first, again, other = (faces.scores(generator, seed) for seed in (0, 0, 1))
    assert first == again
    assert first["colour_shift"] != other["colour_shift"]


def test_the_message_about_copies_does_not_promise_to_find_those_saved_as_jpeg(cache, tmp_path):
    train = cache(8, 1)
    folder = tmp_path / "copies"
    folder.mkdir()
    for n in range(6):
        Image.fromarray(train[n]).save(folder / f"{n}.jpg", quality=95)
    copies = face_cache([str(folder)], CONFIG)
    ValidationFaces(copies, CONFIG, torch.device("cpu"), train)
    with pytest.raises(UsageError, match="too, perhaps mirrored, so scores"):
        ValidationFaces(train, CONFIG, torch.device("cpu"), train)


def test_validation_faces_that_are_training_faces_are_refused_before_any_score(cache, tmp_path):
    train = cache(8, 1)
    folder = tmp_path / "copies"
    folder.mkdir()
    for n in range(6):  # other files with the same faces, mirrored
        Image.fromarray(train[n][:, ::-1]).save(folder / f"{n}.png")
    copies = face_cache([str(folder)], CONFIG)
    with pytest.raises(UsageError, match="More than half of the validation faces are training"):
        ValidationFaces(copies, CONFIG, torch.device("cpu"), train)
    ValidationFaces(copies, CONFIG, torch.device("cpu"))


@pytest.mark.parametrize(("copied", "is_refused"), [(2, False), (3, True)])
def test_half_of_the_validation_faces_may_be_training_faces(cache, tmp_path, copied, is_refused):
    train = cache(8, 1)
    cache(4, 2)
    for n in range(copied):
        Image.fromarray(train[n]).save(tmp_path / "2" / f"{n}.png")
    held = face_cache([str(tmp_path / "2")], CONFIG)
    with pytest.raises(UsageError) if is_refused else nullcontext():
        ValidationFaces(held, CONFIG, torch.device("cpu"), train)


def test_a_damaged_training_face_is_skipped(cache, tmp_path):
    whole, held = cache(8, 1), cache(6, 2)
    expected = ValidationFaces(held, CONFIG, torch.device("cpu"), whole).scores(
        Fixed(np.repeat(whole[0][None], 6, 0))
    )
    (tmp_path / "1" / "damaged.png").write_bytes((tmp_path / "1" / "0.png").read_bytes()[:300])
    damaged = face_cache([str(tmp_path / "1")], CONFIG)
    assert len(damaged) == 9
    faces = ValidationFaces(held, CONFIG, torch.device("cpu"), damaged)
    assert faces.scores(Fixed(np.repeat(whole[0][None], 6, 0)))["novelty"] == expected["novelty"]


@pytest.mark.parametrize(("count", "size"), [(1, 16), (4, 8)])
def test_faces_that_cannot_be_scored_are_refused_before_a_run(cache, count, size):
    with pytest.raises(
        UsageError, match=rf"{count} validation faces of {size} pixels cannot be scored"
    ):
        ValidationFaces(cache(count, 2), replace(CONFIG, image_size=size), torch.device("cpu"))


def test_without_its_weights_the_scores_of_the_feature_network_are_missing(cache):
    config = replace(CONFIG, feature_weights="none")
    faces = ValidationFaces(cache(6, 2), config, torch.device("cpu"))
    assert faces.scores(Fixed(faces.faces)).keys() == {
        "fd_hog", "fd_pca", "patch_distance", "border_ratio"
    }  # fmt: skip


def test_real_faces_are_no_distance_from_themselves_and_noise_of_others_is(cache):
    faces = ValidationFaces(cache(6, 2), CONFIG, torch.device("cpu"))
    same = faces.scores(Fixed(faces.faces))
    assert same["fd_hog"] == pytest.approx(0, abs=1e-6)
    assert same["fd_pca"] == pytest.approx(0, abs=1e-6)
    assert same["border_ratio"] == 1
    other = cache(6, 3)
    found = faces.scores(Fixed(np.stack([other[n] for n in range(6)])))
    assert min(found["fd_hog"], found["fd_pca"]) > 0.1


def test_many_real_faces_are_compared_with_fewer_generated_ones(cache, monkeypatch):
    monkeypatch.setattr("srgan_gp.training.validation.validation_faces.MAX_GENERATED", 5)
    faces = ValidationFaces(cache(9, 2), CONFIG, torch.device("cpu"))
    assert len(faces.faces) == 9
    assert faces.latents.shape == (5, CONFIG.latent_size)
    assert faces.scores(Fixed(faces.faces))["patch_distance"] == 0


def test_a_detector_that_the_options_name_is_needed_and_none_is_not(cache, tmp_path):
    config = replace(CONFIG, face_detector=str(tmp_path / "missing.onnx"))
    with pytest.raises(UsageError, match=r"face detector .*missing\.onnx does not exist"):
        ValidationFaces(cache(6, 2), config, torch.device("cpu"))
    assert load_yunet(replace(CONFIG, face_detector="none")) is None
    assert load_yunet(CONFIG) is None  # the tests have no folder of models


def test_the_installed_detector_is_the_default(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    (tmp_path / "yunet.onnx").write_bytes(b"")
    maps = SimpleNamespace(features=lambda faces: faces.mean((1, 2)), sha256="")
    opened = []
    monkeypatch.setattr(YunetFeatures, "load", lambda file, _: opened.append(file) or maps)
    faces = ValidationFaces(cache(6, 2), CONFIG, torch.device("cpu"))
    assert opened == [tmp_path / "yunet.onnx"]
    assert next(iter(faces.scores(Fixed(faces.faces)))) == "fd_yunet"
    assert load_yunet(replace(CONFIG, face_detector="none")) is None
