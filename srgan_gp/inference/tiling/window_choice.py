"""Choice of windows and batches: the fewest computed pixels within the memory budget.

A window is the input of one run of the network, and a tile is the part of the image that this run
contributes: the window without an overlap on each side. `tiles.run_tiled` runs them.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Literal, cast

from srgan_gp.errors import UsageError
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.session_interface import SessionInterface
from srgan_gp.inference.tiling.tiles import Window, round_up


@dataclass(frozen=True)
class TileLimit:
    """Tiles chosen as for "auto", but smaller if that costs little, for frequent progress."""

    pixels: int
    """Largest number of pixels of a window: the `pixel_limit` of `choose_window_by_memory`."""


TileChoice = int | Literal["auto"] | TileLimit | None
"""Largest side of the tiles in input pixels, rounded up to a multiple of the model's
`size_multiple`; "auto" chooses by memory; None: the whole image."""

CPU_BUDGET = 3 * 2**28
"""Bytes for one run on a CPU (768 MiB); an image that needs more is tiled. With a larger budget,
less overlap is computed twice; with a smaller one, less main memory is needed."""
CPU_BATCH_BUDGET = 2**26
"""Bytes for a batch of images on a CPU (64 MiB): larger batches exceed its caches and are not
faster."""
GPU_BUDGET = 2**31
"""Bytes for one run, or for a batch of images, on a GPU (2 GiB); as for `CPU_BUDGET`."""
MAX_GPU_PIXELS = 2**20
"""Largest number of input pixels of a window on a GPU, for models that need little memory. Larger
windows have less overlap, but report progress less often."""
MIN_TILE = 64
"""Smallest side of a tile, even if the window exceeds the budget: windows of smaller tiles would be
mostly overlap. A larger minimum would exceed the budget more often."""
MAX_OVERHEAD = 1.15
"""Largest ratio of computed pixels to pixels of the image at which a `pixel_limit` is kept. A
higher one permits smaller windows, with more frequent progress and more time in all."""


def choose_window(session: SessionInterface, tile: TileChoice, height: int, width: int) -> Window:
    """Return the window for a choice of tiles.

    Args:
        session: session of the model.
        tile: the choice.
        height: height of the image in pixels.
        width: width of the image in pixels.

    Returns:
        Height and width of the window in pixels; those of the padded image mean a single tile.

    Raises:
        UsageError: `tile` is a number, and the model cannot be tiled.
        TypeError: `tile` is something else.
        ValueError: `tile` is not positive.
    """
    info = session.info
    size = info.padded_size(height, width)  # of the image, padded to sides that the model accepts
    if tile is None:
        return size
    if tile == "auto" or isinstance(tile, TileLimit):
        limit = None  # besides that of the memory
        # If tiles are not exact, the result in tiles differs from that for the whole image. Such a
        # model is tiled only if memory requires it, not for frequent reports of progress.
        if isinstance(tile, TileLimit) and info.has_exact_tiles:
            limit = tile.pixels
        on_gpu = session.device != "cpu"
        window = choose_window_by_memory(info, height, width, on_gpu=on_gpu, pixel_limit=limit)
        return window or size
    if not isinstance(cast("object", tile), Integral) or isinstance(tile, bool):
        raise TypeError(f"the tile must be a number of pixels, 'auto' or None, got {tile!r}")
    if tile < 1:
        raise ValueError(f"need a tile of 1 pixel or more, got {tile}")
    if info.overlap is None:
        raise UsageError(
            f"The model {info.name} needs the whole image at once, so tiles would "
            "change the result; leave out the tile."
        )
    window_height, window_width = choose_window_by_tile(
        size, int(tile), overlap=info.overlap, multiple=info.size_multiple
    )
    # A small `tile` may ask for windows that the model refuses. "auto" has no such small tiles: it
    # keeps to `MIN_TILE`.
    return max(window_height, info.size_minimum), max(window_width, info.size_minimum)


def choose_window_by_memory(
    info: ModelInfo, height: int, width: int, *, on_gpu: bool, pixel_limit: int | None = None
) -> Window | None:
    """Choose the window for `--tile auto`.

    Args:
        info: metadata of the model.
        height: height of the image in pixels.
        width: width of the image in pixels.
        on_gpu: whether the model runs on a GPU.
        pixel_limit: limit of pixels in a window besides that of the memory, for example for
            frequent reports of progress. It is raised until the ratio of computed pixels to
            pixels of the image is at most `MAX_OVERHEAD`.

    Returns:
        Height and width of the window in input pixels, including the overlap; None means the whole
        image at once.
    """
    if info.overlap is None:
        return None
    if on_gpu:
        memory_limit = min(GPU_BUDGET // info.bytes_per_pixel, MAX_GPU_PIXELS)
    else:
        memory_limit = CPU_BUDGET // info.bytes_per_pixel
    limit = memory_limit if pixel_limit is None else min(pixel_limit, memory_limit)
    multiple, overlap = info.size_multiple, info.overlap
    size = info.padded_size(height, width)
    if math.prod(size) <= limit:
        return None
    while limit < memory_limit:
        window = smallest_cover(size, limit, overlap=overlap, multiple=multiple)
        computed = count_computed_pixels(size, window, overlap=overlap, multiple=multiple)
        if computed <= MAX_OVERHEAD * height * width:
            return window
        # An eighth more, and at least one pixel. Larger steps would raise the limit farther than
        # necessary; smaller ones take more tries.
        limit = limit * 9 // 8 + 1
    return smallest_cover(size, memory_limit, overlap=overlap, multiple=multiple)


def choose_batch(info: ModelInfo, height: int, width: int, *, on_gpu: bool) -> int:
    """Choose how many images to compute together; arguments as in `choose_window_by_memory`."""
    budget = GPU_BUDGET if on_gpu else CPU_BATCH_BUDGET
    return max(budget // (info.bytes_per_pixel * height * width), 1)


def smallest_cover(
    size: tuple[int, int], max_pixels: int, *, overlap: int, multiple: int = 1
) -> Window:
    """Return the window for which `tiles.run_tiled` computes the fewest pixels.

    With n windows along an axis of length L and the overlap o, L + 2 o (n - 1) pixels are computed.
    So few windows are best, and for a given number of windows, the smallest windows that cover the
    image.

    Args:
        size: height and width of the image, multiples of `multiple`.
        max_pixels: largest number of pixels in a window. A window that keeps `MIN_TILE` pixels on
            each axis is always allowed.
        overlap: context on every side of a tile, in input pixels.
        multiple: windows start at multiples of it, and their sides are multiples of it.

    Returns:
        Height and width of the window in input pixels.
    """
    margin = 2 * round_up(overlap, multiple)  # of both sides
    max_pixels = max(max_pixels, (round_up(MIN_TILE, multiple) + margin) ** 2)
    best, fewest = size, math.inf
    for rows in range(1, size[0] + 1):  # rows and columns of windows
        height = _side(size[0], rows, margin, multiple)
        # Each row of windows computes at least the width of the image, so at least this many pixels
        # are computed. More rows compute more, apart from the rounding of sides.
        if rows * height * size[1] >= fewest:
            break
        columns, width = _split(size[1], max_pixels // height, margin, multiple)
        computed = rows * height * columns * width
        if columns > 0 and computed < fewest:  # 0 columns: windows this high exceed `max_pixels`
            best, fewest = (height, width), computed
    return best


def count_computed_pixels(
    size: tuple[int, int], window: Window, *, overlap: int, multiple: int = 1
) -> int:
    """Return the number of input pixels in all windows of `tiles.run_tiled`, with overlap.

    Arguments as for `smallest_cover`.
    """
    margin = 2 * round_up(overlap, multiple)
    computed = 1
    for length, side in zip(size, window, strict=True):
        # n windows cover n * (side - margin) + margin pixels.
        count = 1 if length <= side else math.ceil((length - margin) / (side - margin))
        computed *= count * min(length, side)
    return computed


def choose_window_by_tile(
    size: tuple[int, int], tile: int, *, overlap: int, multiple: int = 1
) -> Window:
    """Return the smallest window for as many tiles as tiles of a given side would be.

    For example, an axis of 100 pixels needs two tiles of 64 pixels or less; two tiles of 50 pixels
    cover it too, and fewer pixels are computed.

    Args:
        size: height and width of the image, multiples of `multiple`.
        tile: largest side of a tile without overlap, in input pixels; rounded up to a multiple of
            `multiple`.
        overlap: as in `smallest_cover`.
        multiple: as in `smallest_cover`.

    Returns:
        Height and width of the window in input pixels.
    """
    margin = 2 * round_up(overlap, multiple)
    largest = round_up(tile, multiple) + margin  # so `_split` never returns (0, 0)
    _, height = _split(size[0], largest, margin, multiple)
    _, width = _split(size[1], largest, margin, multiple)
    return height, width


def _split(length: int, largest: int, margin: int, multiple: int) -> tuple[int, int]:
    """Return the smallest (number of windows, their side) that cover an axis.

    Args:
        length: length of the axis in pixels.
        largest: largest side of a window in pixels.
        margin: overlap of both sides of a window together.
        multiple: as in `smallest_cover`.

    Returns:
        Number and side in pixels; (0, 0) if windows of `largest` pixels are overlap only.
    """
    if length <= largest:
        return 1, length
    kept = largest // multiple * multiple - margin  # pixels of a window without the overlap
    if kept < 1:
        return 0, 0
    count = math.ceil((length - margin) / kept)
    return count, _side(length, count, margin, multiple)


def _side(length: int, count: int, margin: int, multiple: int) -> int:
    """Return the smallest side of `count` windows that cover an axis of `length` pixels."""
    computed = length + margin * (count - 1)
    return min(round_up(math.ceil(computed / count), multiple), length)
