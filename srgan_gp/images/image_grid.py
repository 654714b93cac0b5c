"""`join_in_grid`: join images of equal size to one image, a grid without gaps."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def join_in_grid(images: Iterable[Array], columns: int, rows: int) -> Array:
    """Join images to a grid: the first row from left to right, then the next row.

    Args:
        images: columns * rows arrays (H, W, C) of equal shape and dtype. They are read one at a
            time, so an iterator needs memory for one of them.
        columns: number of images in a row.
        rows: number of images in a column.

    Returns:
        (rows * H, columns * W, C), dtype of the images.

    Raises:
        ValueError: the number of images differs from columns * rows or is 0, or shapes differ.
    """
    sheet: Array | None = None
    first_shape: tuple[int, ...] = ()
    for index, image in zip(range(columns * rows), images, strict=True):
        height, width, channels = image.shape
        if sheet is None:  # the first image
            first_shape = image.shape
            sheet = np.empty((rows * height, columns * width, channels), image.dtype)
        if image.shape != first_shape:
            raise ValueError(
                f"the images of a grid need equal shapes: {first_shape} and {image.shape} differ"
            )
        row, column = divmod(index, columns)
        top, left = row * height, column * width
        sheet[top : top + height, left : left + width] = image
    if sheet is None:
        raise ValueError("a grid needs at least one image")
    return sheet
