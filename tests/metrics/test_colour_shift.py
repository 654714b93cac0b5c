import numpy as np

from srgan_gp.metrics.colour_shift import colour_shift


def test_the_shift_is_that_of_the_channel_that_moved_most(rng):
    target = rng.integers(20, 200, (9, 7, 3), dtype=np.uint8)
    output = target + np.array([3, 0, 11], np.uint8)
    assert colour_shift(output, target) == 11
    assert colour_shift(target, output) == 11
    assert colour_shift(target, target) == 0


def test_sets_of_other_sizes_are_compared_by_their_means():
    dark, light = np.full((2, 4, 4, 3), 10, np.uint8), np.full((5, 8, 8, 3), 12, np.uint8)
    assert colour_shift(dark, light) == 2
