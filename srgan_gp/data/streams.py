"""Random number streams of a run: functions of the seed and a key, such as the image number.

A stream has no state: a resumed run draws the same numbers as an uninterrupted one. The image
number counts the training images since the start of the run, from 0 on.

The generator of an item is seeded with [seed, stream, *key]. NumPy pads a short seed with zeros, so
that [7, 1] and [7, 1, 0] give the same numbers. Every stream therefore has its own number above 0,
and within a stream no key equals another one with zeros at its end.
"""

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """Numbers of the streams; the comments give the key and what is drawn.

    The number of a removed stream must not be used again: runs would draw other numbers.
    """

    CROP = 1  # image number -> crop window, flips and quarter turns
    EPSILON = 2  # image number -> position between the real and the generated image, for a penalty
    DAMAGE = 3  # image number -> parameters of the degradation; image number, round -> its noise
    PERCEPTUAL_CROP = 4  # step -> crop of the output for the perceptual loss
    LATENT = 5  # image number -> latent
    SHRINK = 6  # image number -> factor by which a crop window is downscaled
    AUGMENTATION = 7  # image number; kind (real, generated or validation) -> augmentations
    SHIFT = 8  # step -> shift of the input for the shift-equivariance loss
    ORDER = 9  # epoch -> order of the images
    WINDOW = 10  # images seen before a batch -> shift of the window that `projected_critic` sees
    NOISE = 11  # image number -> noise of a penalty
    FEATURE_NOISE = 12  # image number -> noise on both images of the perceptual loss


def generator_of(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """Return the generator for one item of a stream.

    Args:
        seed: seed of the run, at least 0.
        stream: the stream.
        key: numbers of the item, see `Stream`: each at least 0, and below 2^32, because NumPy
            takes a larger number as two.
    """
    return np.random.default_rng([seed, stream, *key])
