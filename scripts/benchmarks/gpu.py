"""Speed of a model on a GPU in float32 and float16, and how near the results of both are."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.timing import in_turns, median
from srgan_gp.inference.upscaler import Upscaler


def benchmark_gpu(
    model: str, megapixels: float, device: str, threads: int, repeats: int, *, tensorrt: bool
) -> dict[str, Any]:
    """Upscale one image in float32 and float16 in turns; the first run of each is not timed.

    Args:
        model: name of a model, or path of an .onnx file.
        megapixels: size of the image, width x height / 1e6.
        device: `cuda` or `cuda:N`; `cpu` runs the same on the CPU.
        threads: CPU threads.
        repeats: number of timed runs of each, of which the median counts.
        tensorrt: whether TensorRT is timed too, as the device `tensorrt`.

    Returns:
        For each device and precision: its provider of ONNX Runtime, input megapixels per second
        from array to array, and the share of values that differ from the float32 result by at most
        1 level of 255.
    """
    height = max(64, round((megapixels * 1e6 * 3 / 4) ** 0.5))  # the aspect is 4:3
    width = height * 4 // 3
    pixels = _draw(height, width)
    devices = [device]
    if tensorrt:
        devices.append(device.replace("cuda", "tensorrt"))
    upscalers: dict[str, Upscaler] = {}
    for name in devices:
        for precision in ("float32", "float16"):
            upscalers[f"{name} {precision}"] = Upscaler.load(
                model, device=name, threads=threads, precision=precision
            )
    results = {name: upscaler.upscale(pixels) for name, upscaler in upscalers.items()}
    expected = results[f"{device} float32"].astype(np.int16)  # so that differences are signed
    jobs = {name: partial(upscaler.upscale, pixels) for name, upscaler in upscalers.items()}
    rounds = in_turns(jobs, repeats)
    values: dict[str, Any] = {"model": model, "size": f"{width} x {height}"}
    for name, upscaler in upscalers.items():
        report = upscaler.report
        assert report  # of the last timed run
        is_near = np.abs(results[name] - expected) <= 1
        values |= {
            f"{name}: provider": report.provider,
            f"{name}: megapixels a second": height * width / 1e6 / median(rounds, name),
            f"{name}: share within 1 level": float(is_near.mean()),
        }
    return values


def _draw(height: int, width: int) -> np.ndarray:
    """Draw squares of 8 x 8 pixels in random colours: (height, width, 3), uint8 RGB.

    The sides are rounded down to multiples of 8.
    """
    squares = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.kron(squares, np.ones((8, 8, 1), np.uint8))
