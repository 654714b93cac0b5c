"""The machine: CPU and its instruction sets, memory, GPUs, and the CUDA libraries.

ONNX Runtime is imported inside a function, so that a failed import becomes part of the report.
"""

import contextlib
import ctypes
import io
import os
import platform
import re
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from srgan_gp.inference.cuda_driver import find_driver, read_gpu

INSTRUCTION_SETS = (
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "avx512_fp16",
    "avx512_bf16", "amx_tile", "amx_int8", "neon", "asimd", "asimddp", "asimdhp", "i8mm", "sve",
)  # fmt: skip
"""Instruction sets that decide the speed of a network, as Linux names them."""


def describe_cpu() -> dict[str, Any]:
    """Describe the CPU and the main memory.

    Returns:
        `name`; `usable_cores`, the number of cores that this process may use; `cores`, the number
        of all; `instruction_sets`, a list of names; `memory_bytes` and `free_memory_bytes`. Numbers
        are None if they are unknown.
    """
    return {
        "name": _cpu_info("model name") or platform.processor() or platform.machine(),
        "usable_cores": _usable_cores(),
        "cores": os.cpu_count(),
        "instruction_sets": _instruction_sets(),
        "memory_bytes": _bytes_of_pages("SC_PHYS_PAGES"),
        "free_memory_bytes": _bytes_of_pages("SC_AVPHYS_PAGES"),
    }


def describe_gpus() -> dict[str, Any]:
    """Return what the NVIDIA driver reports.

    Returns:
        `driver_cuda`, the newest CUDA version that the driver supports; `problem`, why there is no
        usable GPU; and `gpus`, a list with a dict for each GPU, which has the fields of
        `cuda_driver.Gpu`. A value that the driver does not report is None. A GPU that cannot be
        read is None too, in place of its dict.
    """
    driver = find_driver()
    gpus = [read_gpu(index) for index in range(driver.gpus)]
    return {
        "driver_cuda": driver.cuda or None,
        "problem": driver.problem or None,
        "gpus": [vars(gpu) if gpu else None for gpu in gpus],
    }


def describe_onnxruntime() -> dict[str, Any]:
    """Describe the build of ONNX Runtime that Python imports, and whether its CUDA provider loads.

    Returns:
        `version`; `build`, the name of the installed package; `cuda`, the CUDA version it was built
        for; `providers`, the names of its execution providers; `cuda_problem`, the error of the
        system's loader, such as the name of a missing library; and `import_problem`, why ONNX
        Runtime cannot be imported. What does not apply is None.
    """
    facts: dict[str, Any] = dict.fromkeys(
        ("version", "build", "cuda", "providers", "cuda_problem", "import_problem")
    )
    try:
        runtime = import_module("onnxruntime")
        build = import_module("onnxruntime.capi.build_and_package_info")
    except Exception as error:  # Two builds in one folder can raise anything.
        return facts | {"import_problem": f"{type(error).__name__}: {error}"}
    facts["version"], facts["build"] = runtime.__version__, build.package_name
    facts["cuda"] = getattr(build, "cuda_version", None)
    facts["providers"] = runtime.get_available_providers()
    if "CUDAExecutionProvider" in facts["providers"]:
        facts["cuda_problem"] = _load_cuda_provider(runtime)
    return facts


def _load_cuda_provider(runtime: Any) -> str | None:  # noqa: ANN401 - has no type hints
    """Load the libraries of the CUDA provider; return the error of the loader, or None.

    Args:
        runtime: the module `onnxruntime`.
    """
    folder = Path(runtime.__file__).parent / "capi"
    with contextlib.redirect_stdout(io.StringIO()):  # `preload_dlls` prints messages
        runtime.preload_dlls()  # loads CUDA libraries that pip has installed
    names = ("libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so")
    if sys.platform == "win32":
        names = ("onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll")
    try:
        for name in names:  # in this order: the second library uses symbols of the first
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return str(error).replace(str(folder), "...")  # bug reports are public
    return None


def _usable_cores() -> int | None:
    """Return the number of cores that this process may use; on Windows and macOS, of all cores."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cpu_info(key: str) -> str:
    """Return a value of the first CPU in Linux's /proc/cpuinfo; "" if there is none.

    Args:
        key: name of the line, such as `model name`.
    """
    try:
        cpu_info = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return ""
    match = re.search(rf"^{key}\s*: (.+)", cpu_info, re.MULTILINE)
    return match[1] if match else ""


def _instruction_sets() -> list[str]:
    """List the names of `INSTRUCTION_SETS` that Linux reports; elsewhere, all that numpy prints."""
    flags = _cpu_info("flags") or _cpu_info("Features")  # names of the line on x86 and on ARM
    if flags:
        return [name for name in INSTRUCTION_SETS if name in flags.split()]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        import_module("numpy").show_runtime()
    # It prints {'simd_extensions': {'baseline': ['NEON', ...], 'found': [...], ...}}.
    lists = re.findall(r"'(?:baseline|found)': \[(.*?)\]", printed.getvalue(), re.DOTALL)
    return re.findall(r"'(\w+)'", " ".join(lists))


def _bytes_of_pages(name: str) -> int | None:
    """Return a number of memory pages in bytes; None if the system does not report it.

    Args:
        name: name of the number for `os.sysconf`, such as `SC_PHYS_PAGES`.
    """
    with suppress(OSError, ValueError, AttributeError):  # AttributeError: Windows has no `sysconf`
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    return None
