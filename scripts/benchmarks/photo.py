"""How long `srgan-gp upscale` takes for one photo, from the shell and back, and how much memory."""

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
        model: a name or the path of an .onnx.
        megapixels: of the photos, width x height / 1e6.
        device: as for `srgan-gp upscale`.
        threads: of the CPU.

    Returns:
        The processor, and for each size the photo's width and height, seconds from start to end,
        seconds of CPU time of all threads together, and the highest resident memory without mapped
        files in MiB. With one thread the CPU time is what an idle core would need, also while other
        programs run.
    """
    values: dict[str, Any] = {"machine": processor(), "model": model, "device": device}
    values["threads"] = threads
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for size in megapixels:
            source, target = Path(folder, "photo.jpg"), Path(folder, "result.jpg")
            width, height = draw_photo(source, size)
            command = [sys.executable, "-m", "srgan_gp", "upscale", str(source), "-o", str(target)]
            command += ["-n", model, "--device", device, "--threads", str(threads)]
            started, used = time.monotonic(), _cpu_seconds()
            _, without_files = peaks(command)
            values[f"{size:g} megapixels: size"] = f"{width} x {height}"
            values[f"{size:g} megapixels: seconds"] = time.monotonic() - started
            values[f"{size:g} megapixels: CPU seconds"] = _cpu_seconds() - used
            values[f"{size:g} megapixels: MiB"] = without_files
            target.unlink()
    return values


def processor() -> str:
    """Return the name of the processor, or "unknown"."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else "unknown"


def _cpu_seconds() -> float:
    """Return the CPU time of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
