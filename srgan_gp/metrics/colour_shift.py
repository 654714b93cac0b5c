"""Colour shift between two sets of images."""

import numpy as np


def colour_shift(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Largest difference of the mean of a channel.

    Args:
        outputs: (..., 3), uint8 RGB: a picture, or a stack of them.
        targets: (..., 3), uint8 RGB; it may hold another number of pixels.

    Returns:
        Levels of 255, at least 0.
    """
    means = [pixels.reshape(-1, 3).mean(0, dtype=np.float64) for pixels in (outputs, targets)]
    return float(np.abs(means[0] - means[1]).max())
