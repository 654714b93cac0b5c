"""Shipped models of faces: different people, and an even way from one to another."""

from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.models.cards import FACES, read_card

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
NAMES = [card.name for card in map(read_card, WEIGHTS.glob("*.toml")) if card.task == FACES]


@pytest.fixture(params=NAMES or ["random weights"])
def generator(request, tiny_face_model):
    """Each shipped model of faces; while there is none, one with random weights."""
    return FaceGenerator.load(request.param if NAMES else tiny_face_model(), device="cpu")


def distance(first, second):
    """Root mean square difference of two faces, in levels."""
    return float(np.sqrt(((first.astype(float) - second) ** 2).mean()))


def test_the_way_between_two_different_faces_is_even(generator):
    faces = generator.generate(count=12)
    apart = {pair: distance(*faces[list(pair)]) for pair in combinations(range(12), 2)}
    median = np.median(list(apart.values()))
    first, second = next(pair for pair, far in apart.items() if far >= median)
    frames = list(generator.interpolate(first, second, frames=30))
    steps = [distance(*pair) for pair in pairwise(frames)]
    assert max(steps) <= 3 * np.median(steps)
    assert distance(frames[0], frames[-1]) >= median


def test_a_seed_is_the_same_face_in_any_batch(generator):
    batch = generator.generate(seed=3, count=4)
    for number, face in enumerate(batch):
        np.testing.assert_array_equal(generator.generate(seed=3 + number)[0], face)


def test_truncation_brings_faces_together(generator):
    spread = [
        generator.generate(count=8, truncation=psi).astype(float).std(axis=0).mean()
        for psi in (0, 0.5, 1)
    ]
    assert spread[0] == 0 < spread[1] < spread[2]
