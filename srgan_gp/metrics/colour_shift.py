"""Colour shift: difference of the mean colours of two sets of images."""

import numpy as np


def colour_shift(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Largest absolute difference of the means of a channel.

    Args:
        outputs: (..., 3), uint8 RGB: an image, or a stack of them.
        targets: (..., 3), uint8 RGB; the number of pixels may differ.

    Returns:
        In levels of 255, at least 0.
    """
    means = [pixels.reshape(-1, 3).mean(0, dtype=np.float64) for pixels in (outputs, targets)]
    return float(np.abs(means[0] - means[1]).max())
