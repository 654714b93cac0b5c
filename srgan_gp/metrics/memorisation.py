"""Memorisation (overfitting): distance of generated images to the training images.

A memorised image is much nearer to a training image than a new image is. The distance of new images
is measured on the validation set, real images that were not trained on. Reports call the ratio of
the two "novelty".

Images are compared by their layout: the image at 8 x 8 pixels, with normalised colour and contrast.
Pooled features of a classification network, which compare whole sets well, depend more on noise
than on the identity of a face. The table has the distance of altered copies of training images to
the training images, divided by that of validation images (1,024 faces of 64 x 64 pixels); a measure
that recognises copies gives small values:

    copies                   SqueezeNet features    layout
    noise of 8 levels        0.76                   0.03
    JPEG quality 30          0.92                   0.09
    mirrored                 0.67                   0
    moved by two pixels      0.43                   0.47
    mean face (not a copy)   1.21                   0.76
"""

import cv2
import numpy as np

ALARM = 0.5
"""Ratio below which a generator counts as memorising; chosen by this project. In the table above,
the copies are below it, and the mean face is above."""
# Pixels: side of a layout. With a larger one, a copy that is shifted by some pixels would be less
# similar to its original; with a smaller one, different faces would be more similar.
SIDE = 8
# Layouts with a smaller distance are equal; rounding errors are about 1e-13.
_MAX_EQUAL_DISTANCE = 1e-6
# Rows of the distance matrix in memory at a time: fewer are slower, more need more memory.
ROWS_AT_ONCE = 1024
_LEAST_CONTRAST = 1e-6  # levels: below it an image has one colour, but for rounding errors


def describe_layouts(images: np.ndarray) -> np.ndarray:
    """Downscale images to 8 x 8 pixels and normalise mean colour and contrast.

    Args:
        images: (N, H, W, 3), uint8 RGB, sides of at least 8.

    Returns:
        Layouts, (N, 192), float64, flattened from 8 x 8 x 3: each channel of an image has mean 0,
        and each image mean square 1, or only zeros if it has one colour.
    """
    downscaled = []
    for image in images:
        values = image.astype(np.float64)
        downscaled.append(cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    centred = np.stack(downscaled)  # (N, 8, 8, 3)
    centred -= centred.mean(axis=(1, 2), keepdims=True)
    contrast = np.sqrt(np.square(centred).mean(axis=(1, 2, 3), keepdims=True))
    contrast[contrast < _LEAST_CONTRAST] = 1
    return (centred / contrast).reshape(len(images), -1)


def memorisation_ratio(generated: np.ndarray, train: np.ndarray, validation: np.ndarray) -> float:
    """Median distance of generated images to the training set, over that of validation images.

    The distance of an image to the training set is that to the nearest training image, or to the
    nearest mirrored one, because training mirrors images at random.

    Args:
        generated: layouts of generated images, (N, 192), float64; see `describe_layouts`.
        train: layouts of all training images, (M, 192).
        validation: layouts of validation images, (K, 192).

    Returns:
        About 1 for a generator that produces new images of the distribution, 0 for one that copies;
        below `ALARM` it counts as memorising.

    Raises:
        ValueError: a set is empty, rows do not have 192 values, or more than half of the
            validation images are training images.

    Source:
        The layouts and the threshold are this project's own. The comparison with validation images:
        Meehan et al. 2020, arXiv:2004.05675.
    """
    known = np.concatenate([train, _mirror(train)])
    validation_distance = float(np.median(nearest_distances(validation, known)))
    if validation_distance < _MAX_EQUAL_DISTANCE:
        raise ValueError("more than half of the validation images are training images")
    generated_distance = float(np.median(nearest_distances(generated, known)))
    return generated_distance / validation_distance


def nearest_distances(points: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Compute the distance of each point to the nearest reference.

    Args:
        points: (N, D), float64.
        references: (M, D), float64.

    Returns:
        Euclidean distances, (N,), float64; exactly 0 for a copy.

    Raises:
        ValueError: a set is empty, or the dimensions differ.
    """
    if not len(points) or not len(references) or points.shape[1] != references.shape[1]:
        raise ValueError(f"cannot compare {points.shape} with {references.shape}")
    squared_lengths = np.square(references).sum(1)
    distances = []
    for first in range(0, len(points), ROWS_AT_ONCE):
        rows = points[first : first + ROWS_AT_ONCE]
        # |x - y|^2 - |x|^2 is least for the nearest y; as a distance it is not accurate enough.
        nearest = np.argmin(squared_lengths - 2 * rows @ references.T, axis=1)
        distances.append(np.linalg.norm(rows - references[nearest], axis=1))
    return np.concatenate(distances)


def _mirror(layouts: np.ndarray) -> np.ndarray:
    """Return the layouts, (N, 192), of the images mirrored left to right.

    Raises:
        ValueError: the shape is another one.
    """
    if layouts.ndim != 2 or layouts.shape[1] != SIDE * SIDE * 3:
        raise ValueError(f"need layouts (N, {SIDE * SIDE * 3}), got {layouts.shape}")
    return layouts.reshape(-1, SIDE, SIDE, 3)[:, :, ::-1].reshape(layouts.shape)
