"""Device and precision of a run, and a clear error when its memory is too small."""

import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import torch

from srgan_gp.errors import DeviceError, TrainingError, UsageError
from srgan_gp.training.options.config import TrainConfig

CPU_INFO = Path("/proc/cpuinfo")
"""File in which Linux lists the instructions of the CPU; other systems do not have it."""
BF16_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})
"""Instructions that multiply in bf16; without them a CPU converts each value and is slower."""
MIN_SPEEDUP = 1.1
"""Speed of bf16 over float32 from which on `auto` chooses it on a CPU that supports it."""
# PyTorch has no exception type for a CPU out of memory: CUDA's message, then the CPU's.
_OUT_OF_MEMORY = re.compile("out of memory|allocate memory")


def choose_device(name: str) -> torch.device:
    """Choose the device of a run: `auto` is the first GPU, else the CPU.

    Raises:
        DeviceError: the GPU of that name does not exist.
        UsageError: the name is not auto, cpu, cuda or cuda:N.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, colon, number = name.partition(":")
    # A colon has to be followed by a number; without one there is none.
    if kind not in ("cpu", "cuda") or bool(colon) != number.isdecimal():
        raise UsageError(f"There is no device {name!r}; use auto, cpu, cuda or cuda:N.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"{name} was asked for, but PyTorch sees {torch.cuda.device_count()} CUDA devices."
        )
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """Choose the precision of a run: `auto` is bf16 where it is faster, else fp32.

    A GPU is faster in bf16 if it supports it. A CPU may be if Linux lists AVX512-BF16 or AMX-BF16
    for it; some of those are slower, so that it is measured.

    Args:
        name: auto, fp32 or bf16; the last two are returned as they are.
        device: where the run computes.
    """
    if name != "auto":
        return name
    return "bf16" if _computes_in_bf16(device) else "fp32"


@contextmanager
def cpu_threads(count: int | None) -> Generator[None]:
    """Let PyTorch compute with `count` threads, then with as many as before; None: no change."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def open_autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the autocast context in which networks run.

    bf16 has float32's range, so no gradient scaler is needed; weights, optimiser and loss stay in
    float32.

    Args:
        precision: fp32 or bf16.
        device: where the run computes.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


@contextmanager
def explained_memory(config: TrainConfig, device: torch.device) -> Generator[None, None, None]:
    """Turn an out-of-memory error into one clear message.

    Raises:
        TrainingError: instead of the errors of NumPy and PyTorch.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error))):
            raise
        raise TrainingError(
            f"The memory of {device} is too small for batches of {config.batch_size}. Saved files "
            "are not damaged. Start again in another folder with a smaller batch_size, smaller "
            "images or a smaller network."
        ) from error


def describe_machine(device: torch.device) -> dict[str, str | int]:
    """Return what a run's exact result depends on beside its options: PyTorch, device, threads."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"CPU with {torch.backends.cpu.get_cpu_capability()}"
    return {"PyTorch": torch.__version__, "device": name, "threads": torch.get_num_threads()}


def _computes_in_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        flags = CPU_INFO.read_text().split()
    except OSError:
        return False
    return not BF16_INSTRUCTIONS.isdisjoint(flags) and bf16_speedup() > MIN_SPEEDUP


def bf16_speedup(repeats: int = 5) -> float:
    """Measure how many times faster this CPU trains a convolution in bf16 than in float32.

    The two take turns, and the CPU time of the fastest repeat counts, so that other programs hardly
    change the result. It takes about half a second.
    """
    convolution = torch.nn.Conv2d(48, 48, 3, padding=1).to(memory_format=torch.channels_last)
    images = torch.ones(8, 48, 24, 24).to(memory_format=torch.channels_last)
    seconds: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for _ in range(repeats + 1):  # the first round prepares the kernels
        for precision, times in seconds.items():
            started = time.process_time()
            with open_autocast(precision, images.device):
                output = convolution(convolution(images))
            output.float().mean().backward()
            times.append(time.process_time() - started)
    return min(seconds["fp32"][1:]) / max(min(seconds["bf16"][1:]), 1e-9)  # avoids a division by 0
