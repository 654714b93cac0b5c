import numpy as np
import pytest
import torch
from torch import nn

from srgan_gp.losses.features import Features
from srgan_gp.training import memorisation
from srgan_gp.training.feature_distances import pooled_features
from srgan_gp.training.memorisation import ALARM, memorisation_ratio, nearest_distances


@pytest.fixture(scope="module")
def features():
    """A small network with random weights; distances in it are as good as in any other."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 32, 7, 4), nn.ReLU(), nn.Conv2d(32, 64, 3, 2))
    return Features(layers, (2,), 17)


def smooth_pictures(rng, count):
    """Draw pictures of one kind: waves with random colours, periods and phases."""
    rows, columns = np.indices((32, 32))[..., None] / 32
    phases, periods = rng.uniform(0, 6, (count, 2, 3)), rng.uniform(2, 12, (count, 2, 3))
    waves = [
        np.sin(rows * up[0] + at[0]) * np.cos(columns * up[1] + at[1])
        for at, up in zip(phases, periods, strict=True)
    ]
    return np.rint(127.5 + 120 * np.stack(waves)).astype(np.uint8)


def spaced(count, offset):
    """Place points 10 apart on an axis of a space of three dimensions, moved sideways."""
    return np.stack([10.0 * np.arange(count), np.full(count, offset), np.zeros(count)], 1)


def test_the_nearest_reference_is_found_and_a_copy_is_exactly_there(rng):
    references = rng.standard_normal((60, 7)) + 100  # far from 0, where squares lose digits
    points = np.concatenate([references[::-1], rng.standard_normal((30, 7)) + 100])
    pairs = np.linalg.norm(points[:, None] - references, axis=2)
    found = nearest_distances(points, references)
    np.testing.assert_allclose(found, pairs.min(1), rtol=1e-12)
    assert not found[:60].any()


def test_blocks_change_nothing(rng, monkeypatch):
    points, references = rng.standard_normal((2, 25, 4))
    whole = nearest_distances(points, references)
    monkeypatch.setattr(memorisation, "BLOCK", 4)
    np.testing.assert_allclose(nearest_distances(points, references), whole, rtol=1e-12)


@pytest.mark.parametrize(("generated", "ratio"), [(0, 0), (1, 0.25), (2, 0.5), (4, 1), (5, 1.25)])
def test_the_ratio_is_that_of_the_medians(generated, ratio):
    found = memorisation_ratio(spaced(9, generated), spaced(20, 0), spaced(12, 4))
    assert found == pytest.approx(ratio)


def test_a_few_copies_do_not_change_the_median():
    generated = np.concatenate([spaced(4, 0), spaced(5, 4)])
    assert memorisation_ratio(generated, spaced(20, 0), spaced(12, 4)) == 1


def test_a_generator_that_repeats_its_training_pictures_is_caught(rng, features):
    train, held_out, anew = (smooth_pictures(rng, n) for n in (60, 30, 30))
    noise = rng.normal(0, 3, train[:30].shape)
    copies = (train[:30] + noise).clip(0, 255).astype(np.uint8)
    seen, unseen = pooled_features(features, train), pooled_features(features, held_out)
    assert memorisation_ratio(pooled_features(features, copies), seen, unseen) < ALARM
    assert memorisation_ratio(pooled_features(features, anew), seen, unseen) > 0.7


def test_training_pictures_are_no_held_out_ones():
    with pytest.raises(ValueError, match="half of the held-out pictures"):
        memorisation_ratio(spaced(3, 1), spaced(20, 0), spaced(12, 0))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="cannot compare"):
        nearest_distances(np.zeros((0, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="cannot compare"):
        nearest_distances(np.zeros((2, 3)), np.zeros((2, 4)))
