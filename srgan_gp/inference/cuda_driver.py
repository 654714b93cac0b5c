"""NVIDIA driver: its CUDA version, the number of GPUs, and their names and free memory.

The driver is asked, because ONNX Runtime's list of providers shows what was compiled in, not what
works. The C functions of the driver's library are called, so no package has to be installed.
"""

import ctypes
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
NO_DRIVER = "no NVIDIA driver was found"
"""Start of `Driver.problem` without a driver."""
_NAME_BYTES = 256  # size of the buffer for the name of a GPU; a longer name would be cut
_MAJOR_CAPABILITY, _MINOR_CAPABILITY = 75, 76  # CUDA's numbers of two attributes of a GPU


@dataclass(frozen=True)
class Driver:
    """State of the NVIDIA driver."""

    gpus: int
    """Number of usable GPUs."""
    problem: str = ""
    """Why there is no usable GPU; empty if there is one."""
    cuda: str = ""
    """Newest CUDA version that the driver supports, such as 13.0; empty without a driver."""


@dataclass(frozen=True)
class Gpu:
    """A GPU."""

    name: str
    compute_capability: str
    """Such as 9.0."""
    total_memory: int
    """In bytes."""
    free_memory: int
    """In bytes, not used by any process."""


@cache
def find_driver() -> Driver:
    """Load the driver library and count the GPUs; the result is kept for the process."""
    version, count = ctypes.c_int(0), ctypes.c_int(0)
    try:
        driver = ctypes.CDLL(_LIBRARY)
        status = int(driver.cuInit(0))
        with suppress(AttributeError):  # An old driver lacks the function; its version stays 0.
            driver.cuDriverGetVersion(ctypes.byref(version))
        if status == 0:
            status = int(driver.cuDeviceGetCount(ctypes.byref(count)))
    except (OSError, AttributeError):
        return Driver(0, f"{NO_DRIVER} ({_LIBRARY} does not load)")
    # The version is 1000 * major + 10 * minor.
    cuda = f"{version.value // 1000}.{version.value % 1000 // 10}" if version.value else ""
    if status != 0 or count.value == 0:
        return Driver(0, f"the NVIDIA driver reports no usable GPU (CUDA error {status})", cuda)
    return Driver(count.value, cuda=cuda)


def read_gpu(index: int) -> Gpu | None:
    """Read name and memory of a GPU.

    Reading the free memory needs a CUDA context, which takes some hundred megabytes of the GPU
    meanwhile. The context is released at once, unless ONNX Runtime uses it too.

    Args:
        index: number of the GPU, from 0.

    Returns:
        The GPU; None if there is none with this number, or the driver reports an error.
    """
    if index >= find_driver().gpus:
        return None
    try:
        return _read_gpu(ctypes.CDLL(_LIBRARY), index)
    except (OSError, AttributeError, RuntimeError):
        return None


def _read_gpu(driver: Any, index: int) -> Gpu:  # noqa: ANN401 - a library of C functions
    """Read a GPU with the functions of the driver library; RuntimeError if one of them fails."""
    device, major, minor = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    free, total, context = ctypes.c_size_t(0), ctypes.c_size_t(0), ctypes.c_void_p(None)
    _check(driver.cuDeviceGet(ctypes.byref(device), index))
    _check(driver.cuDeviceGetName(name, _NAME_BYTES, device))
    _check(driver.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR_CAPABILITY, device))
    _check(driver.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR_CAPABILITY, device))
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
    """Raise RuntimeError for the status of a driver function, except for 0, success."""
    if status != 0:
        raise RuntimeError(f"CUDA error {status}")
