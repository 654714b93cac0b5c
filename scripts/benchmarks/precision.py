"""Time and difference of a model's int8 network, relative to float32, on benchmark images."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.photo import processor
from srgan_gp.data.benchmark_downscalers import LOW_RES
from srgan_gp.data.image_sources import list_images
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.metrics.psnr_ssim import luma, psnr_y


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
        For each place: the CPU time of int8 over that of float32, PSNR-Y of both in dB, the
        largest and mean difference of the results in levels of 255, and the mean of
        `gradient_ratio`. CPU time, because it depends less on other programs.
    """
    exact = Upscaler.load(model, device="cpu", threads=threads)
    fast = Upscaler.load(model, device="cpu", threads=threads, precision="int8")
    values: dict[str, Any] = {"machine": processor(), "model": model, "threads": threads}
    for place in data:
        images = [_compared(exact, fast, file.read(), low_res) for file in list_images(place)]
        columns = {name: np.array([image[name] for image in images]) for name in images[0]}
        values |= {
            f"{place}: CPU time over float32": columns["int8"].sum() / columns["float32"].sum(),
            f"{place}: PSNR-Y float32": columns["PSNR-Y float32"].mean(),
            f"{place}: PSNR-Y int8": columns["PSNR-Y int8"].mean(),
            f"{place}: largest difference": int(columns["largest"].max()),
            f"{place}: mean difference": columns["mean"].mean(),
            f"{place}: gradient at the largest differences": columns["gradient"].mean(),
        }
    return values


def gradient_ratio(image: np.ndarray, difference: np.ndarray, share: float = 0.001) -> float:
    """Return the gradient at the largest differences over the mean gradient of the image.

    Args:
        image: (H, W, 3), uint8 RGB, not of one colour.
        difference: (H, W), of any range.
        share: of the pixels that count as those with the largest differences, at least one.

    Returns:
        Mean magnitude of the gradient of the luma over these pixels, relative to the mean over
        all pixels. It is 1 where the differences do not depend on edges.
    """
    gradient = np.hypot(*np.gradient(luma(image)))
    count = max(1, round(share * difference.size))
    largest = np.argpartition(difference, -count, axis=None)[-count:]
    return float(gradient.ravel()[largest].mean() / gradient.mean())


def _compared(
    exact: Upscaler, fast: Upscaler, pixels: np.ndarray, low_res: str
) -> dict[str, float]:
    height, width = (side - side % exact.scale for side in pixels.shape[:2])
    high_res = np.ascontiguousarray(pixels[:height, :width])
    small = LOW_RES[low_res](high_res, exact.scale)
    values: dict[str, float] = {}
    results = []
    for name, upscaler in (("float32", exact), ("int8", fast)):
        started = time.process_time()
        results.append(upscaler.upscale(small))
        values[name] = time.process_time() - started
        values[f"PSNR-Y {name}"] = psnr_y(results[-1], high_res, exact.scale)
    difference = np.abs(results[0].astype(int) - results[1])
    values |= {"largest": difference.max(), "mean": difference.mean()}
    return values | {"gradient": gradient_ratio(results[0], difference.max(axis=2))}
