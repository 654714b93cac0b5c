"""Devices: parsing `--device`, and checking that the machine has it."""

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from functools import cache

from srgan_gp.errors import UsageError

THREADS_PER_CPU = 4  # more only costs; it is a bound against slips of the finger


@dataclass(frozen=True)
class DeviceRequest:
    """What the user asked for: `kind` is auto, cpu or cuda; `index` counts GPUs from 0."""

    kind: str
    index: int = 0


def parse_device(text: str) -> DeviceRequest:
    """Read `auto`, `cpu`, `cuda` or `cuda:N`.

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
    """Why GPU `index` cannot be used, as far as its driver says; None where nothing speaks against.

    The driver library is asked and not ONNX Runtime, whose list of providers only says what was
    compiled in.
    """
    count, reason = _count_gpus()
    if count == 0:
        return reason
    if index >= count:
        return f"the NVIDIA driver knows {count} GPU{'s' if count > 1 else ''}, counted from 0"
    return None


@cache
def _count_gpus() -> tuple[int, str]:
    """Number of GPUs, and the reason where there are none."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
        status = int(driver.cuInit(0))
        count = ctypes.c_int(0)
        if status == 0:
            status = int(driver.cuDeviceGetCount(ctypes.byref(count)))
    except (OSError, AttributeError):
        return 0, f"there is no NVIDIA driver here ({library} does not load)"
    if status != 0 or count.value == 0:
        return 0, f"the NVIDIA driver finds no GPU it can use (CUDA error {status})"
    return count.value, ""


def choose_threads(asked: int | None) -> int:
    """Take the number asked for, or one for each CPU this process may use.

    Raises:
        UsageError: more than `THREADS_PER_CPU` for each CPU; starting thousands can hang a machine.
    """
    available = default_threads()
    most = THREADS_PER_CPU * available
    if asked is not None and not 1 <= asked <= most:
        raise UsageError(f"{asked} threads were asked for; here it can be 1 to {most}.")
    return asked or available


def default_threads() -> int:
    """CPUs this process may use.

    Set explicitly, because ONNX Runtime's own default pins threads to CPUs that a container may not
    own.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
