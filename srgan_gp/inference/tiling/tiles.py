"""Tiled inference: runs a network tile by tile, so that memory stays bounded."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Network = Callable[[Floats], Floats]
Progress = Callable[[int, int], None]
Span = tuple[int, int]
"""Start and stop along one axis."""
Cut = Callable[[Span, Span], Floats]
Store = Callable[[Span, Span, Floats], None]


def run_tiled(
    network: Network,
    cut: Cut,
    store: Store,
    *,
    size: tuple[int, int],
    scale: int,
    tile: int,
    overlap: int,
    multiple: int = 1,
    on_progress: Progress | None = None,
) -> None:
    """Apply `network` to overlapping windows of an image and join the results without seams.

    All windows have one shape and are cut from the real image, never padded: those that would reach
    over the border are shifted inwards. An image side that is shorter than the window runs at its
    own size. Where `overlap` is at least the network's receptive radius, the result is the untiled
    one, bit for bit on a CPU; with less, neighbouring windows disagree along their common border.

    When one of the functions raises MemoryError, the window is halved along its longer side, and
    only the tile at hand is done again. The smaller window stays for the tiles that follow.

    Args:
        network: maps (1, C, h, w) to (1, C, h * scale, w * scale), float32, for any h and w that
            are multiples of `multiple`.
        cut: gives a window of the image by its rows and columns, (1, C, h, w) float32.
        store: takes rows and columns of the result, and what comes there, (1, C, h, w) float32; the
            whole result is stored in pieces, each once.
        size: height and width of the image, multiples of `multiple`.
        scale: enlargement of both sides by `network`.
        tile: side of the square kept from each inner window, in input pixels.
        overlap: context added on every side of a tile, in input pixels; cut off afterwards.
        multiple: windows start at multiples of it, and their sides are multiples of it.
        on_progress: called with (tiles done, tiles in all) after each tile. What it raises ends
            the run.

    Raises:
        ValueError: `tile` is not positive, `overlap` is negative, or a side is not a multiple.
        MemoryError: the smallest possible window does not fit either.
    """
    if tile < 1 or overlap < 0:
        raise ValueError(f"need tile >= 1 and overlap >= 0, got {tile=}, {overlap=}")
    height, width = size
    if height % multiple or width % multiple:
        raise ValueError(f"sides {height} x {width} are not multiples of {multiple}")
    overlap = round_up(overlap, multiple)
    side = round_up(tile, multiple) + 2 * overlap
    window = (min(side, height), min(side, width))
    regions = deque([((0, height), (0, width))])
    done = 0
    while regions:
        rows, columns = regions.popleft()
        parts_y = list(_windows(rows, height, window[0], overlap))
        parts_x = list(_windows(columns, width, window[1], overlap))
        if len(parts_y) * len(parts_x) > 1:
            regions.extendleft((y, x) for _, y in parts_y[::-1] for _, x in parts_x[::-1])
            continue
        (y0, rows), (x0, columns) = parts_y[0], parts_x[0]
        try:
            enlarged = network(cut((y0, y0 + window[0]), (x0, x0 + window[1])))
            inner_rows, inner_columns = _scaled(rows, scale, y0), _scaled(columns, scale, x0)
            kept = enlarged[:, :, slice(*inner_rows), slice(*inner_columns)]
            store(_scaled(rows, scale), _scaled(columns, scale), kept)
        except MemoryError:
            window = _halve(window, 2 * overlap + multiple, multiple)
            regions.appendleft((rows, columns))
            continue
        done += 1
        if on_progress:
            on_progress(done, done + len(regions))


def round_up(length: int, multiple: int) -> int:
    """Round up to the next multiple.

    >>> round_up(7, 4)
    8
    """
    return -(-length // multiple) * multiple


def _windows(kept: Span, length: int, window: int, overlap: int) -> Iterator[tuple[int, Span]]:
    """Cover `kept`, a part of an axis of `length`, by windows: each one's start and what it keeps.

    A window keeps what is `overlap` away from its ends; at the ends of the axis, everything.
    """
    position, stop = kept
    while position < stop:
        start = min(max(position - overlap, 0), length - window)
        end = start + window - overlap if start + window < length else length
        yield start, (position, min(end, stop))
        position = end


def _halve(window: Span, smallest: int, multiple: int) -> Span:
    """Halve the longer side; MemoryError where neither side can become smaller."""
    height, width = window
    if max(window) <= smallest:
        raise MemoryError(
            f"a window of {height} x {width} pixels does not fit, and is the smallest"
        )
    shorter = max(round_up(max(window) // 2, multiple), smallest)
    return (shorter, width) if height >= width else (height, shorter)


def _scaled(span: Span, scale: int, origin: int = 0) -> Span:
    return (span[0] - origin) * scale, (span[1] - origin) * scale
