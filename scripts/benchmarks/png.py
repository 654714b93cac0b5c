"""Time and size of PNG and TIFF files, relative to other encoders and to an earlier version."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from srgan_gp.images.picture import Array
from srgan_gp.inference.upscaler import Upscaler

ROOT = Path(__file__).resolve().parents[2]
PHOTO, DRAWING = ROOT / "apps" / "examples" / "coffee.jpg", ROOT / "docs" / "app-upscale.png"

# Program that encodes the array of an .npy file once, and prints seconds, CPU seconds and bytes.
ENCODE = """
import io, json, sys, time
import numpy as np

encoder, path = sys.argv[1:]
channels = np.load(path)
height, width, count = channels.shape
colours = count - (count in (2, 4))  # without alpha, which is the second or fourth channel

def srgan_gp(name, file):
    from srgan_gp import Picture
    from srgan_gp.images import encode_image
    alpha = channels[..., -1] if count != colours else None
    encode_image(Picture(channels[..., :colours], alpha=alpha), file, format=name)

def pillow(file):
    from PIL import Image
    Image.fromarray(channels[..., 0] if count == 1 else channels).save(file, "PNG")

def opencv(file):
    import cv2
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[count]
    # The compression level resets the strategy, so it comes first.
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH,
               cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    file.write(cv2.imencode(".png", channels[..., order], options)[1])

def run(file):
    if encoder in ("png", "tiff"):
        srgan_gp(encoder, file)
    else:
        {"pillow": pillow, "opencv": opencv}[encoder](file)

whole, channels = channels, channels[:8]
run(io.BytesIO())  # imports what is needed, with 8 rows
channels = whole
file = io.BytesIO()
started, cpu_started = time.perf_counter(), time.process_time()
run(file)
seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
print(json.dumps([seconds, cpu_seconds, file.tell()]))
"""


def benchmark_png(
    model: str, megapixels: float, contents: Sequence[str], before: Path | None, repeats: int
) -> dict[str, Any]:
    """Encode a photo and a drawing, each upscaled by a model, with each encoder in turns.

    Args:
        model: name of the model, or path of an .onnx file.
        megapixels: size of each image to encode; the upscaled examples are repeated, mirrored.
        contents: names of the images: photo, grey, alpha, 16-bit, drawing.
        before: a checkout of an earlier version, whose encoders are timed too; None: none.
        repeats: number of rounds in which each encoder runs once, in a process of its own.

    Returns:
        For each image and encoder: median milliseconds from start to end, median milliseconds of
        CPU time in all threads together, and the size in bytes. For an encoder of another project
        or version, also the ratios of this version's encoder to it: of times (medians), and size.
    """
    values: dict[str, Any] = {"model": model, "megapixels": megapixels}
    upscaler = Upscaler.load(model, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        for name, channels in _images(upscaler, megapixels).items():
            if name not in contents:
                continue
            path = Path(folder) / f"{name}.npy"
            np.save(path, channels)
            values |= _time_encoders(name, path, channels, before, repeats)
    return values


def _images(upscaler: Upscaler, megapixels: float) -> dict[str, Array]:
    """Return (H, W, C) by name: a photo as RGB, grey, RGB with alpha and 16-bit RGB; a drawing."""
    photo = _repeat(upscaler.upscale(_load(PHOTO)), megapixels)
    drawing = _repeat(upscaler.upscale(_load(DRAWING)), megapixels)
    grey = np.asarray(Image.fromarray(photo).convert("L"))
    noise = np.random.default_rng(0).normal(0, 64, photo.shape)
    # 255 * 257 = 65535; the noise fills the lower 8 bits.
    deep = (photo * 257.0 + noise).clip(0, 65535).astype(np.uint16)
    return {
        "photo": photo,
        "grey": grey[..., np.newaxis],
        "alpha": np.concatenate([photo, grey[..., np.newaxis]], axis=2),
        "16-bit": deep,
        "drawing": drawing,
    }


def _load(path: Path) -> Array:
    """Read at most the upper left 400 x 300 pixels of an image, as uint8 RGB."""
    image = Image.open(path).convert("RGB")
    return np.asarray(image.crop((0, 0, min(image.width, 400), min(image.height, 300))))


def _repeat(pixels: Array, megapixels: float) -> Array:
    """Repeat an image, mirrored, to a size of aspect 3:2."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(megapixels * 1e6 / height)
    missing = ((0, max(0, height - len(pixels))), (0, max(0, width - pixels.shape[1])), (0, 0))
    return np.ascontiguousarray(np.pad(pixels, missing, mode="symmetric")[:height, :width])


def _time_encoders(
    name: str, path: Path, channels: Array, before: Path | None, repeats: int
) -> dict[str, Any]:
    """Encode one image with all encoders in turns; return a part of the result of the benchmark.

    Args:
        name: name of the image.
        path: its .npy file.
        channels: its content.
        before: see `benchmark_png`.
        repeats: see `benchmark_png`.
    """
    # Name of the encoder in `ENCODE`, and the folder with the package.
    jobs: dict[str, tuple[str, Path]] = {"png": ("png", ROOT), "tiff": ("tiff", ROOT)}
    if before is not None:
        jobs |= {"png before": ("png", before), "tiff before": ("tiff", before)}
    jobs["OpenCV, Paeth and runs"] = ("opencv", ROOT)
    if channels.dtype == np.uint8:  # Pillow has no 16-bit colour
        jobs["Pillow"] = ("pillow", ROOT)
    rounds: list[dict[str, tuple[float, float, int]]] = []
    for _ in range(repeats):
        rounds.append({job: _encode(encoder, root, path) for job, (encoder, root) in jobs.items()})
    values: dict[str, Any] = {}
    for job in jobs:
        # Encoder of this version that `job` is compared with.
        own_job = "tiff" if job.startswith("tiff") else "png"
        # Each round has seconds, CPU seconds and bytes.
        for index, unit in enumerate(("ms", "CPU ms")):
            times = [results[job][index] * 1000 for results in rounds]
            values[f"{name}: {job}: {unit}"] = round(statistics.median(times))
        size = rounds[0][job][2]
        values[f"{name}: {job}: bytes"] = size
        if job == own_job:
            continue
        for index, quantity in enumerate(("time", "CPU time")):
            ratios = [results[own_job][index] / results[job][index] for results in rounds]
            values[f"{name}: {quantity} over {job}"] = statistics.median(ratios)
        values[f"{name}: size over {job}"] = rounds[0][own_job][2] / size
    return values


def _encode(encoder: str, package: Path, path: Path) -> tuple[float, float, int]:
    """Encode once in a new process.

    Args:
        encoder: name in `ENCODE`.
        package: folder that contains the package `srgan_gp`.
        path: the .npy file.

    Returns:
        Seconds, CPU seconds, and bytes.
    """
    # PYTHONSAFEPATH: the current folder, which may hold another version, is not searched.
    environment = os.environ | {"PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", ENCODE, encoder, str(path)]
    completed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    seconds, cpu_seconds, size = json.loads(completed.stdout)
    return seconds, cpu_seconds, size
