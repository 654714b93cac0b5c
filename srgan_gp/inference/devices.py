"""Devices: parsing of `--device`, detection of GPUs, default number of threads."""

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from functools import cache

from srgan_gp.errors import UsageError

THREADS_PER_CPU = 4  # more threads are slower; the bound catches typing errors


@dataclass(frozen=True)
class DeviceRequest:
    """A parsed `--device`: `kind` is auto, cpu or cuda; `index` is the number of a GPU, from 0."""

    kind: str
    index: int = 0


def parse_device(text: str) -> DeviceRequest:
    """Parse `auto`, `cpu`, `cuda` or `cuda:N`.

    >>> parse_device("cuda:1")
    DeviceRequest(kind='cuda', index=1)

    Raises:
        UsageError: `text` is something else.
    """
    match = re.fullmatch(r"(auto|cpu|cuda)|cuda:(\d{1,3})", text)
    if not match:
        raise UsageError(f"There is no device {text!r}; choose auto, cpu, cuda or cuda:N.")
    return DeviceRequest(match[1] or "cuda", int(match[2] or 0))


def why_no_gpu(index: int) -> str | None:
    """Ask the driver why GPU `index` cannot be used; None where it reports no reason.

    The driver library is asked because ONNX Runtime's list of providers only shows what was
    compiled in.
    """
    count, reason = _count_gpus()
    if count == 0:
        return reason
    if index >= count:
        return f"the NVIDIA driver reports {count} GPU{'s' if count > 1 else ''}, numbered from 0"
    return None


@cache
def _count_gpus() -> tuple[int, str]:
    """Return the number of GPUs, and the reason where there are none."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
        status = int(driver.cuInit(0))
        count = ctypes.c_int(0)
        if status == 0:
            status = int(driver.cuDeviceGetCount(ctypes.byref(count)))
    except (OSError, AttributeError):
        return 0, f"no NVIDIA driver was found ({library} does not load)"
    if status != 0 or count.value == 0:
        return 0, f"the NVIDIA driver reports no usable GPU (CUDA error {status})"
    return count.value, ""


def choose_threads(asked: int | None) -> int:
    """Check a number of threads; None means one for each CPU this process may use.

    Raises:
        UsageError: below 1, or above `THREADS_PER_CPU` for each CPU; thousands can hang a machine.
    """
    available = default_threads()
    most = THREADS_PER_CPU * available
    if asked is not None and not 1 <= asked <= most:
        raise UsageError(f"The number of threads must be 1 to {most} on this machine, not {asked}.")
    return asked or available


def default_threads() -> int:
    """Count the CPUs this process may use.

    The number is passed to ONNX Runtime because its own default pins threads to CPUs that a
    container may not own.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
