"""Measurement of a model's peak memory per input pixel, in a process of its own.

`measure_bytes_per_pixel` starts `python -m srgan_gp.exporting.memory_measurement model.onnx`, which
prints the number. Memory that a process has used before cannot be told from that of the model.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from srgan_gp.inference.session import Session

SIDE = 384
"""Side of the input image in pixels, a multiple of the size multiples of all generators."""
RUNS = 2
"""Runs of one shape, because the second one may need more memory than the first one."""
STEP = 10
"""The result is rounded up to a multiple of it, so that repeated measurements are equal."""
_STATUS = Path("/proc/self/status")


def measure_bytes_per_pixel(path: Path, side: int = SIDE) -> int | None:
    """Measure the peak memory of a run on the CPU, per input pixel.

    Args:
        path: an ONNX file with our metadata.
        side: side of the input image in pixels.

    Returns:
        Bytes per pixel, or None where the system does not tell the peak memory of a process, or the
        process failed, for example because the memory did not suffice.
    """
    command = [sys.executable, "-m", __name__, str(path), str(side)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else None


def _main(path: Path, side: int = SIDE) -> int:
    """Print the bytes per pixel; return 1 where they cannot be measured."""
    # Another session loads the libraries first. It stays open: its memory would be used again.
    other = Session.open(path, device="cpu")
    other.run(_image(64))
    session, image = Session.open(path, device="cpu"), _image(side)
    before = _kibibytes("VmRSS")
    for _ in range(RUNS):
        session.run(image)
    peak = _kibibytes("VmHWM")
    if before is None or peak is None:
        return 1
    measured = -(-(peak - before) * 1024 // side**2 // STEP) * STEP
    sys.stdout.write(f"{measured}\n")
    return 0


def _image(side: int) -> np.ndarray:
    return np.full((1, 3, side, side), 0.5, np.float32)


def _kibibytes(name: str) -> int | None:
    """Return a line of the status of this process; None where the system has none."""
    try:
        found = re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text())
    except OSError:
        return None
    return int(found[1]) if found else None


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), int(sys.argv[2])))
