"""Speed of a model on a GPU in each precision, with the pixels that differ from float32."""

import statistics
from typing import Any

import numpy as np

from benchmarks.timing import in_turns
from srgan_gp.inference.upscaler import Upscaler


def benchmark_gpu(
    model: str, megapixels: float, device: str, threads: int, repeats: int, *, tensorrt: bool
) -> dict[str, Any]:
    """Upscale one image in each precision in turn; the first runs of all are not timed.

    Args:
        model: name of a model, or path of an .onnx file.
        megapixels: size of the image, width x height / 1e6.
        device: `cuda` or `cuda:N`; `cpu` runs the same on the CPU.
        threads: CPU threads.
        repeats: timed runs of each, of which the median counts.
        tensorrt: whether TensorRT is timed too.

    Returns:
        For each device and precision: its provider, input megapixels a second from array to array,
        and the share of values that differ from the float32 result by at most 1 level of 255.
    """
    height = max(64, round((megapixels * 1e6 * 3 / 4) ** 0.5))
    pixels = _draw(height, height * 4 // 3)
    places = [device]
    if tensorrt:
        places.append(device.replace("cuda", "tensorrt"))
    opened = {
        f"{place} {precision}": Upscaler.load(
            model, device=place, threads=threads, precision=precision
        )
        for place in places
        for precision in ("float32", "float16")
    }
    results = {name: upscaler.upscale(pixels) for name, upscaler in opened.items()}
    expected = next(iter(results.values())).astype(np.int16)
    jobs = {name: lambda one=one: one.upscale(pixels) for name, one in opened.items()}
    rounds = in_turns(jobs, repeats)
    values: dict[str, Any] = {"model": model, "size": f"{pixels.shape[1]} x {height}"}
    for name, upscaler in opened.items():
        seconds = statistics.median(times[name] for times in rounds)
        report = upscaler.report
        assert report  # of the last timed run
        near = np.abs(results[name] - expected) <= 1
        values |= {
            f"{name}: provider": report.provider,
            f"{name}: megapixels a second": pixels.shape[0] * pixels.shape[1] / 1e6 / seconds,
            f"{name}: share within 1 level": float(near.mean()),
        }
    return values


def _draw(height: int, width: int) -> np.ndarray:
    """Draw an image with flat areas and edges, (height, width, 3), uint8."""
    squares = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.kron(squares, np.ones((8, 8, 1), np.uint8))
