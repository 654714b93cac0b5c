"""The random streams of a run: no two items draw the same numbers."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

import srgan_gp
from srgan_gp.data import augmentations, datasets, degradation_draws, degradations
from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.training.critic import critic_parts, critic_penalty
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import face_generation, super_resolution


def test_numpy_pads_a_seed_with_zeros():
    first, padded = (np.random.default_rng(key).random(4) for key in ([7, 1], [7, 1, 0]))
    assert np.array_equal(first, padded)


@pytest.fixture
def keys(monkeypatch):
    """Collect the keys that are drawn from, in the order of the draws."""
    found = []

    def noted(seed, stream, *numbers):
        found.append((seed, int(stream), *numbers))
        return generator_of(seed, stream, *numbers)

    for module in (
        augmentations,
        datasets,
        degradations,
        degradation_draws,
        critic_parts,
        critic_penalty,
        face_generation,
        super_resolution,
    ):
        monkeypatch.setattr(module, "generator_of", noted)
    return found


class Noise:
    """Four images of noise."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.random.default_rng(index).integers(0, 256, (24, 24, 3), np.uint8)


def test_no_two_streams_of_a_run_draw_the_same_numbers(keys):
    # Everything that a run draws for its first 40 images, in ten epochs.
    numbers, seed = range(40), 5
    datasets.RandomCrops(Noise(), seed, shrink_share=0.5).batch(0, 40, 8)
    mixture = degradation_draws.draw(seed, numbers, clean_share=0.0)
    images = np.random.default_rng(0).integers(0, 256, (40, 3, 64, 64)).astype(np.float32)
    degradations.degrade(torch.from_numpy(images), 4, mixture)
    critic_penalty.draw_epsilon(seed, numbers)
    critic_penalty.draw_noise(seed, numbers, (2,))
    super_resolution.draw_feature_noise(seed, numbers, 2)
    for number in numbers:
        critic_parts.draw_shift(torch.nn.Identity(), TrainConfig(seed=seed), number)
    face_generation.draw_training_latents(seed, numbers, 8)
    for part in range(3):
        augmentations.draw_augmentations(seed, numbers, ["colour"], 1.0, part)
    assert {key[1] for key in keys} == set(Stream) - {Stream.PERCEPTUAL_CROP, Stream.SHIFT}
    first = {key: tuple(np.random.default_rng(key).integers(2**63, size=3)) for key in keys}
    assert len(set(first.values())) == len(first) > 300
    plain = {tuple(np.random.default_rng(seed).integers(2**63, size=3)) for seed in range(50)}
    assert not plain & set(first.values())


def test_the_order_of_an_epoch_is_not_drawn_like_any_image():
    for stream, number in product(Stream, range(3)):
        for epoch in range(12):
            same = (stream, number) == (Stream.ORDER, epoch)
            drawn = generator_of(0, Stream.ORDER, epoch).random()
            assert (drawn == generator_of(0, stream, number).random()) is same


def test_all_streams_are_in_one_list():
    folder = Path(srgan_gp.__file__).parent
    elsewhere = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"(default_rng|SeedSequence)\(\s*[\[(]", path.read_text())
    ]
    assert elsewhere == ["data/streams.py"]
