"""Time and difference of a model's int8 network, relative to float32, on benchmark images.

The int8 network is a quantised copy of the model, with weights and activations of 8 bits.
"""

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
    """Downscale each image, and upscale it in float32 and in int8 in turns.

    Args:
        model: name of a model with an int8 network.
        data: places of HR images: folders or zip files, as for `list_images`.
        low_res: name of the downscaler, a key of `LOW_RES`.
        threads: CPU threads.

    Returns:
        For each place: the CPU time of int8 over that of float32, PSNR-Y in dB in each precision,
        the largest and mean difference of the results in levels of 255, and the mean of
        `gradient_ratio`. CPU time is used because it depends less on other programs.
    """
    float32 = Upscaler.load(model, device="cpu", threads=threads)
    int8 = Upscaler.load(model, device="cpu", threads=threads, precision="int8")
    values: dict[str, Any] = {"machine": processor(), "model": model, "threads": threads}
    for place in data:
        rows = [_compare(float32, int8, file.read(), low_res) for file in list_images(place)]
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        int8_seconds = columns["int8 seconds"].sum()
        values |= {
            f"{place}: CPU time over float32": int8_seconds / columns["float32 seconds"].sum(),
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
        difference: (H, W), the differences to another image, of any range.
        share: share of the pixels, those with the largest differences, that are used.

    Returns:
        Mean magnitude of the gradient of the luma over these pixels, relative to the mean over
        all pixels. It is 1 where the differences do not depend on edges.
    """
    gradient = np.hypot(*np.gradient(luma(image)))
    count = max(1, round(share * difference.size))
    # Indices of the `count` largest differences, in any order.
    largest = np.argpartition(difference, -count, axis=None)[-count:]
    return float(gradient.ravel()[largest].mean() / gradient.mean())


def _compare(
    float32: Upscaler, int8: Upscaler, pixels: np.ndarray, low_res: str
) -> dict[str, float]:
    """Upscale one image in float32 and in int8.

    Args:
        float32: the model in float32.
        int8: its int8 network.
        pixels: the HR image, (H, W, 3), uint8 RGB.
        low_res: name of the downscaler.

    Returns:
        `float32 seconds` and `int8 seconds` of CPU time, `PSNR-Y float32` and `PSNR-Y int8` in dB,
        `largest` and `mean` difference of the results in levels, and `gradient`, the result of
        `gradient_ratio`.
    """
    scale = float32.scale
    height, width = (side - side % scale for side in pixels.shape[:2])
    high_res = np.ascontiguousarray(pixels[:height, :width])
    small = LOW_RES[low_res](high_res, scale)
    values: dict[str, float] = {}
    results: dict[str, np.ndarray] = {}
    for name, upscaler in (("float32", float32), ("int8", int8)):
        start = time.process_time()
        results[name] = upscaler.upscale(small)
        values[f"{name} seconds"] = time.process_time() - start
        values[f"PSNR-Y {name}"] = psnr_y(results[name], high_res, border=scale)
    difference = np.abs(results["float32"].astype(int) - results["int8"])
    values["largest"] = difference.max()
    values["mean"] = difference.mean()
    values["gradient"] = gradient_ratio(results["float32"], difference.max(axis=2))
    return values
