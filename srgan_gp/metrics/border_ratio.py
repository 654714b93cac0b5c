"""Border ratio: detects a frame, a ring of unlike pixels along the edges of generated images.

Padding in the layers of a generator may cause such a frame. `evaluation.face_scores` reports the
ratio.
"""

import numpy as np


def border_contrast(images: np.ndarray) -> float:
    """Mean absolute difference between the outermost ring of pixels and the next one inwards.

    Each pixel of the outermost ring is compared with its neighbour towards the centre; corners,
    which have none, are not used.

    Args:
        images: (N, H, W, C), uint8, sides of at least 3.

    Returns:
        Levels, in [0, 255], averaged over images, pixels and channels.

    Raises:
        ValueError: there are no images, or they are too small.
    """
    if images.ndim != 4 or not len(images) or min(images.shape[1:3]) < 3:
        raise ValueError(f"need (N, H, W, C) with sides of at least 3, got {images.shape}")
    values = images.astype(np.int16)
    inner = slice(1, -1)  # without the corners
    differences = [
        values[:, 0, inner] - values[:, 1, inner],
        values[:, -1, inner] - values[:, -2, inner],
        values[:, inner, 0] - values[:, inner, 1],
        values[:, inner, -1] - values[:, inner, -2],
    ]
    return float(np.abs(np.concatenate(differences, axis=1)).mean(dtype=np.float64))


def border_ratio(images: np.ndarray, real: np.ndarray) -> float | None:
    """Border contrast of generated images, divided by that of real images.

    Args:
        images: generated, (N, H, W, C), uint8.
        real: real images, (M, H, W, C), uint8.

    Returns:
        About 1 for real images, larger for images with a frame; None if the real contrast is 0.

    Raises:
        ValueError: as for `border_contrast`.
    """
    real_contrast = border_contrast(real)
    if real_contrast == 0:
        return None
    return border_contrast(images) / real_contrast
