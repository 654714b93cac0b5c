"""Colour shift: difference of the mean colours of two sets of images.

Training and fine-tuning report it. It is large if a network changes the colours of images.
"""

import numpy as np


def colour_shift(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Largest absolute difference, over the three channels, of the mean levels of two sets.

    Args:
        outputs: (..., 3), uint8 RGB: an image, or a stack of them.
        targets: (..., 3), uint8 RGB; the number of pixels may differ.

    Returns:
        Levels, in [0, 255].
    """
    output_means = outputs.reshape(-1, 3).mean(0, dtype=np.float64)
    target_means = targets.reshape(-1, 3).mean(0, dtype=np.float64)
    return float(np.abs(output_means - target_means).max())
