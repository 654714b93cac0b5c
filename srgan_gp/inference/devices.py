"""Parsing of `--device`, check of the precision and of a GPU, and the default number of threads."""

import os
import re
from dataclasses import dataclass
from typing import cast

from srgan_gp.errors import UsageError
from srgan_gp.inference.cuda_driver import find_driver

PRECISIONS = ("auto", "float32", "float16", "int8")
"""Values of `--precision`; `auto` is float32."""
FLOAT16, INT8 = "float16", "int8"
GPU_KINDS = ("cuda", "tensorrt")
"""Kinds of devices that are a GPU; `tensorrt` is a GPU whose operations TensorRT compiles."""
THREADS_PER_CPU = 4
"""Limit of the threads for each CPU. More threads are slower; the limit catches typing errors."""


@dataclass(frozen=True)
class DeviceRequest:
    """A parsed `--device`.

    Attributes:
        kind: auto, cpu, or one of `GPU_KINDS`.
        index: number of the GPU, from 0.
    """

    kind: str
    index: int = 0


def parse_device(device: str) -> DeviceRequest:
    """Parse `auto`, `cpu`, `cuda`, `cuda:N`, `tensorrt` or `tensorrt:N`, in any case.

    >>> parse_device("cuda:1")
    DeviceRequest(kind='cuda', index=1)

    Raises:
        UsageError: `device` is another text.
        TypeError: `device` is something else. An object whose text is a device is accepted.
    """
    # Three digits are enough: no machine has 1000 GPUs.
    match = re.fullmatch(r"(auto|cpu)|(cuda|tensorrt)(?::(\d{1,3}))?", str(device).lower())
    if not match:
        if not isinstance(cast("object", device), str):  # callers may pass any type
            raise TypeError(f"the device must be a text, such as 'cpu', got {device!r}")
        raise UsageError(
            f"There is no device {str(device)!r}; choose auto, cpu, cuda, cuda:N or tensorrt."
        )
    kind, gpu_kind, index = match.groups()
    return DeviceRequest(kind or gpu_kind, 0 if index is None else int(index))


def restrict_device(request: DeviceRequest, precision: str) -> DeviceRequest:
    """Check that a precision can be used on a device, and restrict `auto` to the CPU for int8.

    Args:
        request: the device.
        precision: one of `PRECISIONS`.

    Returns:
        `request`; for int8 the CPU.

    Raises:
        UsageError: the precision is unknown, or int8 is combined with a GPU.
        TypeError: the precision is not a text.
    """
    if not isinstance(cast("object", precision), str):
        raise TypeError(f"the precision must be a text, such as 'int8', got {precision!r}")
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise UsageError(f"There is no precision {precision!r}; choose one of {known}.")
    if precision != INT8:
        return request
    if request.kind in GPU_KINDS:
        raise UsageError(
            "int8 runs on the CPU only; choose the device cpu, or the precision float16."
        )
    return DeviceRequest("cpu")


def allows_int8(device: str) -> bool:
    """Return whether int8 can be used on a device, given as for `parse_device`.

    >>> allows_int8("auto"), allows_int8("cuda:1")
    (True, False)

    Raises:
        UsageError: the device is unknown.
    """
    return parse_device(device).kind not in GPU_KINDS


def why_no_gpu(index: int) -> str | None:
    """Return why GPU number `index` cannot be used; None if the NVIDIA driver reports that GPU."""
    driver = find_driver()
    if driver.gpus == 0:  # `problem` is then set
        return driver.problem
    if index >= driver.gpus:
        plural = "s" if driver.gpus > 1 else ""
        return f"the NVIDIA driver reports {driver.gpus} GPU{plural}, numbered from 0"
    return None


def choose_threads(requested: int | None) -> int:
    """Check or choose the number of CPU threads for a model.

    Args:
        requested: number of threads; None means one for each CPU this process may use.

    Returns:
        The number of threads.

    Raises:
        UsageError: the number is below 1, or above `THREADS_PER_CPU` for each CPU.
    """
    # ONNX Runtime's own default pins threads to CPUs that a container may not own.
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    if requested is None:
        return cpus
    limit = THREADS_PER_CPU * cpus
    if not 1 <= requested <= limit:
        raise UsageError(
            f"The number of threads must be 1 to {limit}, {THREADS_PER_CPU} for each CPU that this "
            f"process may use, not {requested}."
        )
    return requested
