import numpy as np
import pytest
from torch import nn

from srgan_gp.losses.features import Features
from srgan_gp.metrics import diversity, feature_distances
from srgan_gp.metrics.diversity import pairwise_distance


@pytest.fixture(scope="module")
def features():
    """A network whose only map is the normalised colour, of unit length."""
    return Features(nn.Sequential(nn.Identity()), (0,), 1)


def flat(*colours):
    return np.array(colours, np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)


def unit(*colour):
    value = (np.array(colour) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return value / np.linalg.norm(value)


def test_two_colours_are_as_far_apart_as_their_directions(features):
    expected = np.square(unit(255, 0, 0) - unit(0, 0, 255)).sum()
    found = pairwise_distance(features, flat((255, 0, 0), (0, 0, 255)))
    assert found == pytest.approx(expected, rel=1e-5)


def test_three_images_make_all_their_three_pairs(features):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    one, two, three = (unit(*colour) for colour in colours)
    expected = np.mean(
        [np.square(a - b).sum() for a, b in ((one, two), (two, three), (one, three))]
    )
    for seed in range(3):
        found = pairwise_distance(features, flat(*colours), seed)
        assert found == pytest.approx(expected, rel=1e-5)


def test_equal_images_have_no_diversity(features):
    assert pairwise_distance(features, flat(*[(9, 90, 200)] * 5)) == 0


def test_many_images_come_near_the_mean_of_all_pairs(features, rng, monkeypatch):
    colours = rng.integers(0, 256, (400, 3))
    units = np.stack([unit(*colour) for colour in colours])
    every = np.square(units[:, None] - units).sum(2)
    mean = every.sum() / (400 * 399)
    found = pairwise_distance(features, flat(*colours))
    assert found == pytest.approx(mean, abs=4 * every.std() / np.sqrt(400))
    monkeypatch.setattr(feature_distances, "BATCH", 7)
    assert pairwise_distance(features, flat(*colours)) == pytest.approx(found, rel=1e-5)


def test_of_many_images_some_are_drawn(features, monkeypatch):
    monkeypatch.setattr(diversity, "MAX_IMAGES", 2)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    one, two, three = (unit(*colour) for colour in colours)
    pairs = [np.square(a - b).sum() for a, b in ((one, two), (two, three), (one, three))]
    found = {round(pairwise_distance(features, flat(*colours), seed), 4) for seed in range(20)}
    assert found == {round(float(pair), 4) for pair in pairs}


def test_one_image_makes_no_pair(features):
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        pairwise_distance(features, flat((1, 2, 3)))
