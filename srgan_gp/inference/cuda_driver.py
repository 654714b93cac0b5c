"""NVIDIA driver library: version, number of GPUs, and their name and free memory.

The driver is asked because ONNX Runtime's list of providers only shows what was compiled in. The
library is part of the driver, so no package has to be installed.
"""

import ctypes
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
NO_DRIVER = "no NVIDIA driver was found"
_NAME_BYTES = 256


@dataclass(frozen=True)
class Driver:
    """State of the NVIDIA driver."""

    gpus: int
    problem: str = ""
    """Why there is no usable GPU; empty where there is one."""
    cuda: str = ""
    """Newest CUDA version that the driver supports, such as 13.0; empty without a driver."""


@dataclass(frozen=True)
class Gpu:
    """A GPU; memory in bytes."""

    name: str
    compute_capability: str
    """Such as 9.0."""
    total_memory: int
    free_memory: int


@cache
def find_driver() -> Driver:
    """Load the driver library once and count the GPUs."""
    try:
        driver = ctypes.CDLL(_LIBRARY)
        status, version, count = int(driver.cuInit(0)), ctypes.c_int(0), ctypes.c_int(0)
        with suppress(AttributeError):
            driver.cuDriverGetVersion(ctypes.byref(version))
        if status == 0:
            status = int(driver.cuDeviceGetCount(ctypes.byref(count)))
    except (OSError, AttributeError):
        return Driver(0, f"{NO_DRIVER} ({_LIBRARY} does not load)")
    cuda = f"{version.value // 1000}.{version.value % 1000 // 10}" if version.value else ""
    if status != 0 or count.value == 0:
        return Driver(0, f"the NVIDIA driver reports no usable GPU (CUDA error {status})", cuda)
    return Driver(count.value, cuda=cuda)


def read_gpu(index: int) -> Gpu | None:
    """Read name and memory of a GPU; None where there is none or the driver reports an error.

    The free memory is what all processes together leave. Reading it needs a CUDA context, which
    takes some hundred megabytes of the GPU meanwhile. It is released at once, unless ONNX Runtime
    shares it.

    Args:
        index: number of a GPU below `find_driver().gpus`.
    """
    if index >= find_driver().gpus:
        return None
    try:
        return _read_gpu(ctypes.CDLL(_LIBRARY), index)
    except (OSError, AttributeError, RuntimeError):
        return None


def _read_gpu(driver: Any, index: int) -> Gpu:  # noqa: ANN401 - a library of C functions
    device, major, minor = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    free, total, context = ctypes.c_size_t(0), ctypes.c_size_t(0), ctypes.c_void_p(None)
    _check(driver.cuDeviceGet(ctypes.byref(device), index))
    _check(driver.cuDeviceGetName(name, _NAME_BYTES, device))
    # Attributes 75 and 76 are the two parts of the compute capability.
    _check(driver.cuDeviceGetAttribute(ctypes.byref(major), 75, device))
    _check(driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, device))
    _check(driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    try:
        _check(driver.cuCtxPushCurrent_v2(context))
        try:
            _check(driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)))
        finally:
            driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p(None)))
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)
    capability = f"{major.value}.{minor.value}"
    return Gpu(name.value.decode(errors="replace"), capability, total.value, free.value)


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"CUDA error {status}")
