"""The streams of random numbers of a run, each a function of its seed and an image number.

Nothing here has state: a resumed run draws what an uninterrupted one draws. NumPy pads a short seed
with zeros, so that [7, 1] and [7, 1, 0] give the same numbers. Every stream therefore has a number
of its own above 0; the keys of one stream have one length, or differ before the padding. What
measures a set draws from a plain seed, which equals no key of a stream.
"""

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """What is drawn; a number that has been used is never given to another stream."""

    CROP = 1  # image number -> window, flips and quarter turns
    EPSILON = 2  # image number -> place between the real and the generated image
    DAMAGE = 3  # image number -> parameters of the damage; with a round from 1 on -> its noise
    ROLL = 4  # step -> shift of the output for the perceptual loss
    LATENT = 5  # image number -> latent
    SHRINK = 6  # image number -> how much larger the window is cut
    AUGMENTATION = 7  # image number, which of the critic's inputs -> augmentations
    SHIFT = 8  # step -> shift of the input for the loss on shift equivariance
    ORDER = 9  # epoch -> order of the images
    WINDOW = 10  # step -> window of the images that a feature critic sees


def generator_of(seed: int, stream: Stream, *numbers: int) -> np.random.Generator:
    """Return the generator for one item of a stream.

    Args:
        seed: of the run, at least 0.
        stream: what is drawn.
        numbers: name the item, each at least 0 and below 2^32.
    """
    return np.random.default_rng([seed, stream, *numbers])
