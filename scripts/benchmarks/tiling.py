"""Computed pixels and time of tiled images, with rectangular windows and with square ones.

Large images are upscaled in windows (tiles with the overlap that their edges need), so that the
memory is limited. Pixels in the overlap are computed more than once. Windows are rectangles of
different shapes; the windows of earlier versions were squares.
"""

import math
import time
from typing import Any

import numpy as np

from benchmarks.photo import processor
from srgan_gp.inference.loading.foreign_models import parse_safely
from srgan_gp.inference.loading.model_files import read_model
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.session import Session
from srgan_gp.inference.tiling.memory_estimate import estimate_bytes_per_pixel
from srgan_gp.inference.tiling.network_pass import NetworkPass
from srgan_gp.inference.tiling.tiles import Window, round_up, run_tiled
from srgan_gp.inference.tiling.window_choice import choose_window_by_memory, count_computed_pixels

SIZES = (
    (512, 512), (1024, 768), (1280, 960), (1920, 1080), (1600, 1200),
    (2048, 1536), (2560, 1920), (3000, 2000), (3264, 2448), (4000, 3000),
)  # fmt: skip
"""Widths and heights of the images in pixels."""
OFTEN_MEGAPIXELS = 1.3
"""Size of an image up to which it is timed `repeats` times; larger ones are timed once."""
BEFORE, AFTER = "squares", "rectangles"  # windows of earlier versions, and of this version


def benchmark_tiling(
    model: str, timed_megapixels: float, threads: int, repeats: int
) -> dict[str, Any]:
    """Compare the windows that `--tile auto` chooses with the squares of earlier versions.

    Args:
        model: name of a model or path of an .onnx file that can be tiled.
        timed_megapixels: size of the largest image that is upscaled; larger ones are only counted.
        threads: CPU threads.
        repeats: number of rounds in which both kinds of windows run once; see `OFTEN_MEGAPIXELS`.

    Returns:
        For each size and kind of windows: computed pixels for each needed one, on a CPU and on a
        GPU. For the timed sizes also the smallest CPU seconds of all threads together, the median
        of the ratios of a round, and whether both results are equal. CPU time is used because other
        programs do not change it much.
    """
    session = Session.open(model, device="cpu", threads=threads)
    info = session.info
    old_bytes = estimate_bytes_per_pixel(parse_safely(read_model(model).data, model))
    values: dict[str, Any] = {"machine": processor(), "model": info.name, "threads": threads}
    for width, height in SIZES:
        name = f"{width} x {height}"
        for place, on_gpu in (("CPU", False), ("GPU", True)):
            for kind, window in _windows(info, (height, width), old_bytes, on_gpu=on_gpu).items():
                values[f"{name}: {kind}, {place}"] = _computed_per_pixel(
                    info, (height, width), window
                )
        if width * height <= timed_megapixels * 1e6:
            windows = _windows(info, (height, width), old_bytes, on_gpu=False)
            rounds = repeats if width * height <= OFTEN_MEGAPIXELS * 1e6 else 1
            for quantity, value in _time(session, (height, width), windows, rounds).items():
                values[f"{name}: {quantity}"] = value
    return values


def _windows(
    info: ModelInfo, size: tuple[int, int], old_bytes: int, *, on_gpu: bool
) -> dict[str, Window]:
    """Return the height and width of the windows of an image, by kind.

    Args:
        info: the model.
        size: height and width of the image.
        old_bytes: memory per pixel of a window, as earlier versions estimated it.
        on_gpu: whether the windows are those for a GPU.
    """
    overlap, multiple = info.overlap or 0, info.size_multiple
    tile = _old_tile(overlap, *size, old_bytes, on_gpu=on_gpu)
    if tile is None:
        square = size
    else:
        side = round_up(tile, multiple) + 2 * round_up(overlap, multiple)
        square = (min(size[0], side), min(size[1], side))
    return {BEFORE: square, AFTER: choose_window_by_memory(info, *size, on_gpu=on_gpu) or size}


def _old_tile(
    overlap: int, height: int, width: int, bytes_per_pixel: int, *, on_gpu: bool
) -> int | None:
    """Choose the side of square tiles as earlier versions did; None for the whole image."""
    affordable = (2**31 if on_gpu else 2**30) // bytes_per_pixel  # pixels in 2 GiB or 1 GiB
    if not on_gpu and height * width <= affordable:
        return None
    window = math.isqrt(affordable)
    if on_gpu:
        return max(min(window, 1024) - 2 * overlap, 64)
    largest = max(window - 2 * overlap, 64)
    # Divide each axis, less the overlap at both ends, into tiles of equal length.
    even_sides = []
    for length in (height - 2 * overlap, width - 2 * overlap):
        count = max(math.ceil(length / largest), 1)
        if count > 1:
            even_sides.append(math.ceil(length / count))
    return max(even_sides, default=largest)


def _computed_per_pixel(info: ModelInfo, size: tuple[int, int], window: Window) -> float:
    """Return the number of computed pixels for each pixel of the image."""
    overlap, multiple = info.overlap or 0, info.size_multiple
    return count_computed_pixels(size, window, overlap=overlap, multiple=multiple) / math.prod(size)


def _time(
    session: Session, size: tuple[int, int], windows: dict[str, Window], repeats: int
) -> dict[str, Any]:
    """Upscale an image of noise with both kinds of windows in turns; return times and equality."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    seconds: dict[str, list[float]] = {kind: [] for kind in windows}
    results: dict[str, np.ndarray] = {}
    for _ in range(repeats):
        for kind, window in windows.items():
            start = time.process_time()
            results[kind] = _upscale(session, image, window)
            seconds[kind].append(time.process_time() - start)
    ratios = np.array(seconds[AFTER]) / np.array(seconds[BEFORE])
    return {
        **{f"{kind}, CPU seconds": min(values) for kind, values in seconds.items()},
        "time of rectangles over squares": float(np.median(ratios)),
        "results are equal": bool(np.array_equal(results[BEFORE], results[AFTER])),
    }


def _upscale(session: Session, image: np.ndarray, window: Window) -> np.ndarray:
    """Upscale (H, W, 3), uint8, in windows of this height and width."""
    scale = session.info.scale
    height, width = image.shape[:2]
    result_size = (height * scale, width * scale)
    # Without a folder, the result is kept in memory.
    network_pass = NetworkPass(image, scale, result_size, is_alpha=False, folder=None)
    run_tiled(
        session.run, network_pass.cut, network_pass.store, size=(height, width), scale=scale,
        window=window, overlap=session.info.overlap or 0, multiple=session.info.size_multiple,
    )  # fmt: skip
    return network_pass.finish(on_band=lambda: None)  # nothing can interrupt it
