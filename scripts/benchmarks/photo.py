"""Time and memory of the command `srgan-gp upscale` for one photo, from its start to its end."""

import re
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.memory import draw_photo, peaks


def benchmark_photo(
    model: str, megapixels: Sequence[float], device: str, threads: int
) -> dict[str, Any]:
    """Upscale one JPEG of each size in a process of its own.

    Args:
        model: name of a model or path of an .onnx file.
        megapixels: sizes of the photos, width x height / 1e6.
        device: as for `srgan-gp upscale`.
        threads: CPU threads.

    Returns:
        The processor, and for each size the photo's width and height, seconds from start to end,
        seconds of CPU time of all threads together, and the highest resident memory without mapped
        files in MiB. Other programs that run at the same time change the seconds, but hardly the
        CPU time. Keys: `N megapixels: size`, `: seconds`, `: CPU seconds` and `: MiB`.
    """
    values: dict[str, Any] = {"machine": processor(), "model": model, "device": device}
    values["threads"] = threads
    # In the current folder: the folder of temporary files may be in memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for size in megapixels:
            source, target = Path(folder, "photo.jpg"), Path(folder, "result.jpg")
            width, height = draw_photo(source, size)
            command = [sys.executable, "-m", "srgan_gp", "upscale", str(source), "-o", str(target)]
            command += ["-n", model, "--device", device, "--threads", str(threads)]
            start, cpu_start = time.monotonic(), _cpu_seconds()
            _, rss_without_files = peaks(command)
            values[f"{size:g} megapixels: size"] = f"{width} x {height}"
            values[f"{size:g} megapixels: seconds"] = time.monotonic() - start
            values[f"{size:g} megapixels: CPU seconds"] = _cpu_seconds() - cpu_start
            values[f"{size:g} megapixels: MiB"] = rss_without_files
            target.unlink()
    return values


def processor() -> str:
    """Return the name of the processor, or "unknown"; Linux only."""
    match = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return match[1] if match else "unknown"


def _cpu_seconds() -> float:
    """Return the CPU time of all processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
