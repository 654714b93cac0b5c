"""`filter_rows`: the five PNG filters, and the choice of one for each row, vectorised."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def filter_rows(rows: Bytes, above: Bytes, bytes_per_pixel: int) -> Bytes:
    """Filter each row with the filter of the smallest differences.

    As in libpng, that is the least sum of absolute differences, read as signed bytes.

    Args:
        rows: (N, B), uint8, the big-endian samples of N rows.
        above: (B,), uint8, the row above the first one; zeros at the top of the image.
        bytes_per_pixel: distance to the same byte of the left neighbour.

    Returns:
        (N, 1 + B), uint8: the number of the filter and the filtered row.
    """
    count, width = rows.shape
    best = np.empty((count, 1 + width), np.uint8)
    costs = np.full(count, np.iinfo(np.uint32).max, np.uint32)
    for number, differences in enumerate(_candidates(rows, above, bytes_per_pixel)):
        cost = np.abs(differences.view(np.int8)).view(np.uint8).sum(axis=1, dtype=np.uint32)
        better = cost < costs
        best[better, 0] = number
        best[better, 1:] = differences[better]
        np.minimum(costs, cost, out=costs)
    return best


def _candidates(rows: Bytes, above: Bytes, bytes_per_pixel: int) -> Iterator[Bytes]:
    """Yield the rows under the filters None, Sub, Up, Average and Paeth (PNG 1.2, chapter 6)."""
    left, up, corner = np.zeros_like(rows), np.empty_like(rows), np.zeros_like(rows)
    left[:, bytes_per_pixel:] = rows[:, :-bytes_per_pixel]
    up[0], up[1:] = above, rows[:-1]
    corner[:, bytes_per_pixel:] = up[:, :-bytes_per_pixel]
    yield rows
    yield rows - left  # modulo 256, as the format requires
    yield rows - up
    half: Bytes = (left ^ up) >> np.uint8(1)
    yield rows - ((left & up) + half)  # half the sum, without a ninth bit
    nearest: Bytes = _paeth(left, up, corner)
    yield rows - nearest


def _paeth(left: Bytes, up: Bytes, corner: Bytes) -> Bytes:
    """Return for each byte the neighbour that is nearest to left + up - corner."""
    to_left, to_up = up.astype(np.int16) - corner, left.astype(np.int16) - corner
    to_corner = np.abs(to_left + to_up)
    to_left, to_up = np.abs(to_left), np.abs(to_up)
    nearest = np.where(to_up <= to_corner, up, corner)
    is_left: NDArray[np.bool_] = (to_left <= to_up) & (to_left <= to_corner)
    return np.where(is_left, left, nearest)
