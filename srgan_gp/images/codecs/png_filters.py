"""`filter_rows`: the PNG filter Paeth for a band of rows, vectorised.

A PNG filter replaces each byte by its difference to a prediction, which compresses better. Paeth
predicts from the pixels on the left, above, and above on the left. Paeth alone compresses photos
and upscaled images about as well as the best filter of each row.

Own code, because the encoders of OpenCV and Pillow filter and compress whole images in one thread.

Source:
    Portable Network Graphics (PNG) Specification, third edition, section 9.
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

NONE, PAETH = 0, 4
"""Numbers of the filters, stored as the first byte of each row."""

# Bytes filtered at a time, so that the temporary arrays stay in the CPU cache. Fewer bytes would
# need more calls of numpy.
_CACHED_BYTES = 1 << 16


def filter_rows(rows: Bytes, above: Bytes, bytes_per_pixel: int) -> Bytes:
    """Filter each row with Paeth.

    Args:
        rows: (N, B), uint8, the big-endian samples of N rows.
        above: (B,), uint8, the row above the first one; zeros at the top of the image.
        bytes_per_pixel: distance to the same byte of the pixel on the left.

    Returns:
        (N, 1 + B), uint8: the number of the filter, and the filtered row.
    """
    row_count, row_bytes = rows.shape
    filtered = np.empty((row_count, 1 + row_bytes), np.uint8)
    filtered[:, 0] = PAETH
    part_rows = max(1, _CACHED_BYTES // row_bytes)
    # A part of the rows, with the row above it, and with zeros for the pixels left of the image.
    padded = np.zeros((part_rows + 1, bytes_per_pixel + row_bytes), np.uint8)
    padded[0, bytes_per_pixel:] = above
    for top in range(0, row_count, part_rows):
        part = rows[top : top + part_rows]
        size = len(part)
        padded[1 : size + 1, bytes_per_pixel:] = part
        left = padded[1 : size + 1, :-bytes_per_pixel]
        up = padded[:size, bytes_per_pixel:]
        up_left = padded[:size, :-bytes_per_pixel]
        prediction = _paeth(left, up, up_left)
        # uint8 subtracts modulo 256, as the format requires.
        np.subtract(part, prediction, out=filtered[top : top + size, 1:])
        padded[0, bytes_per_pixel:] = part[-1]
    return filtered


def mark_rows_unfiltered(rows: Bytes) -> Bytes:
    """Put the number of the filter None before each row; this filter leaves the bytes as they are.

    Args:
        rows: (N, B), uint8.

    Returns:
        (N, 1 + B), uint8.
    """
    return np.pad(rows, ((0, 0), (1, 0)), constant_values=NONE)


def _paeth(left: Bytes, up: Bytes, up_left: Bytes) -> Bytes:
    """Return for each byte the neighbour that is nearest to left + up - up_left.

    With equal distances, left precedes up, and up precedes up_left. The distances are

        of left:    |up - up_left|
        of up:      |left - up_left|
        of up_left: |left + up - 2 * up_left|

    The distance of up_left might exceed 8 bits. But up_left can be the nearest only if it lies
    between left and up, and then its distance is the difference of the other two distances.
    """
    # `left_distance` and `buffer` are reused, because memory takes longer than the arithmetic.
    left_distance, buffer = np.maximum(up, up_left), np.minimum(up, up_left)
    left_distance -= buffer
    up_distance = np.maximum(left, up_left)
    up_distance -= np.minimum(left, up_left, out=buffer)
    left_is_nearer = left_distance <= up_distance
    smaller = np.minimum(left_distance, up_distance, out=buffer)
    up_left_distance = np.maximum(left_distance, up_distance, out=left_distance)
    up_left_distance -= smaller
    is_between = (left < up_left) != (up < up_left)
    is_between &= up_left_distance < smaller
    return _select(is_between, up_left, _select(left_is_nearer, left, up))


def _select(mask: NDArray[np.bool_], yes: Bytes, no: Bytes) -> Bytes:
    """Return `numpy.where(mask, yes, no)`, several times faster; the mask is overwritten."""
    bits = mask.view(np.uint8)
    np.negative(bits, out=bits)  # 1 becomes 255, all bits
    selected = yes ^ no
    selected &= bits
    selected ^= no  # no ^ (yes ^ no) is yes
    return selected
