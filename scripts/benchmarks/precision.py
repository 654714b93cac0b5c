"""Time and difference of a model's int8 network, relative to float32, on benchmark images."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from srgan_gp.data.benchmark_downscalers import LOW_RES
from srgan_gp.data.image_sources import list_images
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.metrics.psnr_ssim import psnr_y


def benchmark_precision(
    model: str, data: Sequence[str], low_res: str, threads: int
) -> dict[str, Any]:
    """Upscale each image in both precisions in turn.

    Args:
        model: name of a model with an int8 network.
        data: places of HR images, as for `list_images`.
        low_res: one of `LOW_RES`.
        threads: CPU threads.

    Returns:
        For each place: the CPU time of int8 over that of float32, PSNR-Y of both in dB, and the
        largest and mean difference of the results in levels of 255. CPU time, because it depends
        less on other programs.
    """
    exact = Upscaler.load(model, device="cpu", threads=threads)
    fast = Upscaler.load(model, device="cpu", threads=threads, precision="int8")
    values: dict[str, Any] = {"model": model, "threads": threads}
    for place in data:
        seconds = {exact: 0.0, fast: 0.0}
        scores: dict[Upscaler, list[float]] = {exact: [], fast: []}
        largest, means = 0, []
        for file in list_images(place):
            pixels = file.read()
            height, width = (side - side % exact.scale for side in pixels.shape[:2])
            high_res = np.ascontiguousarray(pixels[:height, :width])
            small = LOW_RES[low_res](high_res, exact.scale)
            results = []
            for upscaler in (exact, fast):
                started = time.process_time()
                results.append(upscaler.upscale(small))
                seconds[upscaler] += time.process_time() - started
                scores[upscaler].append(psnr_y(results[-1], high_res, exact.scale))
            difference = np.abs(results[0].astype(int) - results[1])
            largest = max(largest, int(difference.max()))
            means.append(float(difference.mean()))
        values |= {
            f"{place}: CPU time over float32": seconds[fast] / seconds[exact],
            f"{place}: PSNR-Y float32": float(np.mean(scores[exact])),
            f"{place}: PSNR-Y int8": float(np.mean(scores[fast])),
            f"{place}: largest difference": largest,
            f"{place}: mean difference": float(np.mean(means)),
        }
    return values
