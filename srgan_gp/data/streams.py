"""Random number streams of a run: functions of the seed and a number, such as the image number.

They have no state: a resumed run draws the same numbers as an uninterrupted one. NumPy pads a short
seed with zeros, so that [7, 1] and [7, 1, 0] give the same numbers. Every stream therefore has its
own number above 0, and within a stream no key equals another one with zeros at its end.
Metrics of sets draw from a plain seed, which does not equal a key of a stream.
"""

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """Names of the streams, with the keys and what is drawn. A number must not be used again."""

    CROP = 1  # image number -> window, flips and quarter turns
    EPSILON = 2  # image number -> position between the real and the generated image
    DAMAGE = 3  # image number -> parameters of the degradation; with a round from 1 on -> its noise
    ROLL = 4  # step -> shift of the output for the perceptual loss
    LATENT = 5  # image number -> latent
    SHRINK = 6  # image number -> factor by which a window is downscaled
    AUGMENTATION = 7  # image number, kind of the critic's input -> augmentations
    SHIFT = 8  # step -> shift of the input for the shift-equivariance loss
    ORDER = 9  # epoch -> order of the images
    WINDOW = 10  # number of the batch's first image -> shift of the window for a feature critic
    NOISE = 11  # image number -> noise of a penalty


def generator_of(seed: int, stream: Stream, *numbers: int) -> np.random.Generator:
    """Return the generator for one item of a stream.

    Args:
        seed: seed of the run, at least 0.
        stream: the stream.
        numbers: key of the item, each at least 0 and below 2^32.
    """
    return np.random.default_rng([seed, stream, *numbers])
