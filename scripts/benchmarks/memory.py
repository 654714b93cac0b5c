"""Peak memory of upscaling a large image to a PNG, and memory growth over many images."""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

# Program that upscales one image file, by a model or by repeating pixels ("nearest").
ENLARGE = """
import sys
from pathlib import Path
from srgan_gp import Upscaler, read_image, write_image
from srgan_gp.inference.loading.model_info import ModelInfo

class Nearest:  # has the interface of a session
    info = ModelInfo(
        "nearest", "super-resolution", scale=4, overlap=1, size_multiple=1, source="metadata"
    )
    device, provider, precision, notes, card = "cpu", "", "float32", (), None
    takes_batches = False
    def run(self, images):
        return images.repeat(4, axis=2).repeat(4, axis=3)

source, target, model, threads = sys.argv[1:]
if model == "nearest":
    upscaler = Upscaler(Nearest())
else:
    upscaler = Upscaler.load(model, device="cpu", threads=int(threads))
picture = read_image(source)
result = upscaler.upscale_picture(picture, scratch_folder=Path(target).parent)
del picture
write_image(result, target)
"""

# Program that upscales many small images. After each it prints its resident memory without mapped
# files, RssAnon, in KiB.
MANY = """
import re, sys
import numpy as np
from srgan_gp import Upscaler
model, threads, images = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
upscaler = Upscaler.load(model, device="cpu", threads=threads)
rng = np.random.default_rng(0)
for number in range(images):
    height, width = rng.integers(32, 129, 2)
    upscaler.upscale(rng.integers(0, 256, (height, width, 3), np.uint8))
    status = open("/proc/self/status").read()
    print(re.search(r"RssAnon:\\s+(\\d+)", status)[1])
"""


def benchmark_memory(
    model: str, megapixels: float, nearest_megapixels: float, images: int, threads: int
) -> dict[str, Any]:
    """Measure the peak memory of processes that upscale a large image, and many small ones.

    Two numbers are given for a large image: VmHWM, the peak of the resident memory as Linux counts
    it, and the peak of the resident memory without mapped files. Linux can drop the pages of mapped
    files at any time.

    Args:
        model: name of a model or path of an .onnx file.
        megapixels: size of the image that the model upscales.
        nearest_megapixels: size of the image that is upscaled by 4 by repeating pixels.
        images: number of images of 32 to 128 pixels a side, upscaled by one session.
        threads: CPU threads.

    Returns:
        For the model and for `nearest`: size of the image, seconds, the two peaks and the size of
        the result in MiB. For many images: the highest memory, without mapped files, during the
        first tenth of them and during the second half; they differ if memory leaks.
    """
    values: dict[str, Any] = {"model": model, "threads": threads}
    # In the current folder: the folder of temporary files may be in memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for name, size, kind in (
            ("model", megapixels, model),
            ("nearest", nearest_megapixels, "nearest"),
        ):
            source, target = Path(folder, "source.jpg"), Path(folder, "result.png")
            width, height = draw_photo(source, size)
            start = time.monotonic()
            command = [sys.executable, "-c", ENLARGE, str(source), str(target), kind, str(threads)]
            vmhwm, rss_without_files = peaks(command)
            values[f"{name}_image"] = f"{width} x {height}"
            values[f"{name}_seconds"] = time.monotonic() - start
            values[f"{name}_vmhwm_mib"] = vmhwm
            values[f"{name}_rss_without_files_mib"] = rss_without_files
            values[f"{name}_result_mib"] = target.stat().st_size >> 20
            target.unlink()
    if images:
        command = [sys.executable, "-c", MANY, model, str(threads), str(images)]
        completed = subprocess.run(command, check=True, capture_output=True, text=True)
        resident = [int(line) >> 10 for line in completed.stdout.split()]  # MiB
        tenth = max(images // 10, 1)
        values["images"] = images
        values["highest_rss_of_the_first_tenth_mib"] = max(resident[:tenth])
        values["highest_rss_of_the_second_half_mib"] = max(resident[images // 2 :])
    return values


def draw_photo(path: Path, megapixels: float) -> tuple[int, int]:
    """Write a JPEG of aspect 3:2 with shapes and noise; return its width and height."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(megapixels * 1e6 / height)
    # A pattern of 512 x 512 pixels, repeated.
    noise = np.random.default_rng(0).normal(0, 6, (512, 512, 3))
    y, x = np.mgrid[:512, :512][..., np.newaxis]
    levels = 128 + 90 * np.sin(x / 31 + y / 57) * np.cos(y / 23) + noise
    pattern = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    image = Image.new("RGB", (width, height))
    for top in range(0, height, 512):
        for left in range(0, width, 512):
            image.paste(pattern, (left, top))
    image.save(path, quality=92)
    return width, height


def peaks(command: list[str]) -> tuple[int, int]:
    """Run a command; return its VmHWM and its peak RSS without mapped files, in MiB; Linux only.

    The memory is read every 10 ms.

    Raises:
        CalledProcessError: the command failed.
    """
    process = subprocess.Popen(command)
    status = Path(f"/proc/{process.pid}/status")
    vmhwm = rss_without_files = 0  # KiB
    while process.poll() is None:
        text = status.read_text()
        if "VmHWM" in text:  # absent after the end of the process
            vmhwm = max(vmhwm, _kibibytes(text, "VmHWM"))
            rss = _kibibytes(text, "RssAnon") + _kibibytes(text, "RssShmem")  # not RssFile
            rss_without_files = max(rss_without_files, rss)
        time.sleep(0.01)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return vmhwm >> 10, rss_without_files >> 10


def _kibibytes(status: str, name: str) -> int:
    """Read an entry of /proc/PID/status; 0 if it is missing."""
    match = re.search(rf"{name}:\s+(\d+)", status)
    return int(match[1]) if match else 0
