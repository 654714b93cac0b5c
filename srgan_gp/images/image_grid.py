"""Images of one size on one sheet, edge to edge."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def tiled(pictures: Iterable[Array], columns: int, rows: int) -> Array:
    """Lay pictures out row by row.

    Args:
        pictures: columns * rows of them, all (H, W, C) of one shape and dtype; taken one at a time.
        columns: pictures beside each other.
        rows: pictures below each other.

    Returns:
        (rows * H, columns * W, C), the dtype of the pictures.

    Raises:
        ValueError: there are more or fewer pictures, or none, or one has another shape.
    """
    sheet: Array | None = None
    for place, picture in zip(range(columns * rows), pictures, strict=True):
        height, width, channels = picture.shape
        if sheet is None:
            sheet = np.empty((rows * height, columns * width, channels), picture.dtype)
        top, left = place // columns * height, place % columns * width
        sheet[top : top + height, left : left + width] = picture
    if sheet is None:
        raise ValueError("a sheet needs at least one picture")
    return sheet
