"""The machine: CPU and its instruction sets, memory, GPUs, and the CUDA libraries.

ONNX Runtime is imported inside functions, so that the report can say that it does not load.
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
    """Return the name of the CPU, usable and existing cores, instruction sets, and memory."""
    return {
        "name": _cpu_info("model name") or platform.processor() or platform.machine(),
        "usable_cores": _usable_cores(),
        "cores": os.cpu_count(),
        "instruction_sets": _instruction_sets(),
        "memory_bytes": _memory_bytes("SC_PHYS_PAGES"),
        "free_memory_bytes": _memory_bytes("SC_AVPHYS_PAGES"),
    }


def describe_gpus() -> dict[str, Any]:
    """Return what the NVIDIA driver reports: its CUDA version, and the GPUs or why there are none.

    The memory is in bytes. A GPU of which the driver does not tell name and memory is None.
    """
    driver = find_driver()
    found = [read_gpu(index) for index in range(driver.gpus)]
    return {
        "driver_cuda": driver.cuda or None,
        "problem": driver.problem or None,
        "gpus": [vars(gpu) if gpu else None for gpu in found],
    }


def describe_onnxruntime() -> dict[str, Any]:
    """Return the build of ONNX Runtime that Python imports, and whether its CUDA provider loads.

    `cuda_problem` is the error of the system's loader, such as the name of a missing library; None
    where the provider loads, or the build has none. `import_problem` is the reason where ONNX
    Runtime cannot be imported; the other values are then None.
    """
    facts: dict[str, Any] = dict.fromkeys(
        ("version", "build", "cuda", "providers", "cuda_problem", "import_problem")
    )
    try:
        runtime = import_module("onnxruntime")
        build = import_module("onnxruntime.capi.build_and_package_info")
    except Exception as error:  # two builds in one folder fail in many ways
        return facts | {"import_problem": f"{type(error).__name__}: {error}"}
    facts["version"], facts["build"] = runtime.__version__, build.package_name
    facts["cuda"] = getattr(build, "cuda_version", None)
    facts["providers"] = runtime.get_available_providers()
    if "CUDAExecutionProvider" in facts["providers"]:
        facts["cuda_problem"] = _why_cuda_does_not_load(runtime)
    return facts


def _why_cuda_does_not_load(runtime: Any) -> str | None:  # noqa: ANN401 - has no type hints
    folder = Path(runtime.__file__).parent / "capi"
    with contextlib.redirect_stdout(io.StringIO()):
        runtime.preload_dlls()  # CUDA libraries installed by pip
    names = ("libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so")
    if sys.platform == "win32":
        names = tuple(f"{name[3:-3]}.dll" for name in names)
    try:
        for name in names:  # the second one uses symbols of the first
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return str(error).replace(str(folder), "...")
    return None


def _usable_cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cpu_info(key: str) -> str:
    """Read a value of the first CPU from Linux; empty elsewhere."""
    with suppress(OSError):
        found = re.search(rf"^{key}\s*: (.+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        return found[1] if found else ""
    return ""


def _instruction_sets() -> list[str]:
    """List what of `INSTRUCTION_SETS` Linux reports; elsewhere the names that numpy prints."""
    if flags := (_cpu_info("flags") or _cpu_info("Features")).split():
        return [name for name in INSTRUCTION_SETS if name in flags]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        import_module("numpy").show_runtime()
    lists = re.findall(r"'(?:baseline|found)': \[(.*?)\]", printed.getvalue(), re.DOTALL)
    return re.findall(r"'(\w+)'", " ".join(lists))


def _memory_bytes(pages: str) -> int | None:
    with suppress(OSError, ValueError, AttributeError):  # AttributeError: Windows
        return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
    return None
