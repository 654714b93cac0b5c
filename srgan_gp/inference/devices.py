"""Devices: parsing of `--device`, check of a GPU, default number of threads."""

import os
import re
from dataclasses import dataclass

from srgan_gp.errors import UsageError
from srgan_gp.inference.cuda_driver import find_driver

PRECISIONS = ("auto", "float32", "float16", "int8")
FLOAT16, INT8 = "float16", "int8"
GPU_KINDS = ("cuda", "tensorrt")
"""Kinds of devices that are a GPU; `tensorrt` is a GPU whose operations TensorRT compiles."""
THREADS_PER_CPU = 4  # more threads are slower; the bound catches typing errors


@dataclass(frozen=True)
class DeviceRequest:
    """A parsed `--device`.

    Attributes:
        kind: auto, cpu, or one of `GPU_KINDS`.
        index: number of the GPU, from 0.
    """

    kind: str
    index: int = 0


def parse_device(text: str) -> DeviceRequest:
    """Parse `auto`, `cpu`, `cuda`, `cuda:N`, `tensorrt` or `tensorrt:N`.

    >>> parse_device("cuda:1")
    DeviceRequest(kind='cuda', index=1)

    Raises:
        UsageError: `text` is something else.
    """
    match = re.fullmatch(r"(auto|cpu|(?:cuda|tensorrt)(?::(\d{1,3}))?)", str(text))
    if not match:
        raise UsageError(
            f"There is no device {str(text)!r}; choose auto, cpu, cuda, cuda:N or tensorrt."
        )
    return DeviceRequest(match[1].partition(":")[0], int(match[2] or 0))


def restrict_device(request: DeviceRequest, precision: str) -> DeviceRequest:
    """Check a precision; int8 changes `auto` to `cpu`.

    Raises:
        UsageError: the precision is unknown, or int8 is combined with a GPU.
    """
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise UsageError(f"There is no precision {precision!r}; choose one of {known}.")
    if precision != INT8:
        return request
    if request.kind in GPU_KINDS:  # as `allows_int8`
        raise UsageError(
            "int8 runs on the CPU only; choose the device cpu, or the precision float16."
        )
    return DeviceRequest("cpu")


def allows_int8(device: str) -> bool:
    """Return whether int8 can be used on a device, which is as for `parse_device`.

    >>> allows_int8("auto"), allows_int8("cuda:1")
    (True, False)

    Raises:
        UsageError: the device is unknown.
    """
    return parse_device(device).kind not in GPU_KINDS


def why_no_gpu(index: int) -> str | None:
    """Ask the driver why GPU `index` cannot be used; None where it reports no reason."""
    driver = find_driver()
    if driver.gpus == 0:
        return driver.problem
    if index >= driver.gpus:
        count = f"{driver.gpus} GPU{'s' if driver.gpus > 1 else ''}"
        return f"the NVIDIA driver reports {count}, numbered from 0"
    return None


def choose_threads(asked: int | None) -> int:
    """Check a number of threads; None means one for each CPU this process may use.

    Raises:
        UsageError: below 1, or above `THREADS_PER_CPU` for each CPU; thousands can hang a machine.
    """
    # ONNX Runtime's own default pins threads to CPUs that a container may not own.
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    else:
        available = os.cpu_count() or 1
    most = THREADS_PER_CPU * available
    if asked is not None and not 1 <= asked <= most:
        raise UsageError(f"The number of threads must be 1 to {most} on this machine, not {asked}.")
    return asked or available
