"""`measure_bytes_per_pixel`: peak memory of a model per input pixel, measured in a new process.

The function starts `python -m srgan_gp.exporting.memory_measurement model.onnx SIDE`, which prints
the number. In a process that has used memory before, the memory of the model could not be measured.
"""

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from srgan_gp.inference.session import Session

SIDE = 384
"""Side of the input image in pixels, a multiple of the `size_multiple` of each generator. With a
smaller image, memory that does not grow with the image counts for more; a larger one takes longer
and may need more memory than there is."""
RUNS = 2
"""Number of runs with the image, because the second run may need more memory than the first."""
STEP = 10
"""The result is rounded up to a multiple of this number of bytes, so that repeated measurements are
mostly equal. A larger one would overstate the memory by more."""
_STATUS = Path("/proc/self/status")  # exists on Linux


def measure_bytes_per_pixel(path: Path, side: int = SIDE) -> int | None:
    """Measure the peak memory of a run on the CPU, per input pixel.

    Args:
        path: an ONNX file with the metadata of this package.
        side: side of the input image in pixels.

    Returns:
        Bytes per pixel; None if the system does not tell the peak memory of a process, or the new
        process failed, for example because there was not enough memory.
    """
    command = [sys.executable, "-m", __name__, str(path), str(side)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else None


def _main(path: Path, side: int = SIDE) -> int:
    """Print the bytes per pixel, and return the exit code: 1 if they cannot be measured."""
    # A first session loads the libraries, whose memory is not counted. It stays open, because the
    # second session would otherwise use its memory again.
    first_session = Session.open(path, device="cpu")
    first_session.run(_image(64))  # any small size
    session, image = Session.open(path, device="cpu"), _image(side)
    before = _kibibytes("VmRSS")  # memory in use
    for _ in range(RUNS):
        session.run(image)
    peak = _kibibytes("VmHWM")  # largest memory in use so far
    if before is None or peak is None:
        return 1
    bytes_per_pixel = (peak - before) * 1024 / side**2
    sys.stdout.write(f"{math.ceil(bytes_per_pixel / STEP) * STEP}\n")
    return 0


def _image(side: int) -> np.ndarray:
    """Return a grey image, (1, 3, side, side), float32."""
    return np.full((1, 3, side, side), 0.5, np.float32)


def _kibibytes(name: str) -> int | None:
    """Return a value of the status of this process in KiB; None if the system has none."""
    try:
        match = re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text())
    except OSError:
        return None
    return int(match[1]) if match else None


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), int(sys.argv[2])))
