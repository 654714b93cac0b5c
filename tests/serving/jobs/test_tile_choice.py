"""Tiles are quick where the speed allows, and never compute much more than needed."""

import math

import pytest

from srgan_gp.serving.jobs.tile_choice import MAX_COMPUTED_SHARE, MAX_TILE_SECONDS, tile_for


def computed_share(size, tile, overlap):
    """Return the pixels of all windows for each pixel of the image."""
    shares = []
    for side in size:
        count = math.ceil(side / tile)
        edges = [(max(n * tile - overlap, 0), min((n + 1) * tile + overlap, side))
                 for n in range(count)]  # fmt: skip
        shares.append(sum(end - start for start, end in edges) / side)
    return math.prod(shares)


@pytest.mark.parametrize(
    "size", [(4000, 3000), (5000, 5000), (1000, 20_000), (1500, 1100), (900, 800)]
)
@pytest.mark.parametrize("overlap", [0, 8, 16, 27])
@pytest.mark.parametrize("speed", [0.5, 5.0, 40.0])
def test_tiles_are_economical_and_as_quick_as_that_allows(size, overlap, speed):
    tile = tile_for(size, overlap, speed)
    if tile == "auto":
        return
    assert computed_share(size, tile, overlap) <= MAX_COMPUTED_SHARE
    economical = 2 * overlap / (math.sqrt(MAX_COMPUTED_SHARE) - 1)
    seconds = (tile + 2 * overlap) ** 2 / 1e6 * speed
    # Equal tiles are at most twice as long as the smallest ones.
    assert seconds <= 4.5 * MAX_TILE_SECONDS or tile <= 2 * economical + 1


def test_without_a_speed_or_overlap_the_usual_tiles_are_used():
    assert tile_for((4000, 3000), None, 5.0) == tile_for((4000, 3000), 8, None) == "auto"
