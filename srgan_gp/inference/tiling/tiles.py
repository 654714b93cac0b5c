"""`run_tiled`: runs a network on overlapping windows of an image, so that memory stays bounded.

Each window contributes a tile: its output without the overlap, where pixels that the network needs
are missing. Own code, because the result must equal the result without tiles exactly; libraries
blend overlapping tiles.
"""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Network = Callable[[Floats], Floats]
"""Maps (N, C, h, w) to (N, C, h * scale, w * scale), float32."""
Progress = Callable[[int, int], None]
"""Called with (number done, total number)."""
Span = tuple[int, int]
"""Start and stop along one axis."""
Window = tuple[int, int]
"""Height and width of a window in input pixels, overlap included."""
Cut = Callable[[Span, Span], Floats]
"""Returns the window with these rows and columns of the input."""
Store = Callable[[Span, Span, Floats], None]
"""Stores values at these rows and columns of the result."""


def check_progress(on_progress: object) -> None:
    """Check the type of a caller's `on_progress`; None is allowed.

    Raises:
        TypeError: it is not a function.
    """
    if on_progress is not None and not callable(on_progress):
        raise TypeError(f"on_progress must be a function (done, total), got {on_progress!r}")


def run_tiled(
    network: Network,
    cut: Cut,
    store: Store,
    *,
    size: tuple[int, int],
    scale: int,
    window: Window,
    overlap: int,
    multiple: int = 1,
    on_progress: Progress | None = None,
) -> None:
    """Apply `network` to overlapping windows of an image and store the joined results.

    All windows have one shape and are cut from the image without padding: windows that would cross
    the border are shifted inwards. A window is never larger than the image. If `overlap` is at
    least the network's receptive radius, the result equals the result without tiles, bit for bit on
    a CPU. With less overlap, the borders of the tiles become visible.

    When a callback raises MemoryError, the window is halved along its longer side and only the
    current tile is repeated. The smaller window is used for the remaining tiles.

    Args:
        network: maps (1, C, h, w) to (1, C, h * scale, w * scale), float32, for any h and w that
            are multiples of `multiple`.
        cut: called with rows and columns; returns that window of the image, (1, C, h, w) float32.
        store: called with rows and columns of the result, and the values, (1, C, h, w) float32;
            every pixel of the result is stored once.
        size: height and width of the image, multiples of `multiple`.
        scale: scale factor of `network`.
        window: height and width of the windows, in input pixels; sides that are longer than the
            image's are shortened to them.
        overlap: context on every side of a tile, in input pixels; its output is discarded.
        multiple: windows start at multiples of it, and their sides are multiples of it.
        on_progress: called with (tiles done, number of tiles) after each tile. The number grows
            when the window is halved. An exception in it ends the run.

    Raises:
        ValueError: `overlap` is negative, a window that is smaller than the image would keep no
            pixels, or a side is not a multiple.
        MemoryError: even the smallest possible window does not fit.
    """
    height, width = size
    window = (min(window[0], height), min(window[1], width))
    if any(side % multiple for side in (*size, *window)):
        raise ValueError(f"sides of {size} and {window} are not multiples of {multiple}")
    if overlap < 0:
        raise ValueError(f"need an overlap of 0 or more, got {overlap}")
    overlap += -overlap % multiple  # rounded up, because windows start at multiples
    smallest = 2 * overlap + multiple  # side of the smallest window that keeps pixels
    if any(side < min(length, smallest) for side, length in zip(window, size, strict=True)):
        raise ValueError(f"windows of {window} keep no pixels at an overlap of {overlap}")
    # Parts of the image, (rows, columns), that are not stored yet, in order.
    regions, done = deque([((0, height), (0, width))]), 0
    while regions:
        rows, columns = regions.popleft()
        windows_y = list(_windows(rows, height, window[0], overlap))
        windows_x = list(_windows(columns, width, window[1], overlap))
        if len(windows_y) * len(windows_x) > 1:
            # The region is the whole image, or a tile whose window was halved: split it into tiles.
            tiles = [(tile_y, tile_x) for _, tile_y in windows_y for _, tile_x in windows_x]
            regions.extendleft(reversed(tiles))
            continue
        # Upper left corner of the window, and the rows and columns of the tile to store.
        [(y, (top, bottom))], [(x, (left, right))] = windows_y, windows_x
        try:
            upscaled = network(cut((y, y + window[0]), (x, x + window[1])))
            inner_rows = slice((top - y) * scale, (bottom - y) * scale)
            inner_columns = slice((left - x) * scale, (right - x) * scale)
            inner = upscaled[:, :, inner_rows, inner_columns]
            store((top * scale, bottom * scale), (left * scale, right * scale), inner)
        except MemoryError:
            window = _halve(window, smallest, multiple)
            regions.appendleft((rows, columns))
            continue
        done += 1
        if on_progress:
            on_progress(done, done + len(regions))


def round_up(length: int, multiple: int) -> int:
    """Round a length up to a multiple.

    >>> round_up(7, 4)
    8
    """
    return -(-length // multiple) * multiple


def _windows(kept: Span, length: int, window: int, overlap: int) -> Iterator[tuple[int, Span]]:
    """Cover a part of an axis with windows.

    Args:
        kept: start and stop of the part.
        length: length of the axis.
        window: length of a window.
        overlap: number of positions at each end of a window whose results are discarded, except at
            the ends of the axis.

    Yields:
        The start of a window, and the span of positions whose results are kept.
    """
    position, stop = kept
    while position < stop:
        start = min(max(position - overlap, 0), length - window)
        end = start + window - overlap if start + window < length else length
        yield start, (position, min(end, stop))
        position = end


def _halve(window: Window, smallest: int, multiple: int) -> Window:
    """Halve the longer side of a window, rounded up to a multiple and at least `smallest`.

    Raises:
        MemoryError: neither side can become smaller.
    """
    height, width = window
    if max(window) <= smallest:
        raise MemoryError(
            f"a window of {height} x {width} pixels does not fit, and is the smallest"
        )
    shorter = max(round_up(max(window) // 2, multiple), smallest)
    return (shorter, width) if height >= width else (height, shorter)
